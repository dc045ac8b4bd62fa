// Goal: the bounded queues keep their contract in every behaviour that the C++ memory model allows,
// and each memory order and second look is needed for it.
// Method: the bodies that ship, over tools/model, in scenarios of two or three threads with
// capacities 1 to 3, explored exhaustively. The values are plain memory: a missing edge between a
// push and a pop, or between a pop and the next push into its slot, is a data race. Each mutant
// must fail a scenario.
#include <cstddef>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "mpmc/bounded_queue_scenarios.h"
#include "mpmc/pop_result.h"
#include "mpmc/push_result.h"
#include "tools/model/atomic.h"
#include "tools/model/model.h"
#include "tools/model/testing.h"

namespace weft::bounded_queue_scenarios {
namespace {

// ---- One value after the other -----------------------------------------------------------------

template <typename Q>
void ValuesCrossInOrder(std::size_t capacity) {
  Q queue(capacity);
  model::Thread producer([&] {
    for (int i = 1; i <= 2; ++i) model::Assert(queue.SpinPush(Value(i)).ok(), "refused");
  });
  for (int i = 1; i <= 2; ++i) model::Assert(queue.SpinPop()->Read() == i, "order");
  producer.Join();
}
void ValuesCrossASingleSlot() { ValuesCrossInOrder<Queue>(1); }
void ValuesCrossTwoSlots() { ValuesCrossInOrder<Queue>(2); }
void ValuesCrossASingleSlotToOneConsumer() { ValuesCrossInOrder<MpscQueue>(1); }

template <typename Q>
void PolledValueCrosses() {
  Q queue(1);
  model::Thread producer([&] {
    queue.PollPush(Value(1)).ok();
    model::Assert(queue.PollPush(Value(2)).outcome() != PushOutcome::kFull,
                  "weak answers no kFull");
  });
  for (;;) {
    const PopResult<Value> result = queue.PollPop();
    if (result.ok()) {
      model::Assert(result->Read() == 1, "order");
      break;
    }
    model::Assert(result.outcome() == PopOutcome::kBusy, "weak answers kBusy");
    model::Atomics::Yield();
  }
  producer.Join();
}

// ---- Several producers, several consumers ------------------------------------------------------

template <typename Q>
void TwoProducersLoseNothing() {
  Q queue(2);
  model::Thread one([&] { model::Assert(queue.TryPush(Value(1)).ok(), "no room"); });
  model::Thread two([&] { model::Assert(queue.TryPush(Value(2)).ok(), "no room"); });
  const int first = queue.SpinPop()->Read();
  const int second = queue.SpinPop()->Read();
  model::Assert(first + second == 3 && first != second, "lost or doubled");
  one.Join();
  two.Join();
}

void TwoConsumersShareNothing() {
  Queue queue(2);
  Fill(queue, 2);
  int taken = 0;
  model::Thread other([&] { taken = PopOne(queue); });
  const int mine = PopOne(queue);
  other.Join();
  model::Assert(mine + taken == 3 && mine != taken, "lost or doubled");
  ExpectDrained(queue);
}

void PollingConsumersShareNothing() {
  Queue queue(2);
  Fill(queue, 2);
  int taken = 0;
  model::Thread other([&] {
    const PopResult<Value> result = queue.PollPop();
    model::Assert(result.ok(), "nobody else can hold up the second value");
    taken = result->Read();
  });
  const int mine = PopOne(queue);
  other.Join();
  model::Assert(mine + taken == 3 && mine != taken, "lost or doubled");
}

// ---- Exact answers -----------------------------------------------------------------------------

// Each thread has pushed before it pops, so the queue is not empty.
void NeverSaysEmptyWhileItHoldsAValue() {
  Queue queue(2);
  const auto push_and_pop = [&] {
    model::Assert(queue.TryPush(Value(1)).ok(), "'full' was said of a queue with room");
    PopOne(queue);
  };
  model::Thread other(push_and_pop);
  push_and_pop();
  other.Join();
  ExpectDrained(queue);
}

// Each thread has popped before it pushes, so the queue is not full.
void NeverSaysFullWhileItHasRoom() {
  Queue queue(2);
  Fill(queue, 2);
  const auto pop_and_push = [&] {
    PopOne(queue);
    model::Assert(queue.TryPush(Value(1)).ok(), "'full' was said of a queue with room");
  };
  model::Thread other(pop_and_push);
  pop_and_push();
  other.Join();
  model::Assert(!queue.TryPush(Value(9)).ok(), "too many fit");
}

// The one consumer's room is seen by a producer that has heard of it.
void OneConsumersRoomIsSeen() {
  MpscQueue queue(1);
  model::Assert(queue.TryPush(Value(1)).ok(), "no room");
  model::Atomic<int> popped{0};
  model::Thread producer([&] {
    if (popped.load(std::memory_order_acquire) == 1) {
      model::Assert(queue.TryPush(Value(2)).ok(), "'full' was said of a queue with room");
    } else {
      const PushResult<Value> result = queue.TryPush(Value(2));
      model::Assert(result.ok() || result.outcome() == PushOutcome::kFull, "outcome");
    }
  });
  model::Assert(queue.TryPop()->Read() == 1, "order");
  popped.store(1, std::memory_order_release);
  producer.Join();
}

// Producers that push as much as the one consumer has popped.
void OneConsumerNeverMakesItFull() {
  MpscQueue queue(2);
  model::Assert(queue.TryPush(Value(1)).ok(), "no room");
  model::Thread producer(
      [&] { model::Assert(queue.TryPush(Value(2)).ok(), "'full' was said of a queue with room"); });
  model::Assert(queue.TryPop()->Read() == 1, "order");
  model::Assert(queue.TryPush(Value(3)).ok(), "'full' was said of a queue with room");
  producer.Join();
}

// ---- Closing -----------------------------------------------------------------------------------

void ClosedMeansDrainedForGood() {
  Queue queue(1);
  Value before(0);
  model::Thread closer([&] {
    before.Write(42);
    queue.Close();
  });
  bool accepted = false;
  model::Thread producer([&] { accepted = queue.TryPush(Value(1)).ok(); });
  const PopResult<Value> result = queue.SpinPop();
  if (!result.ok()) {
    model::Assert(result.outcome() == PopOutcome::kClosed, "outcome");
    model::Assert(before.Read() == 42, "what came before Close() is not visible");
  }
  producer.Join();
  closer.Join();
  model::Assert(accepted == result.ok(), "a push was accepted behind kClosed, or lost");
  model::Assert(queue.TryPop().outcome() == PopOutcome::kClosed, "outcome");
}

void RefusedPushSeesWhatCameBeforeTheClose() {
  Queue queue(1);
  Value before(0);
  model::Thread closer([&] {
    before.Write(42);
    model::Assert(queue.Close(), "closed by nobody else");
  });
  PushResult<Value> result = queue.TryPush(Value(1));
  if (!result.ok()) {
    model::Assert(result.outcome() == PushOutcome::kClosed, "outcome");
    model::Assert(before.Read() == 42, "what came before Close() is not visible");
    model::Assert(std::move(result).TakeRejected().Read() == 1, "not the refused value");
  }
  closer.Join();
}

// The push is already waiting for a pop to finish when the queue is closed.
void WaitingPushSeesWhatCameBeforeTheClose() {
  Queue queue(1);
  Fill(queue, 1);
  Value before(0);
  model::Thread closer([&] {
    before.Write(42);
    queue.Close();
  });
  model::Thread consumer([&] { model::Assert(PopOne(queue) == 1, "order"); });
  if (queue.TryPush(Value(2)).outcome() == PushOutcome::kClosed) {
    model::Assert(before.Read() == 42, "what came before Close() is not visible");
  }
  closer.Join();
  consumer.Join();
}

void SecondCloserSeesTheFirst() {
  Queue queue(1);
  Value before(0);
  model::Thread closer([&] {
    before.Write(42);
    queue.Close();
  });
  if (queue.IsClosed()) model::Assert(before.Read() == 42, "not visible");
  closer.Join();
}

void LateCloserSeesTheFirst() {
  Queue queue(1);
  Value before(0);
  model::Thread closer([&] {
    before.Write(42);
    queue.Close();
  });
  if (!queue.Close()) {
    model::Assert(before.Read() == 42, "not visible");
    closer.Join();
  } else {
    closer.Join();
  }
}

const std::vector<model::Scenario> kCoreScenarios = {
    {"ValuesCrossASingleSlot", ValuesCrossASingleSlot, {}},
    {"ValuesCrossTwoSlots", ValuesCrossTwoSlots, {}},
    {"ValuesCrossASingleSlotToOneConsumer", ValuesCrossASingleSlotToOneConsumer, {}},
    {"PolledValueCrosses", PolledValueCrosses<Queue>, {}},
    {"PolledValueCrossesToOneConsumer", PolledValueCrosses<MpscQueue>, {}},
    {"TwoConsumersShareNothing", TwoConsumersShareNothing, {}},
    {"PollingConsumersShareNothing", PollingConsumersShareNothing, {}},
    {"NeverSaysEmptyWhileItHoldsAValue", NeverSaysEmptyWhileItHoldsAValue, {}},
    {"NeverSaysFullWhileItHasRoom", NeverSaysFullWhileItHasRoom, {}},
    {"OneConsumersRoomIsSeen", OneConsumersRoomIsSeen, {}},
    {"OneConsumerNeverMakesItFull", OneConsumerNeverMakesItFull, {}},
    {"ClosedMeansDrainedForGood", ClosedMeansDrainedForGood, {}},
    {"RefusedPushSeesWhatCameBeforeTheClose", RefusedPushSeesWhatCameBeforeTheClose, {}},
    {"WaitingPushSeesWhatCameBeforeTheClose", WaitingPushSeesWhatCameBeforeTheClose, {}},
    {"SecondCloserSeesTheFirst", SecondCloserSeesTheFirst, {}},
    {"LateCloserSeesTheFirst", LateCloserSeesTheFirst, {}},
    {"TwoProducersLoseNothing", TwoProducersLoseNothing<Queue>, {}},
    {"TwoProducersLoseNothingToOneConsumer", TwoProducersLoseNothing<MpscQueue>, {}},
};

std::vector<model::Scenario> AllScenarios() {
  std::vector<model::Scenario> all = kCoreScenarios;
  for (model::Scenario& scenario : OperationScenarios()) all.push_back(std::move(scenario));
  return all;
}

TEST(BoundedQueueModelTest, HoldsInEveryBehaviour) { model::ExpectHolds(AllScenarios()); }

TEST(BoundedQueueMutantTest, EveryMutantIsCaught) {
  model::ExpectMutantsCaught({"mpmc/internal/lap_ring.h", "mpmc/bounded_queue.h"}, AllScenarios());
}

}  // namespace
}  // namespace weft::bounded_queue_scenarios

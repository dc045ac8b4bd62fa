// Scenarios of overwriting, bulk operations, reservations and consuming in place; goal and method:
// bounded_queue_model_test.cc, which runs them.
#include <array>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "mpmc/bounded_queue_scenarios.h"
#include "mpmc/bulk_result.h"
#include "mpmc/pop_result.h"
#include "mpmc/push_result.h"
#include "tools/model/model.h"

namespace weft::bounded_queue_scenarios {
namespace {

// ---- Overwriting -------------------------------------------------------------------------------

// Exactly one of the overwriting push and the pop gets the old value.
void OldestIsDisplacedOrPopped() {
  Queue queue(1);
  Fill(queue, 1);
  int displaced = 0;
  model::Thread other([&] {
    auto result = queue.PushOverwriting(Value(2));
    model::Assert(result.ok(), "refused");
    if (result.displaced.has_value()) displaced = result.displaced->Read();
  });
  const int popped = PopOne(queue);  // The queue is never empty.
  other.Join();
  if (displaced == 0) {
    model::Assert(popped == 1, "order");
    model::Assert(PopOne(queue) == 2, "lost");
  } else {
    model::Assert(displaced == 1 && popped == 2, "not the oldest was displaced");
  }
  ExpectDrained(queue);
}

void OverwritingPushesDisplaceInOrder(std::size_t capacity) {
  Queue queue(capacity);
  Fill(queue, static_cast<int>(capacity));
  int displaced = 0;
  model::Thread other([&] {
    auto result = queue.PushOverwriting(Value(8));
    model::Assert(result.displaced.has_value(), "the queue was full");
    displaced = result.displaced->Read();
  });
  auto result = queue.PushOverwriting(Value(9));
  model::Assert(result.displaced.has_value(), "the queue was full");
  const int mine = result.displaced->Read();
  other.Join();
  // What is left must be the newest, in the order in which the oldest were displaced.
  std::vector<int> order = {mine, displaced};
  for (std::size_t i = 0; i < capacity; ++i) order.push_back(PopOne(queue));
  ExpectDrained(queue);
  if (capacity == 1) {
    model::Assert((mine == 1 && displaced == 9 && order[2] == 8) ||
                      (displaced == 1 && mine == 8 && order[2] == 9),
                  "each displaces its predecessor");
  } else {
    model::Assert((mine == 1 && displaced == 2 && order[2] == 9 && order[3] == 8) ||
                      (mine == 2 && displaced == 1 && order[2] == 8 && order[3] == 9),
                  "first displaced, first in");
  }
}
void OverwritingPushesShareASlot() { OverwritingPushesDisplaceInOrder(1); }
void OverwritingPushesShareTwoSlots() { OverwritingPushesDisplaceInOrder(2); }

void OverwritingAndPlainPush() {
  Queue queue(1);
  Fill(queue, 1);
  model::Thread other([&] {
    const PushResult<Value> result = queue.TryPush(Value(3));
    model::Assert(result.outcome() == PushOutcome::kFull, "the queue is full all the time");
  });
  auto result = queue.PushOverwriting(Value(2));
  model::Assert(result.displaced.has_value() && result.displaced->Read() == 1, "displaced");
  other.Join();
  model::Assert(PopOne(queue) == 2, "lost");
}

void OverwritingPushOrClose() {
  Queue queue(1);
  Fill(queue, 1);
  Value before(0);
  model::Thread closer([&] {
    before.Write(42);
    queue.Close();
  });
  auto result = queue.PushOverwriting(Value(2));
  if (result.ok()) {
    model::Assert(result.displaced.has_value() && result.displaced->Read() == 1, "displaced");
  } else {
    model::Assert(before.Read() == 42, "what came before Close() is not visible");
    model::Assert(result.rejected->Read() == 2, "not the refused value");
  }
  closer.Join();
  model::Assert(PopOne(queue) == (result.ok() ? 2 : 1), "lost");
  model::Assert(queue.TryPop().outcome() == PopOutcome::kClosed, "drained");
}

// An overwriting push that meets a pop half done, and a consumer that asks for more.
void OverwritingPushBesideTwoPops() {
  Queue queue(1);
  Fill(queue, 1);
  model::Thread other([&] { model::Assert(queue.PushOverwriting(Value(2)).ok(), "refused"); });
  const int first = PopOne(queue);
  const PopResult<Value> second = queue.TryPop();
  other.Join();
  if (second.ok()) {
    model::Assert(first == 1 && second->Read() == 2, "order");
    ExpectDrained(queue);
  } else if (first == 1) {
    model::Assert(PopOne(queue) == 2, "lost");
  } else {
    ExpectDrained(queue);
  }
}

// ---- Bulk --------------------------------------------------------------------------------------

template <typename Q>
void BulkCrossesInOrder() {
  Q queue(2);
  model::Thread producer([&] {
    std::array<Value, 3> values{Value(1), Value(2), Value(3)};
    const BulkPushResult result = queue.TryPushBulk(values);
    model::Assert(result.count == 2, "a prefix goes as far as there is room");
    model::Assert(values[2].Read() == 3, "a value that was not pushed was touched");
  });
  std::array<Value, 2> values{Value(0), Value(0)};
  std::size_t count = 0;
  while (count < 2) {
    const BulkPopResult result = queue.TryPopBulk(std::span(values).subspan(count));
    if (result.count == 0) model::Atomics::Yield();
    count += result.count;
  }
  model::Assert(values[0].Read() == 1 && values[1].Read() == 2, "order");
  producer.Join();
}

void BulkPushIsOnePiece() {
  Queue queue(3);
  model::Thread other([&] { model::Assert(queue.TryPush(Value(9)).ok(), "room"); });
  std::array<Value, 2> values{Value(1), Value(2)};
  const BulkPushResult result = queue.TryPushBulk(values);
  other.Join();
  model::Assert(result.outcome == PushOutcome::kOk && result.count == 2, "room for both");
  const std::array<int, 3> popped{PopOne(queue), PopOne(queue), PopOne(queue)};
  model::Assert(popped == std::array{1, 2, 9} || popped == std::array{9, 1, 2}, "torn apart");
}

void BulkPopSharesNothing() {
  Queue queue(2);
  Fill(queue, 2);
  int taken = 0;
  model::Thread other([&] {
    const PopResult<Value> result = queue.TryPop();
    if (result.ok()) taken = result->Read();
  });
  std::array<Value, 2> values{Value(0), Value(0)};
  const BulkPopResult result = queue.TryPopBulk(values);
  other.Join();
  if (taken == 0) {
    model::Assert(result.count == 2 && values[1].Read() == 2, "lost");
  } else {
    model::Assert(result.count == 1 && values[0].Read() + taken == 3, "lost or doubled");
  }
}

// Bulk push into slots that two pops have just left, in two laps of the ring.
void BulkReusesSlots() {
  Queue queue(2);
  Fill(queue, 2);
  model::Thread consumer([&] {
    model::Assert(PopOne(queue) == 1, "order");
    model::Assert(PopOne(queue) == 2, "order");
  });
  std::array<Value, 2> values{Value(3), Value(4)};
  const BulkPushResult result = queue.TryPushBulk(values);
  consumer.Join();
  for (std::size_t i = 0; i < result.count; ++i) {
    model::Assert(PopOne(queue) == static_cast<int>(3 + i), "order");
  }
  ExpectDrained(queue);
}

void BulkIsExact() {
  Queue queue(2);
  const auto push_and_pop = [&] {
    std::array<Value, 1> value{Value(1)};
    model::Assert(queue.TryPushBulk(value).count == 1, "'full' was said of a queue with room");
    model::Assert(queue.TryPopBulk(value).count == 1, "'empty' was said of a queue with a value");
  };
  model::Thread other(push_and_pop);
  push_and_pop();
  other.Join();
}

void BulkIsExactWhenFull() {
  Queue queue(2);
  Fill(queue, 2);
  const auto pop_and_push = [&] {
    std::array<Value, 1> value{Value(0)};
    model::Assert(queue.TryPopBulk(value).count == 1, "'empty' was said of a queue with a value");
    model::Assert(queue.TryPushBulk(value).count == 1, "'full' was said of a queue with room");
  };
  model::Thread other(pop_and_push);
  pop_and_push();
  other.Join();
}

void BulkPushOrClose() {
  Queue queue(2);
  Value before(0);
  model::Thread closer([&] {
    before.Write(42);
    queue.Close();
  });
  std::array<Value, 2> values{Value(1), Value(2)};
  const BulkPushResult result = queue.TryPushBulk(values);
  if (result.outcome == PushOutcome::kClosed) {
    model::Assert(before.Read() == 42, "what came before Close() is not visible");
  }
  closer.Join();
  for (std::size_t i = 0; i < result.count; ++i) PopOne(queue);
  model::Assert(queue.TryPop().outcome() == PopOutcome::kClosed, "drained");
}

// ---- Reservations and values in place ----------------------------------------------------------

// Reserves a slot, if there is one, and gives it up because the value's constructor throws.
template <typename Q>
void Abandon(Q& queue) {
  typename Q::Reservation slot = queue.TryReserve();
  if (!slot.ok()) return;
  try {
    slot.Commit(-1);
    model::Assert(false, "the exception was swallowed");
  } catch (const Value::Refusal&) {
  }
}

template <typename Q>
void AbandonedReservationIsSkipped() {
  Q queue(2);
  model::Thread other([&] { Abandon(queue); });
  model::Assert(queue.TryPush(Value(1)).ok(), "room");
  model::Assert(queue.SpinPop()->Read() == 1, "order");
  other.Join();
  ExpectDrained(queue);
  Fill(queue, 2);  // Nothing of the abandoned slot is left.
}

// The slot of an abandoned reservation is used again once a pop has come past it.
void AbandonedSlotIsUsedAgain() {
  Queue queue(1);
  model::Thread producer([&] {
    Abandon(queue);
    model::Assert(queue.SpinPush(Value(1)).ok(), "refused");
  });
  model::Assert(queue.SpinPop()->Read() == 1, "order");
  producer.Join();
}

void AbandonedSlotIsUsedByAnother() {
  Queue queue(1);
  model::Thread other([&] { Abandon(queue); });
  ExpectDrained(queue);
  const bool pushed = queue.TryPush(Value(1)).ok();
  other.Join();
  if (pushed) model::Assert(PopOne(queue) == 1, "lost");
}

void TwoConsumersSkipOneHole() {
  Queue queue(3);
  Abandon(queue);
  Fill(queue, 2);
  int taken = 0;
  model::Thread other([&] { taken = PopOne(queue); });
  const int mine = PopOne(queue);
  other.Join();
  model::Assert(mine + taken == 3 && mine != taken, "lost or doubled");
  Fill(queue, 3);
}

void OverwritingPushTakesAHole() {
  Queue queue(1);
  Abandon(queue);
  model::Thread other([&] {
    const PopResult<Value> result = queue.TryPop();
    if (result.ok()) model::Assert(result->Read() == 2, "a value from nowhere");
  });
  auto result = queue.PushOverwriting(Value(2));
  model::Assert(result.ok() && !result.displaced.has_value(), "a hole is no value");
  other.Join();
}

void ReservationCommitsInPlace() {
  Queue queue(1);
  model::Thread producer([&] {
    Queue::Reservation slot = queue.TryReserve();
    model::Assert(slot.ok(), "room");
    slot.Commit(7);
  });
  int seen = 0;
  while (queue.TryConsume([&](Value&& value) { seen = value.Read(); }) != PopOutcome::kOk) {
    model::Atomics::Yield();
  }
  model::Assert(seen == 7, "lost");
  producer.Join();
}

}  // namespace

std::vector<model::Scenario> OperationScenarios() {
  return {
      {"OldestIsDisplacedOrPopped", OldestIsDisplacedOrPopped, {}},
      {"OverwritingPushesShareASlot", OverwritingPushesShareASlot, {}},
      {"OverwritingPushesShareTwoSlots", OverwritingPushesShareTwoSlots, {}},
      {"OverwritingAndPlainPush", OverwritingAndPlainPush, {}},
      {"OverwritingPushOrClose", OverwritingPushOrClose, {}},
      {"OverwritingPushBesideTwoPops", OverwritingPushBesideTwoPops, {}},
      {"BulkCrossesInOrder", BulkCrossesInOrder<Queue>, {}},
      {"BulkCrossesInOrderToOneConsumer", BulkCrossesInOrder<MpscQueue>, {}},
      {"BulkPushIsOnePiece", BulkPushIsOnePiece, {}},
      {"BulkPopSharesNothing", BulkPopSharesNothing, {}},
      {"BulkReusesSlots", BulkReusesSlots, {}},
      {"BulkIsExact", BulkIsExact, {}},
      {"BulkIsExactWhenFull", BulkIsExactWhenFull, {}},
      {"BulkPushOrClose", BulkPushOrClose, {}},
      {"AbandonedReservationIsSkipped", AbandonedReservationIsSkipped<Queue>, {}},
      {"AbandonedReservationIsSkippedByOneConsumer", AbandonedReservationIsSkipped<MpscQueue>, {}},
      {"AbandonedSlotIsUsedAgain", AbandonedSlotIsUsedAgain, {}},
      {"AbandonedSlotIsUsedByAnother", AbandonedSlotIsUsedByAnother, {}},
      {"TwoConsumersSkipOneHole", TwoConsumersSkipOneHole, {}},
      {"OverwritingPushTakesAHole", OverwritingPushTakesAHole, {}},
      {"ReservationCommitsInPlace", ReservationCommitsInPlace, {}},
  };
}

}  // namespace weft::bounded_queue_scenarios

// Goal: nobody sleeps beside a value or room, in any behaviour of the memory model: between a look
// that fails and the sleep, no push, pop or close is missed. Method: the queue, the event count
// and the parker that ship, over tools/model, where a lost wake-up is a deadlock; mutants of the
// second looks (those of the ring and of the event count: their own model tests).
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/instant.h"
#include "gtest/gtest.h"
#include "mpmc/blocking_queue.h"
#include "mpmc/bounded_queue.h"
#include "mpmc/pop_result.h"
#include "mpmc/push_result.h"
#include "mpmc/queue_shape.h"
#include "parker/event_count.h"
#include "tools/model/model.h"
#include "tools/model/plain.h"
#include "tools/model/testing.h"

namespace weft {
namespace {

// The seam of the parker over the model: any deadline but InfiniteFuture() may pass at any time.
struct ModelAtomics : model::Atomics {
  static bool FutexWait(const Atomic<uint64_t>& word, uint64_t expected, Instant deadline,
                        Where where = Where::current()) {
    return model::Atomics::FutexWait(word, expected, deadline != Instant::InfiniteFuture(), where);
  }
};

// An event count whose waiters bring a parker of their own for each wait.
class ModelEvents
    : public parker_internal::BasicEventCount<ModelAtomics, parker_internal::FencePair> {
 public:
  Key PrepareWait() {
    parkers_.push_back(std::make_unique<parker_internal::BasicParker<ModelAtomics>>());
    return BasicEventCount::PrepareWait(*parkers_.back());
  }

 private:
  std::vector<std::unique_ptr<parker_internal::BasicParker<ModelAtomics>>> parkers_;
};

using Value = model::Plain<int>;
using Queue = mpmc_internal::BasicBlockingQueue<
    mpmc_internal::BasicBoundedQueue<Value, ModelAtomics, QueueConsumers::kMany,
                                     QueueSlots::kPacked>,
    ModelEvents, ModelAtomics>;

// Any deadline that may pass.
constexpr Instant kSoon = Instant::FromNanos(1);

void PopSleepsUntilThePush() {
  Queue queue(1);
  model::Thread producer([&] { model::Assert(queue.TryPush(Value(1)).ok(), "room"); });
  model::Assert(queue.Pop()->Read() == 1, "order");
  producer.Join();
}

void PushSleepsUntilThePop() {
  Queue queue(1);
  model::Assert(queue.TryPush(Value(1)).ok(), "room");
  model::Thread consumer([&] { model::Assert(queue.TryPop()->Read() == 1, "order"); });
  model::Assert(queue.Push(Value(2)).ok(), "refused");
  consumer.Join();
  model::Assert(queue.TryPop()->Read() == 2, "lost");
}

void CloseWakesThePop() {
  Queue queue(1);
  model::Thread closer([&] { queue.Close(); });
  model::Assert(queue.Pop().outcome() == PopOutcome::kClosed, "outcome");
  closer.Join();
}

void CloseWakesThePush() {
  Queue queue(1);
  model::Assert(queue.TryPush(Value(1)).ok(), "room");
  model::Thread closer([&] { queue.Close(); });
  PushResult<Value> result = queue.Push(Value(2));
  model::Assert(result.outcome() == PushOutcome::kClosed, "outcome");
  model::Assert(std::move(result).TakeRejected().Read() == 2, "not the refused value");
  closer.Join();
}

void PopUntilADeadlineLosesNothing() {
  Queue queue(1);
  model::Thread producer([&] { model::Assert(queue.TryPush(Value(1)).ok(), "room"); });
  const PopResult<Value> result = queue.PopUntil(kSoon);
  producer.Join();
  if (result.ok()) {
    model::Assert(result->Read() == 1, "order");
  } else {
    model::Assert(result.outcome() == PopOutcome::kDeadline, "outcome");
    model::Assert(queue.TryPop()->Read() == 1, "lost");
  }
}

void PushUntilADeadlineLosesNothing() {
  Queue queue(1);
  model::Assert(queue.TryPush(Value(1)).ok(), "room");
  model::Thread consumer([&] { model::Assert(queue.TryPop()->Read() == 1, "order"); });
  PushResult<Value> result = queue.PushUntil(Value(2), kSoon);
  consumer.Join();
  if (result.ok()) {
    model::Assert(queue.TryPop()->Read() == 2, "lost");
  } else {
    model::Assert(result.outcome() == PushOutcome::kDeadline, "outcome");
    model::Assert(std::move(result).TakeRejected().Read() == 2, "not the refused value");
  }
}

const std::vector<model::Scenario> kScenarios = {
    {"PopSleepsUntilThePush", PopSleepsUntilThePush, {}},
    {"PushSleepsUntilThePop", PushSleepsUntilThePop, {}},
    {"CloseWakesThePop", CloseWakesThePop, {}},
    {"CloseWakesThePush", CloseWakesThePush, {}},
    {"PopUntilADeadlineLosesNothing", PopUntilADeadlineLosesNothing, {}},
    {"PushUntilADeadlineLosesNothing", PushUntilADeadlineLosesNothing, {}},
};

TEST(BlockingQueueModelTest, HoldsInEveryBehaviour) { model::ExpectHolds(kScenarios); }

TEST(BlockingQueueMutantTest, EveryMutantIsCaught) {
  model::ExpectMutantsCaught({"mpmc/blocking_queue.h"}, kScenarios);
}

}  // namespace
}  // namespace weft

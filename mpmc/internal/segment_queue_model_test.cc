// Goal: the unbounded queue keeps its contract in every behaviour that the C++ memory model allows,
// and each memory order is needed for it.
// Method: the body that ships, over tools/model, with segments of one or two slots and no or one
// spare, so that opening, draining, retiring, discarding and using again all happen within a few
// operations; two or three threads, explored exhaustively. The values are plain memory: a missing
// edge between a push and a pop, or between a pop and the next push into its slot, is a data race.
#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "mpmc/bulk_result.h"
#include "mpmc/internal/model_memory.h"
#include "mpmc/internal/model_value.h"
#include "mpmc/internal/segment_queue.h"
#include "mpmc/pop_result.h"
#include "mpmc/push_result.h"
#include "tools/model/model.h"
#include "tools/model/testing.h"

namespace weft::mpmc_internal {
namespace {

using Value = ModelValue;
// A value that pops copy before they claim it.
struct Word {
  int Read() const { return value; }
  int value;
};
template <uint32_t kSlots, std::size_t kSpares, typename T = Value>
using Queue = SegmentQueue<T, model::Atomics, ModelPolicy<kSlots, kSpares>>;

template <typename Q>
void PushOne(Q& queue, int value) {
  model::Assert(queue.Push(typename Q::value_type{value}).ok(), "refused by an open queue");
}

template <typename Q>
int PopOne(Q& queue) {
  const auto result = queue.TryPop();
  model::Assert(result.ok(), "a value was lost, or 'empty' was said of a queue that was not");
  return result.ok() ? result->Read() : 0;
}

template <typename Q>
void ExpectEmpty(Q& queue) {
  model::Assert(queue.TryPop().outcome() == PopOutcome::kEmpty, "a value came from nowhere");
}

// ---- One producer, one consumer ----------------------------------------------------------------

// The second value lies in a segment of its own.
template <typename T>
void ValuesCrossIntoTheNextSegment() {
  Queue<1, 1, T> queue;
  model::Thread producer([&] {
    PushOne(queue, 1);
    PushOne(queue, 2);
  });
  for (int i = 1; i <= 2; ++i) model::Assert(queue.SpinPop()->Read() == i, "order");
  producer.Join();
  ExpectEmpty(queue);
}

// The third value may go into the segment that the first one has left.
template <std::size_t kSpares, typename T = Value>
void DrainedSegmentIsUsedAgain() {
  Queue<1, kSpares, T> queue;
  PushOne(queue, 1);
  model::Thread consumer([&] { model::Assert(PopOne(queue) == 1, "order"); });
  PushOne(queue, 2);
  PushOne(queue, 3);
  consumer.Join();
  model::Assert(PopOne(queue) == 2 && PopOne(queue) == 3, "order");
  ExpectEmpty(queue);
}

void PolledValueCrosses() {
  Queue<1, 0> queue;
  model::Thread producer([&] { PushOne(queue, 1); });
  for (;;) {
    const PopResult<Value> result = queue.PollPop();
    if (result.ok()) {
      model::Assert(result->Read() == 1, "order");
      break;
    }
    model::Assert(result.outcome() == PopOutcome::kBusy, "a poll answers kBusy");
    model::Atomics::Yield();
  }
  producer.Join();
}

void BulkCrossesSegments() {
  Queue<2, 1> queue;
  model::Thread producer([&] {
    std::array<Value, 3> values{Value(1), Value(2), Value(3)};
    model::Assert(queue.PushBulk(values).count == 3, "bulk push");
  });
  int next = 1;
  while (next <= 3) {
    std::array<Value, 3> out{Value(0), Value(0), Value(0)};
    const BulkPopResult popped = queue.TryPopBulk(out);
    for (std::size_t i = 0; i < popped.count; ++i) model::Assert(out[i].Read() == next++, "order");
    if (popped.count == 0) model::Atomics::Yield();
  }
  producer.Join();
}

template <uint32_t kSlots>
void TwoProducersLoseNothing() {
  Queue<kSlots, 1> queue;
  model::Thread one([&] { PushOne(queue, 1); });
  model::Thread two([&] { PushOne(queue, 2); });
  one.Join();
  two.Join();
  const int first = PopOne(queue);
  const int second = PopOne(queue);
  model::Assert(first + second == 3 && first != second, "a value was lost or came twice");
  ExpectEmpty(queue);
}

// One of the two finds no memory for the next segment: its push never was.
void ProducerWithoutMemoryLeavesTheQueueUnchanged() {
  model::Plain<int> failures(0);
  FailingMemory::failures = &failures;
  SegmentQueue<Value, model::Atomics, FailingPolicy> queue;
  PushOne(queue, 1);
  failures.Write(1);
  const auto try_push = [&queue](int value) {
    try {
      PushOne(queue, value);
      return value;
    } catch (const std::bad_alloc&) {
      return 0;
    }
  };
  int other = 0;
  model::Thread producer([&] { other = try_push(2); });
  const int mine = try_push(3);
  producer.Join();
  model::Assert((mine == 0) != (other == 0), "one allocation fails");
  model::Assert(queue.SizeHint() == 2, "a push that failed left a trace");
  model::Assert(PopOne(queue) == 1, "order");
  model::Assert(PopOne(queue) == mine + other, "order");
  ExpectEmpty(queue);
}

// One of the consumers may look at a segment that is no longer in use.
template <std::size_t kSpares>
void TwoConsumersShareNothing() {
  Queue<1, kSpares> queue;
  PushOne(queue, 1);
  PushOne(queue, 2);
  int other = 0;
  model::Thread consumer([&] { other = PopOne(queue); });
  const int mine = PopOne(queue);
  consumer.Join();
  model::Assert(mine + other == 3 && mine != other, "a value was lost or came twice");
  ExpectEmpty(queue);
}

// A consumer that has read oldest_ may find that segment anywhere, under any number.
template <typename T>
void ConsumerMeetsARecycledSegment() {
  Queue<1, 1, T> queue;
  PushOne(queue, 1);
  PushOne(queue, 2);
  int other = 0;
  model::Thread consumer([&] { other = PopOne(queue); });
  const int mine = PopOne(queue);
  PushOne(queue, 3);
  consumer.Join();
  model::Assert(mine + other == 3 && mine != other, "order");
  model::Assert(PopOne(queue) == 3, "order");
}

// A producer that has read newest_ may find that segment anywhere, under any number.
void ProducerMeetsARecycledSegment() {
  Queue<1, 0> queue;
  model::Thread producer([&] { PushOne(queue, 1); });
  PushOne(queue, 2);
  const int first = PopOne(queue);
  PushOne(queue, 3);
  const int second = queue.SpinPop()->Read();
  const int third = queue.SpinPop()->Read();
  producer.Join();
  model::Assert(first + second + third == 6, "a value was lost or came twice");
  model::Assert(first != 3 && (first == 2 || second == 2 || third == 2), "lost");
}

// A consumer may still be taking its value out of a segment that another consumer has retired.
void SegmentIsNotUsedBeforeItsSlowConsumerIsDone() {
  Queue<2, 1> queue;
  for (int i = 1; i <= 4; ++i) PushOne(queue, i);
  int other = 0;
  model::Thread consumer([&] { other = PopOne(queue); });
  const int mine = PopOne(queue);
  PushOne(queue, 5);
  consumer.Join();
  model::Assert(mine + other == 3 && mine != other, "order");
}

// A producer that comes by old pointers to a segment that another producer has renewed.
template <typename Push>
void ProducerComesToARenewedSegment(Push push) {
  Queue<2, 1> queue;
  for (int i = 1; i <= 4; ++i) PushOne(queue, i);
  model::Assert(PopOne(queue) == 1, "order");
  model::Thread producer([&] { push(queue); });
  model::Assert(PopOne(queue) == 2, "order");
  PushOne(queue, 5);
  producer.Join();
}
void PushIntoARenewedSegment() {
  ProducerComesToARenewedSegment([](auto& queue) { PushOne(queue, 6); });
}
void BulkPushIntoARenewedSegment() {
  ProducerComesToARenewedSegment([](auto& queue) {
    std::array<Value, 1> values{Value(6)};
    model::Assert(queue.PushBulk(values).count == 1, "bulk push");
  });
}

// A thread that has pushed before it pops: nobody may find the queue empty in between.
template <uint32_t kSlots>
void NeverSaysEmptyWhileItHoldsAValue() {
  Queue<kSlots, 1> queue;
  PushOne(queue, 1);
  model::Thread other([&] {
    PushOne(queue, 2);
    PopOne(queue);
  });
  PopOne(queue);
  other.Join();
  ExpectEmpty(queue);
}

void IsEmptyIsExact() {
  Queue<1, 1> queue;
  PushOne(queue, 1);
  model::Thread other([&] {
    PushOne(queue, 2);
    PopOne(queue);
  });
  model::Assert(!queue.IsEmpty(), "'empty' was said of a queue that was not");
  const std::size_t size = queue.SizeHint();
  model::Assert(size == 1 || size == 2, "more than was ever inside, or less");
  other.Join();
}

// The same for one that waits for a value that another one takes.
void NeverSaysEmptyAfterAWait() {
  Queue<3, 1> queue;
  model::Thread other([&] {
    PushOne(queue, 1);
    PushOne(queue, 2);
    PopOne(queue);
  });
  while (queue.IsEmpty()) model::Atomics::Yield();
  PopOne(queue);
  other.Join();
}

// ---- Closing ---------------------------------------------------------------------------------

template <uint32_t kSlots>
void ClosedMeansDrainedForGood() {
  Queue<kSlots, 1> queue;
  int pushed = 0;
  model::Thread producer([&] {
    while (pushed < 2 && queue.Push(Value(pushed + 1)).ok()) ++pushed;
  });
  model::Thread closer([&] { queue.Close(); });
  int popped = 0;
  for (;;) {
    const PopResult<Value> result = queue.SpinPop();
    if (!result.ok()) break;
    model::Assert(result->Read() == ++popped, "order");
  }
  producer.Join();
  closer.Join();
  model::Assert(popped == pushed, "a value was lost, or came after kClosed");
}

void ConsumerThatIsToldClosedSeesWhatCameBefore() {
  Queue<1, 1> queue;
  model::Plain<int> before(0);
  model::Thread closer([&] {
    before.Write(42);
    queue.Close();
  });
  if (queue.TryPop().outcome() == PopOutcome::kClosed) {
    model::Assert(before.Read() == 42, "not visible");
  }
  closer.Join();
}

void RefusedPushSeesWhatCameBefore() {
  Queue<1, 1> queue;
  model::Plain<int> before(0);
  model::Thread closer([&] {
    before.Write(42);
    queue.Close();
  });
  if (!queue.Push(Value(1)).ok()) model::Assert(before.Read() == 42, "not visible");
  closer.Join();
}

void RefusedBulkPushSeesWhatCameBefore() {
  Queue<1, 1> queue;
  model::Plain<int> before(0);
  model::Thread closer([&] {
    before.Write(42);
    queue.Close();
  });
  std::array<Value, 2> values{Value(1), Value(2)};
  const BulkPushResult pushed = queue.PushBulk(values);
  if (pushed.outcome == PushOutcome::kClosed) model::Assert(before.Read() == 42, "not visible");
  closer.Join();
  model::Assert(queue.SizeHint() == pushed.count, "count");
}

void ClosingChangesNoAnswerAboutTheSize() {
  Queue<1, 1> queue;
  model::Thread closer([&] { queue.Close(); });
  model::Assert(queue.SizeHint() == 0, "size");
  model::Assert(queue.IsEmpty(), "empty");
  closer.Join();
}

void IsClosedSeesWhatCameBefore() {
  Queue<1, 1> queue;
  model::Plain<int> before(0);
  model::Thread closer([&] {
    before.Write(42);
    queue.Close();
  });
  if (queue.IsClosed()) model::Assert(before.Read() == 42, "not visible");
  closer.Join();
}

// A copy that is made too late reads what its slot is filled with next.
model::Options WithReadsOfLaterStores() {
  model::Options options;
  options.load_buffering = 1;
  return options;
}

const std::vector<model::Scenario> kScenarios = {
    {"ValuesCrossIntoTheNextSegment", ValuesCrossIntoTheNextSegment<Value>, {}},
    {"CopiesCrossIntoTheNextSegment", ValuesCrossIntoTheNextSegment<Word>, {}},
    {"DrainedSegmentIsUsedAgain", DrainedSegmentIsUsedAgain<1>, {}},
    {"DiscardedSegmentIsUsedAgain", DrainedSegmentIsUsedAgain<0>, {}},
    {"PolledValueCrosses", PolledValueCrosses, {}},
    {"BulkCrossesSegments", BulkCrossesSegments, {}},
    {"TwoProducersLoseNothing", TwoProducersLoseNothing<2>, {}},
    {"TwoProducersOpenOneSegment", TwoProducersLoseNothing<1>, {}},
    {"ProducerWithoutMemoryLeavesTheQueueUnchanged",
     ProducerWithoutMemoryLeavesTheQueueUnchanged,
     {}},
    {"TwoConsumersShareNothing", TwoConsumersShareNothing<1>, {}},
    {"TwoConsumersDiscard", TwoConsumersShareNothing<0>, {}},
    {"ConsumerMeetsARecycledSegment", ConsumerMeetsARecycledSegment<Value>, {}},
    {"CopyingConsumerMeetsARecycledSegment", ConsumerMeetsARecycledSegment<Word>, {}},
    {"CopiesAreMadeBeforeTheirSlotsAreFilledAgain", DrainedSegmentIsUsedAgain<1, Word>,
     WithReadsOfLaterStores()},
    {"ProducerMeetsARecycledSegment", ProducerMeetsARecycledSegment, {}},
    {"SegmentIsNotUsedBeforeItsSlowConsumerIsDone",
     SegmentIsNotUsedBeforeItsSlowConsumerIsDone,
     {}},
    {"PushIntoARenewedSegment", PushIntoARenewedSegment, {}},
    {"BulkPushIntoARenewedSegment", BulkPushIntoARenewedSegment, {}},
    {"NeverSaysEmptyAfterAWait", NeverSaysEmptyAfterAWait, {}},
    {"NeverSaysEmptyWhileItHoldsAValue", NeverSaysEmptyWhileItHoldsAValue<2>, {}},
    {"NeverSaysEmptyAcrossSegments", NeverSaysEmptyWhileItHoldsAValue<1>, {}},
    {"IsEmptyIsExact", IsEmptyIsExact, {}},
    {"ClosedMeansDrainedForGood", ClosedMeansDrainedForGood<2>, {}},
    {"ClosedMeansDrainedAcrossSegments", ClosedMeansDrainedForGood<1>, {}},
    {"ConsumerThatIsToldClosedSeesWhatCameBefore", ConsumerThatIsToldClosedSeesWhatCameBefore, {}},
    {"RefusedPushSeesWhatCameBefore", RefusedPushSeesWhatCameBefore, {}},
    {"RefusedBulkPushSeesWhatCameBefore", RefusedBulkPushSeesWhatCameBefore, {}},
    {"ClosingChangesNoAnswerAboutTheSize", ClosingChangesNoAnswerAboutTheSize, {}},
    {"IsClosedSeesWhatCameBefore", IsClosedSeesWhatCameBefore, {}},
};

TEST(SegmentQueueModelTest, HoldsInEveryBehaviour) { model::ExpectHolds(kScenarios); }

TEST(SegmentQueueMutantTest, EveryMutantIsCaught) {
  model::ExpectMutantsCaught({"mpmc/internal/"}, kScenarios);
}

}  // namespace
}  // namespace weft::mpmc_internal

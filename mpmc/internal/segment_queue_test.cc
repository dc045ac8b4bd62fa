// Goal: what UnboundedQueue's contract says about memory, allocation failure and stopped threads,
// with segments of a few slots and a memory that counts. Named regressions of other queues.
#include "mpmc/internal/segment_queue.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include "base/atomics.h"
#include "gtest/gtest.h"
#include "mpmc/internal/counting_memory.h"

namespace weft::mpmc_internal {
namespace {

struct TinyPolicy {
  using Memory = CountingMemory;
  static constexpr uint32_t kSlots = 4;
  static constexpr std::size_t kSpares = 2;
};

template <typename T>
using TinyQueue = SegmentQueue<T, StdAtomics, TinyPolicy>;

// The memory of the process since construction.
class Memory {
 public:
  int Allocated() const { return CountingMemory::allocated - allocated_; }
  int Discarded() const { return CountingMemory::discarded - discarded_; }
  int Freed() const { return CountingMemory::freed - freed_; }

 private:
  const int allocated_ = CountingMemory::allocated;
  const int discarded_ = CountingMemory::discarded;
  const int freed_ = CountingMemory::freed;
};

TEST(SegmentQueueTest, DrainedQueueKeepsThreeSegmentsAndGivesTheRestBack) {
  const Memory memory;
  {
    TinyQueue<int> queue;
    for (int i = 0; i < 400; ++i) (void)queue.Push(int{i});
    EXPECT_EQ(memory.Allocated(), 100);
    EXPECT_EQ(memory.Discarded(), 0);
    for (int i = 0; i < 400; ++i) ASSERT_EQ(queue.TryPop(), i);
    EXPECT_EQ(memory.Allocated() - memory.Discarded(), 3);
    EXPECT_EQ(memory.Freed(), 0);
  }
  EXPECT_EQ(memory.Freed(), 100);
}

TEST(SegmentQueueTest, NextBurstUsesTheAddressesOfTheLast) {
  const Memory memory;
  TinyQueue<int> queue;
  for (int burst = 0; burst < 5; ++burst) {
    for (int i = 0; i < 400; ++i) (void)queue.Push(int{i});
    for (int i = 0; i < 400; ++i) ASSERT_EQ(queue.TryPop(), i);
  }
  EXPECT_LE(memory.Allocated(), 101);
}

TEST(SegmentQueueTest, ShortQueueRunsInTwoSegmentsForEver) {
  const Memory memory;
  TinyQueue<int> queue;
  for (int i = 0; i < 10000; ++i) {
    (void)queue.Push(int{i});
    ASSERT_EQ(queue.TryPop(), i);
  }
  EXPECT_LE(memory.Allocated(), 2);
  EXPECT_EQ(memory.Discarded(), 0);
}

TEST(SegmentQueueTest, FailedAllocationLeavesTheQueueUnchanged) {
  TinyQueue<int> queue;
  for (int i = 0; i < 4; ++i) (void)queue.Push(int{i});
  CountingMemory::failures_left = 100;
  for (int i = 0; i < 100; ++i) {
    EXPECT_THROW((void)queue.Push(99), std::bad_alloc);
    ASSERT_EQ(queue.SizeHint(), 4u);
  }
  EXPECT_TRUE(queue.Push(4).ok());
  for (int i = 0; i < 5; ++i) ASSERT_EQ(queue.TryPop(), i);
  EXPECT_EQ(queue.TryPop().outcome(), PopOutcome::kEmpty);
}

TEST(SegmentQueueTest, BulkPushSaysHowFarItCameWhenMemoryEnds) {
  TinyQueue<int> queue;
  std::vector<int> values{0, 1, 2, 3, 4, 5, 6, 7, 8};
  CountingMemory::failures_left = 1;
  const BulkPushResult pushed = queue.PushBulk(values);
  EXPECT_EQ(pushed.outcome, PushOutcome::kOk);
  EXPECT_EQ(pushed.count, 4u);
  CountingMemory::failures_left = 1;
  EXPECT_THROW((void)queue.PushBulk(std::span(values).subspan(4)), std::bad_alloc);
  EXPECT_EQ(queue.PushBulk(std::span(values).subspan(4)).count, 5u);
  for (int i = 0; i < 9; ++i) ASSERT_EQ(queue.TryPop(), i);
}

TEST(SegmentQueueTest, FailedConstructionLeaksNothing) {
  const Memory memory;
  CountingMemory::failures_left = 1;
  EXPECT_THROW(TinyQueue<int> queue, std::bad_alloc);
  EXPECT_EQ(memory.Allocated(), memory.Freed());
}

// A value whose next move waits until it is let go, as if its thread had been preempted there.
class Stoppable {
 public:
  explicit Stoppable(int value) : value_(value) {}
  Stoppable(Stoppable&& other) noexcept : value_(other.value_) {
    if (value_ == stopping.load()) {
      stopped.store(true);
      while (stopping.load() == value_) std::this_thread::yield();
    }
  }
  Stoppable& operator=(Stoppable&&) = delete;

  int value() const { return value_; }

  static inline std::atomic<int> stopping{-1};     // Moves of this value stop...
  static inline std::atomic<bool> stopped{false};  // ... and say so.

 private:
  int value_;
};

// Also "pop frees under a reader" and "a recycled segment is taken for what it was": the segment of
// the stopped popper must not be used again before it has gone on, whatever the others do.
TEST(SegmentQueueTest, ThreadStoppedInAPopPinsItsSegmentAndNothingElse) {
  const Memory memory;
  TinyQueue<Stoppable> queue;
  for (int i = 0; i < 4; ++i) (void)queue.Push(Stoppable(i));
  Stoppable::stopped = false;
  Stoppable::stopping = 1;
  ASSERT_EQ(queue.TryPop()->value(), 0);
  std::thread popper([&] { EXPECT_EQ(queue.TryPop()->value(), 1); });
  while (!Stoppable::stopped) std::this_thread::yield();
  ASSERT_EQ(queue.TryPop()->value(), 2);
  ASSERT_EQ(queue.TryPop()->value(), 3);
  for (int i = 4; i < 1000; ++i) {
    (void)queue.Push(Stoppable(i));
    ASSERT_EQ(queue.TryPop()->value(), i);
  }
  EXPECT_LE(memory.Allocated(), 3);  // Two that circulate, one pinned.
  for (int i = 0; i < 100; ++i) (void)queue.Push(Stoppable(1000 + i));
  for (int i = 0; i < 100; ++i) ASSERT_EQ(queue.TryPop()->value(), 1000 + i);
  EXPECT_LE(memory.Allocated() - memory.Discarded(), 4);
  Stoppable::stopping = -1;
  popper.join();
}

TEST(SegmentQueueTest, ThreadStoppedInAPushHoldsTheValuesBehindItButNoPush) {
  TinyQueue<Stoppable> queue;
  Stoppable::stopped = false;
  Stoppable stoppable(1);
  Stoppable::stopping = 1;
  std::thread pusher([&] { (void)queue.Push(std::move(stoppable)); });
  while (!Stoppable::stopped) std::this_thread::yield();
  for (int i = 2; i < 20; ++i) (void)queue.Push(Stoppable(i));
  EXPECT_EQ(queue.PollPop().outcome(), PopOutcome::kBusy);  // Not "empty".
  EXPECT_FALSE(queue.IsEmpty());
  EXPECT_EQ(queue.SizeHint(), 19u);
  Stoppable::stopping = -1;
  for (int i = 1; i < 20; ++i) ASSERT_EQ(queue.TryPop()->value(), i);
  pusher.join();
}

// crossbeam-rs/crossbeam#1084, #1187: a close that raced with the making of the first block leaked
// it, and the mending freed it twice. Here the first segment is made by the constructor; what is
// left is the close beside the opening of the next one.
TEST(SegmentQueueTest, Regression_CloseBesideTheOpeningOfASegmentLosesNothing) {
  for (int round = 0; round < 100; ++round) {
    const Memory memory;
    const auto value = std::make_shared<int>(0);
    {
      TinyQueue<std::shared_ptr<int>> queue;
      for (int i = 0; i < 4; ++i) (void)queue.Push(std::shared_ptr<int>(value));
      std::thread pusher([&] {
        for (int i = 0; i < 500 && queue.Push(std::shared_ptr<int>(value)).ok(); ++i) {
        }
      });
      if (round % 2 == 0) std::this_thread::yield();
      queue.Close();
      pusher.join();
      const std::size_t size = queue.SizeHint();
      EXPECT_EQ(value.use_count(), static_cast<long>(size) + 1);
      if (round % 3 == 0) {
        std::size_t popped = 0;
        while (queue.TryPop().ok()) ++popped;
        EXPECT_EQ(popped, size);
        EXPECT_EQ(queue.TryPop().outcome(), PopOutcome::kClosed);
      }
    }
    EXPECT_EQ(value.use_count(), 1);
    EXPECT_EQ(memory.Allocated(), memory.Freed());
  }
}

// crossbeam-rs/crossbeam#523: the length was computed from a tail older than the head.
TEST(SegmentQueueTest, Regression_SizeHintIsNeverBelowZero) {
  TinyQueue<int> queue;
  std::atomic<bool> done{false};
  std::thread worker([&] {
    for (int i = 0; i < 100000; ++i) {
      (void)queue.Push(int{i});
      queue.TryPop();
    }
    done = true;
  });
  std::size_t largest = 0;
  while (!done) largest = std::max(largest, queue.SizeHint());
  worker.join();
  EXPECT_LT(largest, 200001u);  // An underflow is beyond 2^60.
}

// Tickets of two incarnations of a segment differ, also where a number wraps around.
TEST(SegmentQueueTest, TicketsCountAcrossTheEndOfASegment) {
  using Ticket = Tickets<4>;
  const uint64_t last = Ticket::First(7) + 3;
  EXPECT_EQ(Ticket::Normalized(last), last);
  EXPECT_EQ(Ticket::Normalized(last + 1), Ticket::First(8));
  EXPECT_EQ(Ticket::Normalized(last + 1000), Ticket::First(8));
  EXPECT_EQ(Ticket::Count(Ticket::First(8)) - Ticket::Count(last), 1u);
  const uint64_t end = Ticket::First((uint64_t{1} << 40) - 1) + 4;
  EXPECT_EQ(Ticket::Normalized(end), Ticket::First(0));
}

}  // namespace
}  // namespace weft::mpmc_internal

// Goal: what the contracts say about allocation, by counting every call of operator new.
#include <cstdint>

#include "gtest/gtest.h"
#include "mpmc/intrusive_mpsc_queue.h"
#include "mpmc/spsc_queue.h"
#include "mpmc/unbounded_queue.h"
#include "tools/stress/allocations.h"

namespace weft {
namespace {

using stress::AllocationCount;

TEST(QueueAllocationTest, SpscQueueAllocatesOnceWhenItIsMade) {
  const int64_t before = AllocationCount();
  SpscQueue<uint64_t> queue(100);
  EXPECT_EQ(AllocationCount() - before, 1);
  for (uint64_t i = 0; i < 1000; ++i) {
    (void)queue.TryPush(i);
    queue.TryPop();
  }
  EXPECT_EQ(AllocationCount() - before, 1);
}

TEST(QueueAllocationTest, IntrusiveMpscQueueAllocatesNothing) {
  const int64_t before = AllocationCount();
  IntrusiveMpscQueue<MpscNode> queue;
  MpscNode nodes[3];
  for (int i = 0; i < 100; ++i) {
    for (MpscNode& node : nodes) queue.Push(&node);
    for (MpscNode& node : nodes) EXPECT_EQ(queue.TryPop().node, &node);
  }
  EXPECT_EQ(AllocationCount() - before, 0);
}

// Of the segments themselves, which come from the system's pages: internal/segment_queue_test.
TEST(QueueAllocationTest, UnboundedQueueOfASteadyBacklogAllocatesNothingMore) {
  constexpr uint64_t kSlots = UnboundedQueue<uint64_t>::kSegmentSlots;
  UnboundedQueue<uint64_t> queue;
  for (uint64_t i = 0; i < 2 * kSlots; ++i) {
    (void)queue.Push(i);
    if (i >= 100) queue.TryPop();
  }
  const int64_t before = AllocationCount();
  for (uint64_t i = 0; i < 20 * kSlots; ++i) {
    (void)queue.Push(i);
    queue.TryPop();
  }
  EXPECT_EQ(AllocationCount() - before, 0);
}

}  // namespace
}  // namespace weft

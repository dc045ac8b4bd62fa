// Goal: what the contracts say about allocation, by counting every call of operator new.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

#include "gtest/gtest.h"
#include "mpmc/intrusive_mpsc_queue.h"
#include "mpmc/spsc_queue.h"
#include "mpmc/unbounded_queue.h"

namespace {

std::atomic<int> allocations{0};

void* Counted(void* block) {
  if (block == nullptr) throw std::bad_alloc();
  allocations.fetch_add(1, std::memory_order_relaxed);
  return block;
}

}  // namespace

void* operator new(std::size_t size) { return Counted(std::malloc(size)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  const std::size_t step = static_cast<std::size_t>(alignment);
  return Counted(std::aligned_alloc(step, (size + step - 1) / step * step));
}
// AddressSanitizer's arrays do not come by the above.
void* operator new[](std::size_t size) { return ::operator new(size); }
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return ::operator new(size, alignment);
}
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t) noexcept { std::free(block); }
void operator delete[](void* block, std::align_val_t) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t, std::align_val_t) noexcept { std::free(block); }
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete(void* block, std::align_val_t) noexcept { std::free(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { std::free(block); }

namespace weft {
namespace {

TEST(QueueAllocationTest, SpscQueueAllocatesOnceWhenItIsMade) {
  const int before = allocations;
  SpscQueue<uint64_t> queue(100);
  EXPECT_EQ(allocations - before, 1);
  for (uint64_t i = 0; i < 1000; ++i) {
    (void)queue.TryPush(i);
    queue.TryPop();
  }
  EXPECT_EQ(allocations - before, 1);
}

TEST(QueueAllocationTest, IntrusiveMpscQueueAllocatesNothing) {
  const int before = allocations;
  IntrusiveMpscQueue<MpscNode> queue;
  MpscNode nodes[3];
  for (int i = 0; i < 100; ++i) {
    for (MpscNode& node : nodes) queue.Push(&node);
    for (MpscNode& node : nodes) EXPECT_EQ(queue.TryPop().node, &node);
  }
  EXPECT_EQ(allocations - before, 0);
}

// Of the segments themselves, which come from the system's pages: internal/segment_queue_test.
TEST(QueueAllocationTest, UnboundedQueueOfASteadyBacklogAllocatesNothingMore) {
  constexpr uint64_t kSlots = UnboundedQueue<uint64_t>::kSegmentSlots;
  UnboundedQueue<uint64_t> queue;
  for (uint64_t i = 0; i < 2 * kSlots; ++i) {
    (void)queue.Push(i);
    if (i >= 100) queue.TryPop();
  }
  const int before = allocations;
  for (uint64_t i = 0; i < 20 * kSlots; ++i) {
    (void)queue.Push(i);
    queue.TryPop();
  }
  EXPECT_EQ(allocations - before, 0);
}

}  // namespace
}  // namespace weft

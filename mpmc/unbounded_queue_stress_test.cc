// Goal: no loss, no duplicate, order per producer, no leak, exact "empty", memory given back.
// Method: numbered items over several shapes; threads that know that the queue cannot be empty;
// a count of the bytes that the program holds.
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "mpmc/internal/queue_stress.h"
#include "mpmc/unbounded_queue.h"

namespace {

// Blocks of at least this size are counted: a queue's block is one, a test's own data is not.
constexpr std::size_t kLarge = 16 * 1024;
std::atomic<int> large_blocks{0};

void* CountedAllocate(std::size_t size) {
  // The size is kept in front of the block, because the plain delete is not told it.
  auto* const block = static_cast<std::size_t*>(std::malloc(size + 2 * sizeof(std::size_t)));
  if (block == nullptr) throw std::bad_alloc();
  block[0] = size;
  if (size >= kLarge) large_blocks.fetch_add(1);
  return block + 2;
}

void CountedFree(void* pointer) noexcept {
  if (pointer == nullptr) return;
  std::size_t* const block = static_cast<std::size_t*>(pointer) - 2;
  if (block[0] >= kLarge) large_blocks.fetch_sub(1);
  std::free(block);
}

// A value whose 16 make a block of more than kLarge bytes, allocated by the functions above.
struct Huge {
  int value = 0;
  char padding[1020] = {};
};

}  // namespace

void* operator new(std::size_t size) { return CountedAllocate(size); }
void operator delete(void* pointer) noexcept { CountedFree(pointer); }
void operator delete(void* pointer, std::size_t) noexcept { CountedFree(pointer); }

namespace weft {
namespace {

using mpmc_internal::RunStress;
using mpmc_internal::StressItem;
using mpmc_internal::StressShape;

TEST(UnboundedQueueStressTest, EveryItemArrivesOnceAndInOrder) {
  for (const StressShape& shape :
       {StressShape{1, 1, 20000}, StressShape{2, 2, 10000}, StressShape{4, 4, 4000}}) {
    UnboundedQueue<StressItem> queue;
    EXPECT_EQ(RunStress(
                  shape, [&](StressItem item) { queue.Push(std::move(item)); },
                  [&] { return queue.TryPop(); }),
              "")
        << shape.producers << " producers";
    EXPECT_EQ(StressItem::Live(), 0);
  }
}

// Each thread has pushed one more value than it has popped, so the queue cannot be empty.
TEST(UnboundedQueueStressTest, NeverSaysEmptyWhileItHoldsAValue) {
  UnboundedQueue<int> queue;
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) {
        queue.Push(i);
        if (queue.IsEmpty()) wrong.fetch_add(1);
        if (!queue.TryPop().has_value()) wrong.fetch_add(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
}

TEST(UnboundedQueueStressTest, DrainedQueueKeepsTwoBlocksAtMost) {
  const int before = large_blocks.load();
  {
    UnboundedQueue<Huge> queue;
    for (int burst = 0; burst < 3; ++burst) {
      for (int i = 0; i < 1000; ++i) queue.Push(Huge{});
      EXPECT_GE(large_blocks.load() - before, 1000 / 16);
      while (queue.TryPop().has_value()) {
      }
      EXPECT_LE(large_blocks.load() - before, 2);
    }
  }
  EXPECT_EQ(large_blocks.load(), before);
}

}  // namespace
}  // namespace weft

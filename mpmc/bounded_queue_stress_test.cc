// Goal: no loss, no duplicate, order per producer, no leak and exact answers at real speed.
// Method: numbered items over several shapes and capacities; then threads that know for certain
// whether the queue can be empty or full, and ask.
#include <atomic>
#include <cstddef>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "mpmc/bounded_queue.h"
#include "mpmc/internal/queue_stress.h"
#include "mpmc/push_result.h"

namespace weft {
namespace {

using mpmc_internal::RunStress;
using mpmc_internal::StressItem;
using mpmc_internal::StressShape;

std::string Stress(std::size_t capacity, const StressShape& shape) {
  BoundedQueue<StressItem> queue(capacity);
  return RunStress(
      shape,
      [&](StressItem item) {
        std::optional<StressItem> pending(std::move(item));
        while (pending.has_value()) {
          PushResult<StressItem> result = queue.TryPush(*std::move(pending));
          pending.reset();
          if (!result.ok()) {
            pending.emplace(std::move(result).TakeRejected());
            std::this_thread::yield();
          }
        }
      },
      [&] { return queue.TryPop(); });
}

TEST(BoundedQueueStressTest, EveryItemArrivesOnceAndInOrder) {
  for (std::size_t capacity : {1, 2, 3, 64}) {
    for (const StressShape& shape :
         {StressShape{1, 1, 4000}, StressShape{2, 2, 3000}, StressShape{4, 4, 1500}}) {
      EXPECT_EQ(Stress(capacity, shape), "")
          << "capacity " << capacity << ", " << shape.producers << " producers";
      EXPECT_EQ(StressItem::Live(), 0);
    }
  }
}

TEST(BoundedQueueStressTest, DestructionWithItemsInsideLeaksNothing) {
  {
    BoundedQueue<StressItem> queue(100);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 500; ++i) {
          if (!queue.TryPush(StressItem(t, i)).ok()) queue.TryPop();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(StressItem::Live(), 0);
}

// Each thread has pushed one more value than it has popped, so the queue cannot be empty.
TEST(BoundedQueueStressTest, NeverSaysEmptyWhileItHoldsAValue) {
  constexpr int kThreads = 4;
  BoundedQueue<int> queue(kThreads);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) {
        if (!queue.TryPush(i).ok()) wrong.fetch_add(1);
        if (!queue.TryPop().has_value()) wrong.fetch_add(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
}

// The queue starts full and each thread pops before it pushes, so a push always finds room.
TEST(BoundedQueueStressTest, NeverSaysFullWhileItHasRoom) {
  constexpr int kThreads = 3;
  BoundedQueue<int> queue(kThreads);
  for (int i = 0; i < kThreads; ++i) ASSERT_TRUE(queue.TryPush(i).ok());
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) {
        if (!queue.TryPop().has_value()) wrong.fetch_add(1);
        if (!queue.TryPush(i).ok()) wrong.fetch_add(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
}

}  // namespace
}  // namespace weft

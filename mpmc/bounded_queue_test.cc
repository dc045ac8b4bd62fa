// Goal: each bullet of BoundedQueue's contract, on one thread, and equality with a deque over
// random operations at every small capacity.
#include "mpmc/bounded_queue.h"

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <type_traits>
#include <utility>

#include "gtest/gtest.h"
#include "mpmc/push_result.h"

namespace weft {
namespace {

static_assert(!std::is_copy_constructible_v<BoundedQueue<int>>);
static_assert(!std::is_move_constructible_v<BoundedQueue<int>>);

TEST(BoundedQueueTest, PopsInTheOrderOfThePushes) {
  BoundedQueue<int> queue(3);
  ASSERT_TRUE(queue.TryPush(1).ok());
  ASSERT_TRUE(queue.TryPush(2).ok());
  EXPECT_EQ(queue.TryPop(), 1);
  ASSERT_TRUE(queue.TryPush(3).ok());
  EXPECT_EQ(queue.TryPop(), 2);
  EXPECT_EQ(queue.TryPop(), 3);
  EXPECT_EQ(queue.TryPop(), std::nullopt);
}

TEST(BoundedQueueTest, FullQueueHandsTheValueBack) {
  BoundedQueue<std::unique_ptr<int>> queue(1);
  ASSERT_TRUE(queue.TryPush(std::make_unique<int>(1)).ok());
  auto result = queue.TryPush(std::make_unique<int>(2));
  ASSERT_EQ(result.outcome(), PushOutcome::kFull);
  EXPECT_EQ(*std::move(result).TakeRejected(), 2);
  EXPECT_EQ(**queue.TryPop(), 1);
}

TEST(BoundedQueueTest, HoldsExactlyItsCapacityInEveryLap) {
  for (std::size_t capacity = 1; capacity <= 9; ++capacity) {
    BoundedQueue<std::size_t> queue(capacity);
    EXPECT_EQ(queue.capacity(), capacity);
    for (int lap = 0; lap < 5; ++lap) {
      for (std::size_t i = 0; i < capacity; ++i) {
        EXPECT_EQ(queue.SizeHint(), i);
        ASSERT_TRUE(queue.TryPush(i).ok()) << "capacity " << capacity << " lap " << lap;
      }
      ASSERT_FALSE(queue.TryPush(99).ok()) << "capacity " << capacity << " lap " << lap;
      for (std::size_t i = 0; i < capacity; ++i) ASSERT_EQ(queue.TryPop(), i);
      ASSERT_EQ(queue.TryPop(), std::nullopt);
      EXPECT_TRUE(queue.IsEmptyHint());
    }
  }
}

TEST(BoundedQueueTest, DestructorDestroysWhatIsLeft) {
  auto value = std::make_shared<int>(7);
  {
    BoundedQueue<std::shared_ptr<int>> queue(4);
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(queue.TryPush(value).ok());
    ASSERT_TRUE(queue.TryPop().has_value());
    EXPECT_EQ(value.use_count(), 3);
  }
  EXPECT_EQ(value.use_count(), 1);
}

TEST(BoundedQueueTest, PopLeavesNothingOfTheValueBehind) {
  auto value = std::make_shared<int>(7);
  BoundedQueue<std::shared_ptr<int>> queue(4);
  ASSERT_TRUE(queue.TryPush(value).ok());
  queue.TryPop();
  EXPECT_EQ(value.use_count(), 1);
}

struct alignas(128) OverAligned {
  explicit OverAligned(int v) : value(v) {}
  OverAligned(OverAligned&& other) noexcept : value(other.value) {}
  int value;
};

TEST(BoundedQueueTest, KeepsTheAlignmentOfItsValues) {
  BoundedQueue<OverAligned> queue(3);
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(queue.TryPush(OverAligned(i)).ok());
    EXPECT_EQ(queue.TryPop()->value, i);
  }
}

TEST(BoundedQueueTest, EqualsADequeOverRandomOperations) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const std::size_t capacity = 1 + random() % 12;
    const unsigned push_weight = 1 + random() % 9;  // Swarm: some runs stay full, some stay empty.
    BoundedQueue<std::unique_ptr<int>> queue(capacity);
    std::deque<int> model;
    for (int step = 0; step < 500; ++step) {
      if (random() % 10 < push_weight) {
        auto result = queue.TryPush(std::make_unique<int>(step));
        ASSERT_EQ(result.ok(), model.size() < capacity);
        if (result.ok()) {
          model.push_back(step);
        } else {
          ASSERT_EQ(*std::move(result).TakeRejected(), step);
        }
      } else {
        std::optional<std::unique_ptr<int>> value = queue.TryPop();
        ASSERT_EQ(value.has_value(), !model.empty());
        if (value.has_value()) {
          ASSERT_EQ(**value, model.front());
          model.pop_front();
        }
      }
      ASSERT_EQ(queue.SizeHint(), model.size());
    }
  }
}

TEST(BoundedQueueDeathTest, CapacityZeroIsRefusedWithItsReason) {
  EXPECT_DEATH(BoundedQueue<int>(0), "BoundedQueue\\(capacity\\): expected 1 to .* found 0");
}

TEST(PushResultDeathTest, TakingFromAnAcceptedPushIsRefusedWithItsReason) {
  EXPECT_DEATH(PushResult<int>::Ok().TakeRejected(), "expected a rejected push, found an accepted");
}

}  // namespace
}  // namespace weft

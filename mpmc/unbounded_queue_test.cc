// Goal: each bullet of UnboundedQueue's contract on one thread, block boundaries above all, and
// equality with a deque over random operations.
#include "mpmc/unbounded_queue.h"

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <type_traits>
#include <utility>

#include "gtest/gtest.h"

namespace weft {
namespace {

static_assert(!std::is_copy_constructible_v<UnboundedQueue<int>>);
static_assert(!std::is_move_constructible_v<UnboundedQueue<int>>);

// So large that a handful of values crosses several blocks.
struct Big {
  explicit Big(int v) : value(v) {}
  int value;
  char padding[1020] = {};
};
static_assert(UnboundedQueue<Big>::kBlockSize == 16);

TEST(UnboundedQueueTest, PopsInTheOrderOfThePushesAcrossBlocks) {
  UnboundedQueue<Big> queue;
  for (int i = 0; i < 100; ++i) queue.Push(Big(i));
  EXPECT_EQ(queue.SizeHint(), 100u);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(queue.TryPop()->value, i);
  EXPECT_FALSE(queue.TryPop().has_value());
}

TEST(UnboundedQueueTest, IsEmptyExactlyWhenNothingIsInside) {
  UnboundedQueue<int> queue;
  EXPECT_TRUE(queue.IsEmpty());
  queue.Push(1);
  EXPECT_FALSE(queue.IsEmpty());
  queue.TryPop();
  EXPECT_TRUE(queue.IsEmpty());
}

TEST(UnboundedQueueTest, SurvivesManyLapsAtTheBlockBoundary) {
  UnboundedQueue<Big> queue;
  int next_in = 0;
  int next_out = 0;
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 16; ++i) queue.Push(Big(next_in++));
    for (int i = 0; i < 16; ++i) ASSERT_EQ(queue.TryPop()->value, next_out++);
    ASSERT_FALSE(queue.TryPop().has_value());
  }
}

TEST(UnboundedQueueTest, MovesMoveOnlyValuesAndKeepsNothing) {
  UnboundedQueue<std::unique_ptr<int>> queue;
  queue.Push(std::make_unique<int>(5));
  std::optional<std::unique_ptr<int>> value = queue.TryPop();
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ(**value, 5);
}

TEST(UnboundedQueueTest, DestructorDestroysWhatIsLeft) {
  auto value = std::make_shared<int>(7);
  {
    UnboundedQueue<std::shared_ptr<int>> queue;
    for (int i = 0; i < 1000; ++i) queue.Push(value);
    for (int i = 0; i < 300; ++i) queue.TryPop();
    EXPECT_EQ(value.use_count(), 701);
  }
  EXPECT_EQ(value.use_count(), 1);
}

TEST(UnboundedQueueTest, EqualsADequeOverRandomOperations) {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    UnboundedQueue<Big> queue;
    std::deque<int> model;
    unsigned push_weight = 5;
    for (int step = 0; step < 600; ++step) {
      if (step % 50 == 0) push_weight = 1 + random() % 9;  // Swarm: tides of pushes and of pops.
      if (random() % 10 < push_weight) {
        queue.Push(Big(step));
        model.push_back(step);
      } else {
        std::optional<Big> value = queue.TryPop();
        ASSERT_EQ(value.has_value(), !model.empty());
        if (value.has_value()) {
          ASSERT_EQ(value->value, model.front());
          model.pop_front();
        }
      }
      ASSERT_EQ(queue.SizeHint(), model.size());
      ASSERT_EQ(queue.IsEmpty(), model.empty());
    }
  }
}

}  // namespace
}  // namespace weft

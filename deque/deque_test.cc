// Question: does a Deque keep each sentence of its contract when one thread drives it, step by
// step? Method: single-threaded scenarios, and random operation sequences compared with std::deque
// after each step (the seed is printed on failure).
#include "deque/deque.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace weft {
namespace {

static_assert(!std::is_copy_constructible_v<Deque<int>>);
static_assert(!std::is_move_constructible_v<Deque<int>>);
static_assert(std::is_copy_constructible_v<Stealer<std::unique_ptr<int>>>);
static_assert(deque_internal::kFitsSlot<int*>);
static_assert(deque_internal::kFitsSlot<std::unique_ptr<int>>);
static_assert(!deque_internal::kFitsSlot<std::vector<int>>);

TEST(DequeTest, NewDequeIsEmpty) {
  Deque<int> deque;
  EXPECT_TRUE(deque.IsEmptyHint());
  EXPECT_EQ(deque.SizeHint(), 0u);
  EXPECT_EQ(deque.Pop(), std::nullopt);
  const StealResult<int> result = deque.stealer().Steal();
  EXPECT_EQ(result.outcome, StealOutcome::kEmpty);
  EXPECT_FALSE(result.item.has_value());
  EXPECT_FALSE(result);
}

TEST(DequeTest, PopReturnsNewestFirst) {
  Deque<int> deque;
  for (int i = 0; i < 5; ++i) deque.Push(i);
  for (int i = 4; i >= 0; --i) EXPECT_EQ(deque.Pop(), i);
  EXPECT_EQ(deque.Pop(), std::nullopt);
}

TEST(DequeTest, StealReturnsOldestFirst) {
  Deque<int> deque;
  const Stealer<int> stealer = deque.stealer();
  for (int i = 0; i < 5; ++i) deque.Push(i);
  for (int i = 0; i < 5; ++i) {
    const StealResult<int> result = stealer.Steal();
    ASSERT_TRUE(result);
    EXPECT_EQ(result.item, i);
  }
  EXPECT_EQ(stealer.Steal().outcome, StealOutcome::kEmpty);
}

TEST(DequeTest, TheLastItemGoesToOneEndOnly) {
  Deque<int> deque;
  deque.Push(1);
  EXPECT_EQ(deque.stealer().Steal().item, 1);
  EXPECT_EQ(deque.Pop(), std::nullopt);
  deque.Push(2);
  EXPECT_EQ(deque.Pop(), 2);
  EXPECT_EQ(deque.stealer().Steal().outcome, StealOutcome::kEmpty);
}

TEST(DequeTest, GrowthKeepsAllItemsInOrder) {
  Deque<int> deque(1);
  EXPECT_EQ(deque.Capacity(), 1u);
  for (int i = 0; i < 1'000; ++i) deque.Push(i);
  EXPECT_EQ(deque.Capacity(), 1'024u);
  EXPECT_EQ(deque.SizeHint(), 1'000u);
  for (int i = 0; i < 500; ++i) EXPECT_EQ(deque.stealer().Steal().item, i);
  for (int i = 999; i >= 500; --i) EXPECT_EQ(deque.Pop(), i);
  EXPECT_TRUE(deque.IsEmptyHint());
}

TEST(DequeTest, GrowthAfterTheRingWrappedKeepsOrder) {
  Deque<int> deque(4);
  int pushed = 0;
  int stolen = 0;
  for (; pushed < 3; ++pushed) deque.Push(pushed);
  for (; stolen < 3; ++stolen) EXPECT_EQ(deque.stealer().Steal().item, stolen);
  for (; pushed < 12; ++pushed) deque.Push(pushed);  // wraps, then grows twice
  for (; stolen < 12; ++stolen) EXPECT_EQ(deque.stealer().Steal().item, stolen);
}

TEST(DequeTest, DoesNotGrowWhileThievesKeepUp) {
  Deque<int> deque(4);
  for (int i = 0; i < 10'000; ++i) {
    deque.Push(i);
    if (i < 3) continue;
    EXPECT_EQ(deque.stealer().Steal().item, i - 3);
  }
  EXPECT_EQ(deque.Capacity(), 4u);
}

TEST(DequeTest, CapacityIsRoundedUpToAPowerOfTwo) {
  EXPECT_EQ(Deque<int>(3).Capacity(), 4u);
  EXPECT_EQ(Deque<int>(4).Capacity(), 4u);
}

TEST(DequeTest, TakesMoveOnlyItems) {
  Deque<std::unique_ptr<int>> deque;
  deque.Push(std::make_unique<int>(1));
  deque.Push(std::make_unique<int>(2));
  EXPECT_EQ(**deque.Pop(), 2);
  EXPECT_EQ(**deque.stealer().Steal().item, 1);
}

TEST(DequeTest, ItemsNeedNoDefaultConstructor) {
  struct Handle {
    explicit Handle(std::uint32_t handle_id) : id(handle_id) {}
    std::uint32_t id;
  };
  static_assert(deque_internal::kFitsSlot<Handle>);
  Deque<Handle> deque;
  deque.Push(Handle(7));
  EXPECT_EQ(deque.Pop()->id, 7u);
}

TEST(DequeTest, ItemsMayBeBiggerThanAWord) {
  struct Pair {
    std::uint64_t first;
    std::uint64_t second;
  };
  Deque<Pair> deque(1);
  for (std::uint64_t i = 0; i < 10; ++i) deque.Push({i, i * i});
  EXPECT_EQ(deque.stealer().Steal().item->second, 0u);
  EXPECT_EQ(deque.Pop()->second, 81u);
}

TEST(DequeTest, DestroysTheItemsThatNobodyTook) {
  const auto alive = std::make_shared<int>(0);
  {
    Deque<std::shared_ptr<int>> deque(2);
    for (int i = 0; i < 10; ++i) deque.Push(alive);
    deque.Pop();
    deque.stealer().Steal();
    EXPECT_EQ(alive.use_count(), 1 + 8);
  }
  EXPECT_EQ(alive.use_count(), 1);
}

TEST(DequeTest, ReleaseOwnershipLetsAnotherThreadOwn) {
  Deque<int> deque;
  deque.Push(1);
  deque.ReleaseOwnership();
  std::thread([&deque] {
    EXPECT_EQ(deque.Pop(), 1);
    deque.Push(2);
  }).join();
  EXPECT_EQ(deque.stealer().Steal().item, 2);
}

#ifndef NDEBUG
TEST(DequeDeathTest, SecondOwnerIsRefusedInDebugBuilds) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        Deque<int> deque;
        deque.Push(1);
        std::thread([&deque] { deque.Pop(); }).join();
      },
      "Deque::Pop\\(\\) on a second thread: expected the owner .*take items through a Stealer");
}
#endif

TEST(DequeDeathTest, CapacityMustBePositiveAndBounded) {
  EXPECT_DEATH(Deque<int>(0), "Deque\\(capacity\\): expected 1 to 4294967296, found 0");
  EXPECT_DEATH(Deque<int>((std::size_t{1} << 32) + 1), "expected 1 to 4294967296");
}

// Weights of the operations, drawn anew for each run, so that some runs grow and others run dry.
struct Weights {
  int push, pop, steal;
};

// Runs `steps` random operations on a deque and on its model; both must agree at each step.
template <typename T, typename Make, typename Read>
void CompareWithModel(std::uint32_t seed, int steps, Make make, Read read) {
  std::mt19937 random(seed);
  const auto draw = [&random](int n) { return static_cast<int>(random() % unsigned(n)); };
  const Weights weights{1 + draw(8), draw(8), draw(8)};
  const int total = weights.push + weights.pop + weights.steal;
  Deque<T> deque(std::size_t(1 + draw(8)));
  std::deque<int> model;
  for (int i = 0; i < steps; ++i) {
    const int choice = draw(total);
    if (choice < weights.push) {
      deque.Push(make(i));
      model.push_back(i);
    } else if (choice < weights.push + weights.pop) {
      std::optional<T> item = deque.Pop();
      ASSERT_EQ(item.has_value(), !model.empty()) << "seed " << seed << " step " << i;
      if (!item) continue;
      ASSERT_EQ(read(*item), model.back()) << "seed " << seed << " step " << i;
      model.pop_back();
    } else {
      StealResult<T> result = deque.stealer().Steal();
      ASSERT_EQ(bool(result), !model.empty()) << "seed " << seed << " step " << i;
      if (!result) continue;
      ASSERT_EQ(read(*result.item), model.front()) << "seed " << seed << " step " << i;
      model.pop_front();
    }
    ASSERT_EQ(deque.SizeHint(), model.size()) << "seed " << seed << " step " << i;
  }
}

TEST(DequeModelTest, RandomOperationsAgreeWithStdDeque) {
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    CompareWithModel<int>(seed, 1'000, [](int i) { return i; }, [](int item) { return item; });
  }
}

TEST(DequeModelTest, RandomOperationsOnBoxedItemsAgreeWithStdDeque) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    CompareWithModel<std::unique_ptr<int>>(
        seed, 500, [](int i) { return std::make_unique<int>(i); },
        [](const std::unique_ptr<int>& item) { return *item; });
  }
}

}  // namespace
}  // namespace weft

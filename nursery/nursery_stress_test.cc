// Scopes under real threads. Children borrow locals of the function that awaits the scope, which
// returns as soon as the scope does: a child that lives a moment longer is a use after free for
// AddressSanitizer and a race for ThreadSanitizer. Identities are summed: no child is lost or run
// twice.

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "future/block_on.h"
#include "future/poll_fn.h"
#include "future/spawn.h"
#include "future/task.h"
#include "future/test_pool.h"
#include "gtest/gtest.h"
#include "nursery/nursery.h"
#include "nursery/wait_any.h"

namespace weft {
namespace {

// The class of stdexec's issue 1731: the scope is gone while its last child is still waking it.
TEST(NurseryStressTest, Regression_TheScopeEndsWhileItsLastChildIsStillWaking) {
  constexpr int kRounds = 1000;
  TestPool pool(3);
  auto child = [](int* slot, int id) -> Task<> {
    *slot = id;
    co_return;
  };
  auto parent = [&child](int round) -> Task<int> {
    const int children = round % 4 + 1;
    auto slots = std::make_unique<int[]>(children);  // freed right after the scope
    auto body = [&child, children](Nursery& nursery, int* out) -> Task<> {
      for (int i = 0; i < children; ++i) nursery.Spawn(child, out + i, i + 1);
      co_return;
    };
    absl::Status status = co_await WithNursery(body, slots.get());
    int sum = 0;
    for (int i = 0; i < children; ++i) sum += slots[i];
    co_return status.ok() ? sum - children*(children + 1) / 2 : -1;
  };
  for (int round = 0; round < kRounds; ++round) {
    EXPECT_EQ(*BlockOn(pool, parent(round)), 0);
  }
}

TEST(NurseryStressTest, ChildrenSpawnChildrenOnManyThreads) {
  TestPool pool(4);
  struct Tree {
    static Task<> Grow(Nursery* nursery, std::atomic<int64_t>* sum, int depth, int64_t id) {
      sum->fetch_add(id, std::memory_order_relaxed);
      if (depth > 0) {
        nursery->Spawn(Grow(nursery, sum, depth - 1, 2 * id));
        co_await YieldNow();
        nursery->Spawn(Grow(nursery, sum, depth - 1, 2 * id + 1));
      }
    }
  };
  std::atomic<int64_t> sum{0};
  auto body = [&sum](Nursery& nursery) -> Task<> {
    nursery.Spawn(Tree::Grow(&nursery, &sum, 10, 1));
    co_return;
  };
  EXPECT_TRUE(BlockOn(pool, WithNursery(body)).ok());
  EXPECT_EQ(sum.load(), int64_t{2047} * 2048 / 2);  // each number of the heap order once
}

TEST(NurseryStressTest, ErrorsCancelWhileSiblingsFinish) {
  constexpr int kRounds = 200;
  TestPool pool(3);
  auto child = [](std::atomic<int>* alive, int turns, bool fails) -> Task<absl::Status> {
    struct Guard {
      std::atomic<int>* count;
      ~Guard() { count->fetch_sub(1); }
    };
    alive->fetch_add(1);
    Guard guard{alive};
    for (int i = 0; i < turns; ++i) co_await YieldNow();
    co_return fails ? absl::AbortedError("torn shoe") : absl::OkStatus();
  };
  auto parent = [&child](int round) -> Task<int> {
    std::atomic<int> alive{0};
    auto body = [&child, &alive, round](Nursery& nursery) -> Task<> {
      for (int i = 0; i < 8; ++i) nursery.Spawn(child, &alive, i + round % 5, i == round % 8);
      while (true) co_await YieldNow();
    };
    absl::Status status = co_await WithNursery(body);
    EXPECT_EQ(status, absl::AbortedError("torn shoe"));
    co_return alive.load();
  };
  for (int round = 0; round < kRounds; ++round) EXPECT_EQ(*BlockOn(pool, parent(round)), 0);
}

TEST(NurseryStressTest, OneOfManyWinsAndTheLosersAreGone) {
  constexpr int kRounds = 200;
  TestPool pool(3);
  auto contender = [](std::atomic<int>* alive, int turns) -> Task<int> {
    struct Guard {
      std::atomic<int>* count;
      ~Guard() { count->fetch_sub(1); }
    };
    alive->fetch_add(1);
    Guard guard{alive};
    for (int i = 0; i < turns; ++i) co_await YieldNow();
    co_return turns;
  };
  auto parent = [&contender]() -> Task<int> {
    std::atomic<int> alive{0};
    std::vector<Task<int>> contenders;
    for (int i = 0; i < 6; ++i) contenders.push_back(contender(&alive, 3));
    absl::StatusOr<int> winner = co_await WaitAny(AnyPolicy::kFirstFinished, std::move(contenders));
    EXPECT_EQ(*winner, 3);
    co_return alive.load();
  };
  for (int round = 0; round < kRounds; ++round) EXPECT_EQ(*BlockOn(pool, parent()), 0);
}

TEST(NurseryStressTest, ShutdownEndsScopesInsideScopes) {
  std::atomic<int> alive{0};
  auto leaf = [](std::atomic<int>* count) -> Task<> {
    struct Guard {
      std::atomic<int>* count;
      ~Guard() { count->fetch_sub(1); }
    };
    count->fetch_add(1);
    Guard guard{count};
    while (true) co_await YieldNow();
  };
  auto inner = [&leaf](Nursery& nursery, std::atomic<int>* count) -> Task<> {
    for (int i = 0; i < 4; ++i) nursery.Spawn(leaf, count);
    co_await Never<>();
  };
  auto outer = [&inner](Nursery& nursery, std::atomic<int>* count) -> Task<> {
    for (int i = 0; i < 4; ++i) nursery.Spawn(WithNursery(inner, count));
    co_await Never<>();
  };
  for (int round = 0; round < 20; ++round) {
    {
      TestPool pool(3);
      Spawn(pool, WithNursery(outer, &alive)).Detach();
    }
    EXPECT_EQ(alive, 0);
  }
}

}  // namespace
}  // namespace weft

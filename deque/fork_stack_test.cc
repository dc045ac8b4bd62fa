// Question: does a ForkStack keep each sentence of its contract?
// Method: scenarios on one thread, then fork-joins at real speed on several workers, where each
// leaf is counted, and workers help each other while they wait.
#include "deque/fork_stack.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <random>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tools/stress/seed.h"
#include "tools/stress/start_barrier.h"
#include "tools/stress/watchdog.h"

namespace weft {
namespace {

TEST(ForkStackTest, JobThatNobodyStoleIsTheOwnersAgain) {
  ForkStack<int> stack;
  int jobs[3];
  for (int t = 0; t < 3; ++t) EXPECT_TRUE(stack.Push(t, &jobs[t]));
  EXPECT_EQ(stack.Depth(), 3);
  EXPECT_EQ(stack.SizeHint(), 3u);
  for (int t = 2; t >= 0; --t) EXPECT_TRUE(stack.Pop(t));
  EXPECT_EQ(stack.Depth(), 0);
  EXPECT_EQ(stack.Steal().outcome, StealOutcome::kEmpty);
}

TEST(ForkStackTest, StealReturnsTheOldestJob) {
  ForkStack<int> stack;
  int jobs[3];
  for (int t = 0; t < 3; ++t) EXPECT_TRUE(stack.Push(t, &jobs[t]));
  EXPECT_EQ(stack.Steal().item, &jobs[0]);
  EXPECT_EQ(stack.Steal().item, &jobs[1]);
  EXPECT_TRUE(stack.Pop(2));
  for (int t = 1; t >= 0; --t) {
    EXPECT_FALSE(stack.Pop(t));
    stack.Restore(t);
  }
  EXPECT_EQ(stack.Depth(), 0);
}

// While its stolen job runs elsewhere, the owner forks on top of it.
TEST(ForkStackTest, ForksAboveAStolenJob) {
  ForkStack<int> stack;
  int first = 0;
  int second = 0;
  EXPECT_TRUE(stack.Push(0, &first));
  EXPECT_EQ(stack.Steal().item, &first);
  EXPECT_FALSE(stack.Pop(0));
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(stack.Depth(), 1);
    EXPECT_TRUE(stack.Push(1, &second));
    EXPECT_TRUE(stack.Pop(1));
    EXPECT_TRUE(stack.Push(1, &second));
    EXPECT_EQ(stack.Steal().item, &second);
    EXPECT_FALSE(stack.Pop(1));
    stack.Restore(1);
  }
  stack.Restore(0);
  EXPECT_TRUE(stack.Push(0, &first));
  EXPECT_TRUE(stack.Pop(0));
}

TEST(ForkStackTest, RefusesWhatIsTooDeep) {
  ForkStack<int> stack(2);
  int job = 0;
  EXPECT_TRUE(stack.Push(0, &job));
  EXPECT_TRUE(stack.Push(1, &job));
  EXPECT_FALSE(stack.Push(2, &job));
  EXPECT_EQ(stack.Depth(), 2);
  EXPECT_TRUE(stack.Pop(1));
  EXPECT_TRUE(stack.Push(1, &job));
  EXPECT_TRUE(stack.Pop(1));
  EXPECT_TRUE(stack.Pop(0));
}

TEST(ForkStackTest, WhatWasRefusedIsNotStolen) {
  ForkStack<int> stack(1);
  int jobs[2];
  EXPECT_EQ(stack.Steal().outcome, StealOutcome::kEmpty);  // asks
  EXPECT_TRUE(stack.Push(0, &jobs[0]));
  for (int round = 0; round < 3; ++round) {
    EXPECT_FALSE(stack.Push(1, &jobs[1]));
    EXPECT_EQ(stack.SizeHint(), 1u - static_cast<unsigned>(round > 0));
    const StealResult<int*> stolen = stack.Steal();
    EXPECT_EQ(stolen.item.value_or(nullptr), round == 0 ? &jobs[0] : nullptr);
  }
  EXPECT_FALSE(stack.Pop(0));
  stack.Restore(0);
}

TEST(ForkStackDeathTest, DepthMustBePositiveAndBounded) {
  EXPECT_DEATH(ForkStack<int>(0), "ForkStack\\(max_depth\\): expected 1 to 4094, found 0");
  EXPECT_DEATH(ForkStack<int>(4'095), "found 4095");
}

#ifndef NDEBUG
TEST(ForkStackDeathTest, JoinsMustBeNested) {
  ForkStack<int> stack;
  int job = 0;
  stack.Push(0, &job);
  stack.Push(1, &job);
  EXPECT_DEATH(stack.Pop(0),
               "ForkStack::Pop\\(t\\): expected t = 1, found 0; joins must be nested");
}
#endif

// A binary tree of forks; each leaf counts itself.
class Forest {
 public:
  Forest(int workers, int max_depth) {
    for (int i = 0; i < workers; ++i) stacks_.emplace_back(max_depth);
  }

  std::int64_t Run(int depth, stress::Watchdog* watchdog, std::uint64_t seed) {
    const int workers = static_cast<int>(stacks_.size());
    std::atomic<bool> is_over{false};
    std::int64_t leaves = 0;
    stress::RunTogether(workers, [&](int self) {
      std::mt19937_64 random(stress::SeedOfWorker(seed, static_cast<std::uint64_t>(self)));
      if (self == 0) {
        leaves = Grow(self, depth, random);
        is_over.store(true, std::memory_order_release);
      } else {
        while (!is_over.load(std::memory_order_acquire)) {
          Help(self, random);
          watchdog->Report(self, "helped");
        }
      }
      watchdog->Finish(self);
    });
    return leaves;
  }

 private:
  struct Branch {
    int depth;
    std::int64_t leaves = 0;
    std::atomic<bool> is_done{false};
  };

  std::int64_t Grow(int self, int depth, std::mt19937_64& random) {
    if (depth == 0) return 1;
    ForkStack<Branch>& stack = stacks_[static_cast<std::size_t>(self)];
    Branch right{depth - 1};
    const int t = stack.Depth();
    if (!stack.Push(t, &right)) {
      return Grow(self, depth - 1, random) + Grow(self, depth - 1, random);
    }
    const std::int64_t left = Grow(self, depth - 1, random);
    if (stack.Pop(t)) return left + Grow(self, depth - 1, random);
    while (!right.is_done.load(std::memory_order_acquire)) Help(self, random);
    stack.Restore(t);
    return left + right.leaves;
  }

  void Help(int self, std::mt19937_64& random) {
    const StealResult<Branch*> stolen = stacks_[random() % stacks_.size()].Steal();
    if (!stolen) {
      std::this_thread::yield();
      return;
    }
    Branch* const branch = *stolen.item;
    branch->leaves = Grow(self, branch->depth, random);
    branch->is_done.store(true, std::memory_order_release);
  }

  std::deque<ForkStack<Branch>> stacks_;
};

void CountLeaves(const char* test, int workers, int max_depth, int depth) {
  const std::uint64_t seed = stress::SeedFromEnvironment();
  SCOPED_TRACE(stress::SeedMessage(seed));
  stress::Watchdog watchdog({.test = test, .seed = seed, .workers = workers});
  Forest forest(workers, max_depth);
  EXPECT_EQ(forest.Run(depth, &watchdog, seed), std::int64_t{1} << depth);
}

TEST(ForkStackStressTest, EachLeafIsReachedOnce) {
  CountLeaves("EachLeafIsReachedOnce", 3, ForkStack<int>::kDefaultDepth, 15);
}
TEST(ForkStackStressTest, EachLeafIsReachedOnceAlsoWhereTheStackIsTooShort) {
  CountLeaves("StackIsTooShort", 3, 4, 14);
}
TEST(ForkStackStressTest, SixteenWorkers) { CountLeaves("SixteenWorkers", 16, 64, 14); }

}  // namespace
}  // namespace weft

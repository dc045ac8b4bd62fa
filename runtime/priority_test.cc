// Question: do the classes of tasks share each runtime by their weights, in order and without
// starvation, and does a task keep its class through spawns, wakes and yields?
// Method: a run on the only worker queues tasks of all classes, which note in which order they run;
// nothing depends on time.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "future/executor.h"
#include "future/poll_fn.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "future/task.h"
#include "gtest/gtest.h"
#include "runtime/any_runtime.h"
#include "runtime/deterministic_runtime.h"
#include "runtime/internal/test_support.h"
#include "runtime/internal/turns.h"
#include "runtime/runtime.h"
#include "runtime/single_thread_runtime.h"

namespace weft {
namespace {

using runtime_internal::Call;
using runtime_internal::Event;
using runtime_internal::kClasses;
using runtime_internal::Turns;
using runtime_internal::Workers;

constexpr auto kHigh = TaskPriority::kHigh;
constexpr auto kNormal = TaskPriority::kNormal;
constexpr auto kLow = TaskPriority::kLow;

// Whose run it was, and the how many-eth of its class was queued there.
struct RunNote {
  TaskPriority priority;
  int number;
};

// Queues that many runs of each class within one run of `runtime`, and returns how they ran.
std::vector<RunNote> OrderOf(AnyRuntime& runtime, std::array<std::size_t, 3> counts) {
  const std::size_t total = counts[0] + counts[1] + counts[2];
  std::vector<RunNote> notes;
  std::vector<std::unique_ptr<Call>> calls;
  Event all_ran;
  const auto queue = [&](TaskPriority priority, int number) {
    calls.push_back(std::make_unique<Call>([&notes, &all_ran, total, priority, number] {
      notes.push_back({priority, number});
      if (notes.size() == total) all_ran.Set();
    }));
    runtime.WithPriority(priority).Schedule(calls.back().get(), ScheduleHint::kYield);
  };
  const auto queue_all = [&](Context&) {
    for (const TaskPriority priority : kClasses) {
      const auto count = static_cast<int>(counts[static_cast<std::size_t>(priority)]);
      for (int i = 0; i < count; ++i) queue(priority, i);
    }
    return Poll<void>::Ready();
  };
  EXPECT_TRUE(runtime.BlockOn(PollFn(queue_all)).ok());
  EXPECT_TRUE(runtime.BlockOn(all_ran.Wait()).ok());
  return notes;
}

void ExpectFifoInEachClass(const std::vector<RunNote>& notes) {
  std::array<int, 3> next{};
  for (const RunNote& note : notes) {
    EXPECT_EQ(note.number, next[static_cast<std::size_t>(note.priority)]++);
  }
}

// The most runs of others between two of `priority`, and before the first.
int LongestWait(const std::vector<RunNote>& notes, TaskPriority priority) {
  int longest = 0;
  int wait = 0;
  for (const RunNote& note : notes) {
    wait = note.priority == priority ? 0 : wait + 1;
    longest = std::max(longest, wait);
  }
  return longest;
}

template <typename T>
std::unique_ptr<T> Make() {
  if constexpr (std::is_same_v<T, Runtime>) {
    return std::make_unique<Runtime>(Workers(1));
  } else {
    return std::make_unique<T>();
  }
}

// ---- The runtimes that keep the weights exactly.

template <typename T>
class WeightsTest : public testing::Test {};
using Weighted = testing::Types<Runtime, SingleThreadRuntime>;
TYPED_TEST_SUITE(WeightsTest, Weighted);

TYPED_TEST(WeightsTest, OfSixteenRunsElevenAreHighFourNormalOneLow) {
  constexpr int kRounds = 20;
  const auto runtime = Make<TypeParam>();
  const auto notes = OrderOf(*runtime, {11 * kRounds, 4 * kRounds, kRounds});
  ASSERT_EQ(notes.size(), 16u * kRounds);
  // Any 16 runs in a row, but for the last ones, when a class may have run out.
  for (std::size_t i = 0; i + 32 < notes.size(); ++i) {
    std::array<int, 3> counts{};
    for (std::size_t j = i; j < i + 16; ++j) ++counts[static_cast<std::size_t>(notes[j].priority)];
    ASSERT_EQ(counts, (std::array<int, 3>{11, 4, 1})) << "from run " << i;
  }
  ExpectFifoInEachClass(notes);
}

TYPED_TEST(WeightsTest, NoClassWaitsLongerThanItsBound) {
  const auto runtime = Make<TypeParam>();
  const auto notes = OrderOf(*runtime, {1'100, 400, 100});
  EXPECT_LE(LongestWait(notes, kHigh), 1);
  // The classes do not run out before these.
  const std::vector<RunNote> all_busy(notes.begin(), notes.begin() + 1'500);
  EXPECT_LE(LongestWait(all_busy, kNormal), 3);
  EXPECT_LE(LongestWait(all_busy, kLow), 15);
}

TYPED_TEST(WeightsTest, TurnsOfAnEmptyClassGoToTheHighestThatIsReady) {
  const auto runtime = Make<TypeParam>();
  const auto no_high = OrderOf(*runtime, {0, 150, 10});
  const std::vector<RunNote> both(no_high.begin(), no_high.begin() + 150);
  EXPECT_LE(LongestWait(both, kNormal), 1);
  EXPECT_LE(LongestWait(both, kLow), 15);
  const auto no_normal = OrderOf(*runtime, {150, 0, 10});
  EXPECT_LE(LongestWait({no_normal.begin(), no_normal.begin() + 150}, kLow), 15);
  ExpectFifoInEachClass(no_normal);
  EXPECT_EQ(OrderOf(*runtime, {0, 0, 50}).size(), 50u);
}

TEST(TurnsTest, WeightsAreThoseThatTheContractNames) {
  EXPECT_EQ(Turns::Weight(kHigh), 11u);
  EXPECT_EQ(Turns::Weight(kNormal), 4u);
  EXPECT_EQ(Turns::Weight(kLow), 1u);
}

// ---- All runtimes.

template <typename T>
class PriorityTest : public testing::Test {};
using All = testing::Types<Runtime, SingleThreadRuntime, DeterministicRuntime>;
TYPED_TEST_SUITE(PriorityTest, All);

Task<Executor*> ExecutorOfAChild() {
  Executor* const own = co_await CurrentExecutor();
  JoinHandle<Executor*> child = Spawn(*own, CurrentExecutor());
  const absl::StatusOr<Executor*> result = co_await std::move(child);
  co_return *result;
}

TYPED_TEST(PriorityTest, ChildrenInheritTheClassByTheirParentsExecutor) {
  const auto runtime = Make<TypeParam>();
  for (const TaskPriority priority : kClasses) {
    auto parent = Spawn(*runtime, ExecutorOfAChild(), {.priority = priority});
    EXPECT_EQ(*runtime->BlockOn(std::move(parent)), &runtime->WithPriority(priority));
  }
  EXPECT_EQ(&runtime->WithPriority(kNormal), runtime.get());
  EXPECT_EQ(&runtime->WithPriority(kLow).WithPriority(kNormal), runtime.get());
}

Task<int> WaitYieldAndSleep(Event& event) {
  int polls = 0;
  co_await event.Wait();
  for (int i = 0; i < 20; ++i, ++polls) co_await YieldNow();
  co_await SleepFor(absl::Microseconds(10));
  co_return polls;
}

TYPED_TEST(PriorityTest, TasksOfEachClassWaitYieldAndSleep) {
  const auto runtime = Make<TypeParam>();
  Event event;
  std::vector<JoinHandle<int>> handles;
  for (const TaskPriority priority : kClasses) {
    handles.push_back(Spawn(*runtime, WaitYieldAndSleep(event), {.priority = priority}));
  }
  EXPECT_TRUE(runtime
                  ->BlockOn(PollFn([&](Context&) {
                    event.Set();
                    return Poll<void>::Ready();
                  }))
                  .ok());
  for (auto& handle : handles) EXPECT_EQ(*runtime->BlockOn(std::move(handle)), 20);
}

TYPED_TEST(PriorityTest, TokenClockAndBlockingCallsAreThoseOfTheRuntime) {
  const auto runtime = Make<TypeParam>();
  Executor& low = runtime->WithPriority(kLow);
  EXPECT_EQ(&low.token(), &runtime->token());
  EXPECT_EQ(&low.timers(), &runtime->timers());
  const Instant before = low.Now();
  EXPECT_LE(before, runtime->Now());
  EXPECT_EQ(*runtime->BlockOn(SpawnBlocking(low, [] { return 3; })), 3);
}

// ---- A seed may put the classes into any order.

TEST(DeterministicPriorityTest, EachClassIsFirstUnderSomeSeed) {
  std::array<int, 3> firsts{};
  for (const uint64_t seed : SeedsToTry(200)) {
    DeterministicRuntime runtime({.seed = seed});
    const auto notes = OrderOf(runtime, {3, 3, 3});
    ++firsts[static_cast<std::size_t>(notes.front().priority)];
  }
  for (const int count : firsts) EXPECT_GT(count, 0);
  EXPECT_GT(firsts[0], firsts[1]);
  EXPECT_GT(firsts[1], firsts[2]);
}

TEST(DeterministicPriorityTest, EqualSeedsGiveEqualRuns) {
  const auto digest = [](uint64_t seed) {
    DeterministicRuntime runtime({.seed = seed});
    (void)OrderOf(runtime, {5, 5, 5});
    return runtime.ScheduleDigest();
  };
  EXPECT_EQ(digest(7), digest(7));
  EXPECT_NE(digest(7), digest(8));
}

// ---- Several workers.

// A run that queues a task of each class and does not return before they have run.
TEST(WorkersPriorityTest, TasksBehindALongRunAreRunByAnotherWorker) {
  Runtime runtime(Workers(2));
  for (const TaskPriority priority : {kHigh, kLow}) {
    std::atomic<bool> has_run{false};
    EXPECT_TRUE(runtime
                    .BlockOn(PollFn([&](Context&) {
                      auto set = PollFn([&](Context&) {
                        has_run = true;
                        return Poll<void>::Ready();
                      });
                      Spawn(runtime, std::move(set), {.priority = priority}).Detach();
                      while (!has_run) std::this_thread::yield();
                      return Poll<void>::Ready();
                    }))
                    .ok());
  }
}

Task<> YieldAndCount(std::atomic<bool>& stop, std::atomic<uint64_t>& runs) {
  while (!stop) {
    runs.fetch_add(1, std::memory_order_relaxed);
    co_await YieldNow();
  }
}

// With workers that are busy with higher classes for ever, each class gets on.
TEST(WorkersPriorityTest, NoClassIsStarvedByTheOthers) {
  Runtime runtime(Workers(2));
  std::atomic<bool> stop{false};
  std::array<std::atomic<uint64_t>, 3> runs{};
  std::vector<JoinHandle<void>> handles;
  for (int i = 0; i < 8; ++i) {
    for (const TaskPriority priority : kClasses) {
      auto& count = runs[static_cast<std::size_t>(priority)];
      handles.push_back(Spawn(runtime, YieldAndCount(stop, count), {.priority = priority}));
    }
  }
  while (std::any_of(runs.begin(), runs.end(), [](auto& count) { return count < 1'000; })) {
    std::this_thread::yield();
  }
  // The injector, too.
  EXPECT_EQ(*runtime.BlockOn(runtime_internal::Add(1, 2)), 3);
  stop = true;
  for (auto& handle : handles) EXPECT_TRUE(runtime.BlockOn(std::move(handle)).ok());
}

// Pushes from outside meet workers that go idle.
TEST(WorkersPriorityTest, NoTaskFromOutsideIsForgottenByIdleWorkers) {
  Runtime::Options options = Workers(3);
  options.search_time = absl::ZeroDuration();
  Runtime runtime(options);
  for (int i = 0; i < 3'000; ++i) {
    const TaskPriority priority = kClasses[static_cast<std::size_t>(i) % 3];
    auto handle = Spawn(runtime, runtime_internal::Add(i, 1), {.priority = priority});
    ASSERT_EQ(*runtime.BlockOn(std::move(handle)), i + 1);
  }
}

struct CountedRun final : Runnable {
  void Run() noexcept override { ++runs; }
  std::atomic<int> runs{0};
};

TEST(WorkersPriorityTest, WhatIsQueuedAtShutdownIsStillRun) {
  std::vector<CountedRun> runnables(300);
  Runtime runtime(Workers(2));
  for (std::size_t i = 0; i < runnables.size(); ++i) {
    runtime.WithPriority(kClasses[i % 3]).Schedule(&runnables[i], ScheduleHint::kSpawn);
  }
  runtime.Shutdown(ShutdownMode::kCancel);
  for (const CountedRun& runnable : runnables) EXPECT_EQ(runnable.runs.load(), 1);
}

}  // namespace
}  // namespace weft

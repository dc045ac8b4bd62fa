// Question: do workers run where the options say, and call their hooks when they say?
// Method: real threads tell which processors they may use; hooks count, and schedule work.
#include <sched.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/spawn.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/internal/test_support.h"
#include "runtime/parallelism.h"
#include "runtime/runtime.h"
#include "tools/stress/allocations.h"

namespace weft {
namespace {

using runtime_internal::Add;
using runtime_internal::Call;
using runtime_internal::Workers;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<int> ProcessorsHere() { return *AllowedProcessors(); }

TEST(WorkerPlacementTest, WorkersRunOnTheirProcessorsInTurn) {
  const std::vector<int> allowed = ProcessorsHere();
  std::vector<std::vector<int>> seen(allowed.size() + 1);
  Runtime::Options options = Workers(static_cast<int>(seen.size()));
  options.processors = allowed;
  options.on_worker_start = [&](int worker) {
    seen[static_cast<std::size_t>(worker)] = ProcessorsHere();
  };
  {
    Runtime runtime(options);
    EXPECT_EQ(*runtime.BlockOn(Add(1, 1)), 2);
  }
  for (std::size_t i = 0; i < seen.size(); ++i) {
    EXPECT_THAT(seen[i], ElementsAre(allowed[i % allowed.size()]));
  }
  EXPECT_EQ(ProcessorsHere(), allowed);
}

TEST(WorkerPlacementTest, OneWorkerForEachProcessorByDefault) {
  Runtime::Options options;
  options.processors = {ProcessorsHere().front()};
  EXPECT_EQ(Runtime(options).workers(), 1);
}

TEST(WorkerPlacementTest, ThreadsForBlockingCallsAreNotPinned) {
  const std::vector<int> allowed = ProcessorsHere();
  Runtime::Options options = Workers(1);
  options.processors = {allowed.back()};
  Runtime runtime(options);
  std::vector<int> seen;
  auto blocking = PollFn([&](Context&) {
    SpawnBlocking(runtime, [&seen] { seen = ProcessorsHere(); }).Detach();
    return Poll<void>::Ready();
  });
  EXPECT_TRUE(runtime.BlockOn(std::move(blocking)).ok());
  runtime.Shutdown(ShutdownMode::kDrain);
  EXPECT_EQ(seen, allowed);
}

// One keeps its worker and wakes the other, again and again, which is kept off the first one's
// processor until it is awake.
TEST(WorkerPlacementTest, WokenWorkersMayRunWhereTheyMightBefore) {
  const std::vector<int> allowed = ProcessorsHere();
  std::atomic<int> wakes{0};
  std::atomic<int> errors{0};
  Runtime::Options options = Workers(2);
  options.on_worker_unpark = [&](int) {
    ++wakes;
    if (ProcessorsHere() != allowed) ++errors;
  };
  Runtime runtime(options);
  for (int i = 0; i < 200; ++i) {
    auto wake_the_other = PollFn([&](Context&) {
      std::atomic<bool> has_run{false};
      Call call([&] { has_run = true; });
      runtime.Schedule(&call, ScheduleHint::kSpawn);
      while (!has_run) std::this_thread::yield();
      return Poll<void>::Ready();
    });
    ASSERT_TRUE(runtime.BlockOn(std::move(wake_the_other)).ok());
  }
  runtime.Shutdown(ShutdownMode::kDrain);
  EXPECT_GT(wakes.load(), 0);
  EXPECT_EQ(errors.load(), 0);
}

// Where memory is short, a wake goes on without that.
TEST(WorkerPlacementTest, Regression_AWakeNeedsNoMemory) {
  std::atomic<int> parked{0};
  Runtime::Options options = Workers(2);
  options.on_worker_park = [&](int) { ++parked; };
  options.on_worker_unpark = [&](int) { --parked; };
  Runtime runtime(options);
  bool happened = true;
  for (int64_t n = 1; happened; ++n) {
    auto wake_the_other = PollFn([&](Context&) {
      std::atomic<bool> has_run{false};
      Call call([&] { has_run = true; });
      while (parked == 0) std::this_thread::yield();
      {
        const stress::FailAllocation failure(n);
        runtime.Schedule(&call, ScheduleHint::kSpawn);
        happened = failure.happened();
      }
      while (!has_run) std::this_thread::yield();
      return Poll<void>::Ready();
    });
    ASSERT_TRUE(runtime.BlockOn(std::move(wake_the_other)).ok());
  }
}

TEST(WorkerPlacementTest, ProcessorsThatCannotBeHadAreAnError) {
  Runtime::Options options = Workers(2);
  options.processors = {ProcessorsHere().front(), 4'000};
  const auto missing = Runtime::Create(options);
  EXPECT_TRUE(absl::IsInvalidArgument(missing.status())) << missing.status();
  EXPECT_THAT(missing.status().message(), HasSubstr("letting a thread run on processor 4000"));
  EXPECT_THAT(missing.status().message(), HasSubstr("the calling thread may run on "));
  options.processors = {-1};
  const auto negative = Runtime::Create(options);
  EXPECT_TRUE(absl::IsInvalidArgument(negative.status()));
  EXPECT_THAT(negative.status().message(), HasSubstr("from 0 to 65535, found -1"));
}

TEST(WorkerPlacementDeathTest, ConstructorStopsTheProgram) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Runtime::Options options = Workers(1);
  options.processors = {-1};
  EXPECT_DEATH(Runtime{options}, "processors cannot be had.*Runtime::Create\\(\\) returns this");
}

TEST(WorkerHooksTest, ParkAndUnparkComeInPairsAroundEachSleep) {
  thread_local bool is_parked = false;
  std::atomic<int> parks{0};
  std::atomic<int> unparks{0};
  std::atomic<int> errors{0};
  Runtime::Options options = Workers(2);
  options.on_worker_park = [&](int) {
    if (std::exchange(is_parked, true)) ++errors;
    ++parks;
  };
  options.on_worker_unpark = [&](int) {
    if (!std::exchange(is_parked, false)) ++errors;
    ++unparks;
  };
  options.on_worker_stop = [&](int) {
    if (is_parked) ++errors;
  };
  {
    Runtime runtime(options);
    while (parks.load() < 2) std::this_thread::yield();
    EXPECT_EQ(*runtime.BlockOn(Add(1, 1)), 2);
    EXPECT_GE(unparks.load(), 1);  // whoever ran that has been woken
  }
  EXPECT_EQ(errors.load(), 0);
  EXPECT_EQ(parks.load(), unparks.load());
}

struct CountedRun final : Runnable {
  void Run() noexcept override { ++runs; }
  std::atomic<int> runs{0};
};

// However they are queued, and also when the worker is about to end.
TEST(WorkerHooksTest, WhatHooksScheduleIsRun) {
  for (const ScheduleHint hint :
       {ScheduleHint::kSpawn, ScheduleHint::kWake, ScheduleHint::kYield}) {
    std::vector<CountedRun> runnables(20);
    std::atomic<std::size_t> scheduled{0};
    Runtime* current = nullptr;
    std::atomic<bool> is_ready{false};
    const auto schedule = [&](int) {
      while (!is_ready) std::this_thread::yield();
      const std::size_t next = scheduled.fetch_add(1);
      if (next < runnables.size()) current->Schedule(&runnables[next], hint);
    };
    Runtime::Options options = Workers(1);
    options.on_worker_park = schedule;
    options.on_worker_unpark = schedule;
    {
      Runtime runtime(options);
      current = &runtime;
      is_ready = true;
    }
    const std::size_t count = std::min(scheduled.load(), runnables.size());
    EXPECT_GT(count, 0u);
    for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(runnables[i].runs.load(), 1);
  }
}

}  // namespace
}  // namespace weft

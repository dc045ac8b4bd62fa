#include "runtime/single_thread_runtime.h"

#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "future/poll_fn.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "future/task.h"
#include "gtest/gtest.h"
#include "reactor/operation.h"
#include "runtime/internal/test_io.h"

namespace weft {
namespace {

using runtime_internal::OperationFuture;

Task<void> LogTwice(char c, std::string& log) {
  log += c;
  co_await YieldNow();
  log += c;
}

Task<void> LogAll(Executor& executor, std::string& log) {
  std::vector<JoinHandle<void>> handles;
  for (const char c : {'a', 'b', 'c'}) handles.push_back(Spawn(executor, LogTwice(c, log)));
  for (JoinHandle<void>& handle : handles) (void)co_await std::move(handle);
}

TEST(SingleThreadRuntimeTest, TasksRunInTheOrderInWhichTheyBecameReady) {
  SingleThreadRuntime runtime;
  std::string log;
  EXPECT_TRUE(runtime.BlockOn(LogAll(runtime, log)).ok());
  EXPECT_EQ(log, "abcabc");
}

TEST(SingleThreadRuntimeTest, SpawnedTasksRunOnlyWhenTheThreadIsLent) {
  SingleThreadRuntime runtime;
  std::string log;
  Spawn(runtime, LogTwice('x', log)).Detach();
  EXPECT_EQ(log, "");
  EXPECT_EQ(runtime.live_tasks(), 1u);
  EXPECT_EQ(runtime.RunUntilStalled(), 2u);
  EXPECT_EQ(log, "xx");
  EXPECT_EQ(runtime.live_tasks(), 0u);
}

Task<Instant> SleepThenNow(absl::Duration duration) {
  co_await SleepFor(duration);
  co_return MonotonicNow();
}

TEST(SingleThreadRuntimeTest, TimersAreNeverEarly) {
  SingleThreadRuntime runtime;
  const Instant due = MonotonicNow() + absl::Milliseconds(3);
  EXPECT_GE(*runtime.BlockOn(SleepThenNow(absl::Milliseconds(3))), due);
}

TEST(SingleThreadRuntimeTest, TimersFireBesideATaskThatYields) {
  SingleThreadRuntime runtime;
  bool woken = false;
  auto sleeper = [](bool& flag) -> Task<void> {
    co_await SleepFor(absl::Milliseconds(2));
    flag = true;
  };
  Spawn(runtime, sleeper(woken)).Detach();
  auto spinner = [](bool& flag) -> Task<void> {
    while (!flag) co_await YieldNow();
  };
  EXPECT_TRUE(runtime.BlockOn(spinner(woken)).ok());
}

TEST(SingleThreadRuntimeTest, DescriptorsWakeTasks) {
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  {
    SingleThreadRuntime runtime;
    auto reader =
        Spawn(runtime, OperationFuture(runtime.reactor(), OperationKind::kPollReadable, fds[0]));
    EXPECT_EQ(runtime.RunUntilStalled(), 1u);
    ASSERT_EQ(write(fds[1], "x", 1), 1);
    EXPECT_GT(*runtime.BlockOn(std::move(reader)), 0);
  }
  close(fds[0]);
  close(fds[1]);
}

TEST(SingleThreadRuntimeTest, BlockingCallsAndWakesComeFromOtherThreads) {
  SingleThreadRuntime runtime;
  std::vector<JoinHandle<std::thread::id>> handles;
  for (int i = 0; i < 100; ++i) {
    handles.push_back(SpawnBlocking(runtime, [] { return std::this_thread::get_id(); }));
  }
  for (auto& handle : handles) {
    EXPECT_NE(*runtime.BlockOn(std::move(handle)), std::this_thread::get_id());
  }
}

TEST(SingleThreadRuntimeTest, SpawnsFromManyThreadsRunOnceEach) {
  SingleThreadRuntime runtime;
  int runs = 0;  // of one thread: no lock needed
  auto count = [](int& number) -> Task<void> {
    ++number;
    co_return;
  };
  std::atomic<int> left{4};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 500; ++n) Spawn(runtime, count(runs)).Detach();
      --left;
    });
  }
  auto wait = [](std::atomic<int>& number) -> Task<void> {
    while (number.load() > 0) co_await YieldNow();
  };
  EXPECT_TRUE(runtime.BlockOn(wait(left)).ok());
  for (std::thread& thread : threads) thread.join();
  runtime.RunUntilStalled();
  EXPECT_EQ(runs, 2'000);
}

TEST(SingleThreadRuntimeTest, TheDestructorCancelsWhatIsLeft) {
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  {
    auto runtime = SingleThreadRuntime::Create();
    ASSERT_TRUE(runtime.ok());
    SingleThreadRuntime& it = **runtime;
    Spawn(it, SleepFor(absl::InfiniteDuration())).Detach();
    Spawn(it, OperationFuture(it.reactor(), OperationKind::kPollReadable, fds[0])).Detach();
    it.RunUntilStalled();
    EXPECT_EQ(it.live_tasks(), 2u);
  }
  close(fds[0]);
  close(fds[1]);
}

Task<void> BlockInside(SingleThreadRuntime& runtime) {
  (void)runtime.BlockOn(Ready<int>(1));
  co_return;
}

TEST(SingleThreadRuntimeTest, MayBeMadeAndDestroyedElsewhereAndItsHandlesAwaitedElsewhere) {
  SingleThreadRuntime runtime;
  auto handle = Spawn(runtime, Ready<int>(3));
  std::thread([&runtime] { (void)runtime.RunUntilStalled(); }).join();
  SingleThreadRuntime other;
  EXPECT_EQ(*other.BlockOn(std::move(handle)), 3);
}

TEST(SingleThreadRuntimeDeathTest, RefusesMisuse) {
  EXPECT_DEATH(
      {
        SingleThreadRuntime runtime;
        (void)runtime.BlockOn(BlockInside(runtime));
      },
      "inside a task of this runtime");
  // The tasks of a runtime keep to one thread.
  EXPECT_DEATH(
      {
        SingleThreadRuntime runtime;
        (void)runtime.RunUntilStalled();
        std::thread([&runtime] { (void)runtime.BlockOn(Ready<int>(1)); }).join();
      },
      "BlockOn.. on another thread than the one that ran tasks before");
  EXPECT_DEATH(
      {
        SingleThreadRuntime runtime;
        std::thread([&runtime] {
          Spawn(runtime, SleepFor(absl::InfiniteDuration())).Detach();
          (void)runtime.RunUntilStalled();
        }).join();
        // Goes on to ~SingleThreadRuntime().
      },
      "with tasks left, on another thread than the one that ran them");
  EXPECT_DEATH(SingleThreadRuntime({.max_blocking_threads = 0}), "must be positive, found 0");
}

}  // namespace
}  // namespace weft

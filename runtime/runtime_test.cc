// Question: does a Runtime run tasks as its contract says, wherever they come from, and fairly?
// Method: small programs on real threads. Nothing sleeps on a test's behalf: a test waits for
// events, however long they take.
#include "runtime/runtime.h"

#include <atomic>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/future.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/spawn.h"
#include "future/task.h"
#include "future/waker.h"
#include "gtest/gtest.h"
#include "runtime/internal/test_support.h"

namespace weft {
namespace {

using runtime_internal::Add;
using runtime_internal::Event;
using runtime_internal::SleepThenSet;
using runtime_internal::Workers;

TEST(RuntimeTest, BlockOnRunsATaskAndReturnsItsResult) {
  Runtime runtime(Workers(2));
  const absl::StatusOr<int> sum = runtime.BlockOn(Add(2, 3));
  ASSERT_TRUE(sum.ok()) << sum.status();
  EXPECT_EQ(*sum, 5);
}

TEST(RuntimeTest, TasksSeeTheirRuntimeAsExecutor) {
  Runtime runtime(Workers(1));
  EXPECT_EQ(*runtime.BlockOn(CurrentExecutor()), &runtime);
}

// One worker, so that each join finds its task in the worker's own queue.
template <typename F>
auto SpawnAndJoinInPlace(F future) {
  Runtime runtime(Workers(1));
  return runtime.BlockOn([](Executor& executor, F child) -> Task<JoinResult<OutputOf<F>>> {
    JoinHandle<OutputOf<F>> handle =
        Spawn(executor, std::move(child), SpawnOptions{.name = "child"});
    co_return co_await std::move(handle);
  }(runtime, std::move(future)));
}

TEST(RuntimeJoinTest, ATaskThatItsJoinerRunsGivesItsResult) {
  const auto lives = std::make_shared<int>(7);
  const auto result = SpawnAndJoinInPlace(PollFn(
      [lives](Context&) -> Poll<std::shared_ptr<int>> { return std::shared_ptr<int>(lives); }));
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(*result, lives);
  EXPECT_EQ(lives.use_count(), 2);  // the future is gone
}

TEST(RuntimeJoinTest, ATaskThatItsJoinerRunsMayThrowStopAndGiveWay) {
  const auto fails = [](Context&) -> Poll<int> { throw std::runtime_error("expected"); };
  EXPECT_THROW((void)SpawnAndJoinInPlace(PollFn(fails)), std::runtime_error);
  EXPECT_TRUE(absl::IsCancelled(
      SpawnAndJoinInPlace(PollFn([](Context&) -> Poll<int> { return kStopped; })).status()));
  EXPECT_TRUE(SpawnAndJoinInPlace(YieldNow()).ok());
}

TEST(RuntimeJoinTest, AWakerOutlivesTheTaskThatItsJoinerRan) {
  Waker kept;
  const auto result = SpawnAndJoinInPlace(PollFn([&kept](Context& cx) -> Poll<int> {
    kept = cx.waker().Clone();
    return 1;
  }));
  EXPECT_EQ(*result, 1);
  std::move(kept).Wake();
}

TEST(RuntimeTest, HasAtLeastOneWorkerByDefault) {
  Runtime runtime;
  EXPECT_GE(runtime.workers(), 1);
  EXPECT_EQ(runtime.Stats().workers.size(), static_cast<std::size_t>(runtime.workers()));
}

TEST(RuntimeTest, CreateReturnsARunningRuntime) {
  absl::StatusOr<std::unique_ptr<Runtime>> runtime = Runtime::Create(Workers(1));
  ASSERT_TRUE(runtime.ok());
  EXPECT_EQ(*(*runtime)->BlockOn(Add(1, 1)), 2);
}

TEST(RuntimeTest, TasksSpawnedFromOutsideRunExactlyOnce) {
  constexpr std::size_t kTasks = 2'000;
  std::vector<std::atomic<int>> runs(kTasks);
  Runtime runtime(Workers(2));
  for (std::size_t i = 0; i < kTasks; ++i) {
    Spawn(runtime, PollFn([&runs, i](Context&) -> Poll<void> {
            runs[i].fetch_add(1);
            return Poll<void>::Ready();
          }))
        .Detach();
  }
  runtime.Shutdown(ShutdownMode::kDrain);
  for (const auto& count : runs) EXPECT_EQ(count.load(), 1);
}

// Spawns a binary tree of tasks and returns how many tasks that were, itself included.
Task<int> Tree(Executor& executor, int depth) {
  if (depth == 0) co_return 1;
  JoinHandle<int> left = Spawn(executor, Tree(executor, depth - 1));
  JoinHandle<int> right = Spawn(executor, Tree(executor, depth - 1));
  const absl::StatusOr<int> left_count = co_await std::move(left);
  const absl::StatusOr<int> right_count = co_await std::move(right);
  co_return *left_count + *right_count + 1;
}

TEST(RuntimeTest, TasksSpawnedFromInsideRunExactlyOnce) {
  Runtime runtime(Workers(2));
  EXPECT_EQ(*runtime.BlockOn(Tree(runtime, 9)), 1'023);
  runtime.Shutdown(ShutdownMode::kDrain);
  const RuntimeStats stats = runtime.Stats();
  EXPECT_EQ(stats.tasks_spawned, 1'023u);
  EXPECT_EQ(stats.live_tasks, 0u);
  EXPECT_GE(stats.Total().tasks_run, 1'023u);
}

TEST(RuntimeTest, ForeignThreadWakesATask) {
  Runtime runtime(Workers(2));
  Event event;
  std::thread waker([&event] { event.Set(); });
  EXPECT_TRUE(runtime.BlockOn(event.Wait()).ok());
  waker.join();
}

Task<void> Throws() {
  throw std::runtime_error("from the task");
  co_return;
}

TEST(RuntimeTest, ExceptionOfATaskReachesTheJoinerAndHarmsNobodyElse) {
  Runtime runtime(Workers(1));
  try {
    (void)runtime.BlockOn(Throws());
    FAIL() << "expected an exception";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "from the task");
  }
  Spawn(runtime, Throws()).Detach();
  EXPECT_EQ(*runtime.BlockOn(Add(1, 2)), 3);
}

TEST(RuntimeBlockingTest, BlockedThreadsDoNotBlockTheOnlyWorker) {
  Runtime runtime(Workers(1));
  std::atomic<bool> flag{false};
  auto blocked = SpawnBlocking(runtime, [&flag] {
    while (!flag.load()) std::this_thread::yield();
    return 7;
  });
  EXPECT_TRUE(runtime.BlockOn(SleepThenSet(absl::ZeroDuration(), flag)).ok());
  EXPECT_EQ(*runtime.BlockOn(std::move(blocked)), 7);
}

TEST(RuntimeBlockingTest, NoMoreThreadsThanTheCapAndAllJobsRun) {
  Runtime::Options options = Workers(1);
  options.max_blocking_threads = 2;
  Runtime runtime(options);
  std::atomic<int> active{0};
  std::atomic<int> most{0};
  std::atomic<int> runs{0};
  for (int i = 0; i < 50; ++i) {
    SpawnBlocking(runtime, [&] {
      const int now = ++active;
      int seen = most.load();
      while (seen < now && !most.compare_exchange_weak(seen, now)) {
      }
      std::this_thread::yield();
      --active;
      ++runs;
    }).Detach();
  }
  runtime.Shutdown(ShutdownMode::kDrain);
  EXPECT_EQ(runs.load(), 50);
  EXPECT_LE(most.load(), 2);
  EXPECT_EQ(runtime.Stats().blocking_jobs, 50u);
  EXPECT_EQ(runtime.Stats().blocking_threads, 0);
}

TEST(RuntimeBlockingTest, IdleThreadsEnd) {
  Runtime::Options options = Workers(1);
  options.blocking_thread_idle_time = absl::ZeroDuration();
  Runtime runtime(options);
  EXPECT_TRUE(runtime.BlockOn(SpawnBlocking(runtime, [] { return 1; })).ok());
  while (runtime.Stats().blocking_threads > 0) std::this_thread::yield();
  EXPECT_TRUE(runtime.BlockOn(SpawnBlocking(runtime, [] { return 2; })).ok());
}

}  // namespace
}  // namespace weft

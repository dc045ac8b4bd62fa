// Question: does a Runtime run tasks as its contract says, wherever they come from, and fairly?
// Method: small programs on real threads. Nothing sleeps on a test's behalf: a test waits for
// events, however long they take.
#include "runtime/runtime.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "base/mutex.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/future.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/spawn.h"
#include "future/task.h"
#include "future/waker.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/internal/test_support.h"

namespace weft {
namespace {

using runtime_internal::Add;
using runtime_internal::Call;
using runtime_internal::Event;
using runtime_internal::SleepThenSet;
using runtime_internal::Workers;
using runtime_internal::YieldUntil;
using testing::Each;
using testing::ElementsAre;
using testing::Le;

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

// Tasks of this run at a runtime; their yields are counted on the way there.
class YieldCounter final : public Executor {
 public:
  explicit YieldCounter(Runtime& runtime) : runtime_(runtime) {}

  int yields() const { return yields_.load(); }

  void Schedule(Runnable* runnable, ScheduleHint hint) override {
    if (hint == ScheduleHint::kYield) ++yields_;
    runtime_.Schedule(runnable, hint);
  }
  void ScheduleBlocking(Runnable* job) override { runtime_.ScheduleBlocking(job); }
  Instant Now() override { return runtime_.Now(); }
  TimerService& timers() override { return runtime_.timers(); }
  const CancelToken& token() override { return runtime_.token(); }
  void OnTaskSpawned() override { runtime_.OnTaskSpawned(); }
  void OnTaskFinished() override { runtime_.OnTaskFinished(); }

 private:
  Runtime& runtime_;
  std::atomic<int> yields_{0};
};

TEST(RuntimeTest, AYieldGoesThroughTheExecutorOfItsTask) {
  Runtime runtime(Workers(1));
  YieldCounter counter(runtime);
  (void)runtime.BlockOn([](Executor& executor) -> Task<> {
    JoinHandle<void> handle = Spawn(executor, []() -> Task<> {
      co_await YieldNow();
      co_await YieldNow();
    }());
    co_await YieldNow();  // so that the worker runs the task, not this one
    (void)co_await std::move(handle);
  }(counter));
  EXPECT_EQ(counter.yields(), 2);
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

// Two tasks that wake each other until `stop` is set, each from its worker's slot.
class PingPong {
 public:
  explicit PingPong(Event* stop) : stop_(*stop) {}

  auto Player(int self) {
    return PollFn([this, self](Context& cx) -> Poll<void> {
      Waker other;
      {
        MutexLock lock(&mutex_);
        other = std::move(wakers_[1 - self]);
        wakers_[self] = cx.waker().Clone();
      }
      std::move(other).Wake();
      return stop_.IsSet() ? Poll<void>::Ready() : Poll<void>(kPending);
    });
  }

 private:
  Event& stop_;
  Mutex mutex_;
  Waker wakers_[2] ABSL_GUARDED_BY(mutex_);
};

TEST(RuntimeFairnessTest, TasksThatWakeEachOtherDoNotStarveTheQueue) {
  Runtime runtime(Workers(1));
  Event stop;
  PingPong game(&stop);
  auto first = Spawn(runtime, game.Player(0));
  auto second = Spawn(runtime, game.Player(1));
  // Comes through the injector, and then waits in the queue behind yields.
  EXPECT_TRUE(runtime
                  .BlockOn([](Event& event) -> Task<void> {
                    for (int i = 0; i < 10; ++i) co_await YieldNow();
                    event.Set();
                  }(stop))
                  .ok());
  EXPECT_TRUE(runtime.BlockOn(std::move(first)).ok());
  EXPECT_TRUE(runtime.BlockOn(std::move(second)).ok());
}

// Two that wake each other run from the slot: each queued task waits for three such runs, and for
// those that were queued before it.
TEST(RuntimeFairnessTest, SlotDelaysEachQueuedTaskByAtMostThreeRuns) {
  constexpr int kQueued = 10;
  Runtime runtime(Workers(1));
  int runs = 0;
  std::vector<int> ran_at;
  std::atomic<bool> is_done{false};
  std::vector<std::unique_ptr<Call>> calls;
  for (int i = 0; i < kQueued; ++i) {
    calls.push_back(std::make_unique<Call>([&] {
      ran_at.push_back(++runs);
      if (ran_at.size() == kQueued) is_done = true;
    }));
  }
  std::array<std::unique_ptr<Call>, 2> pair;
  for (std::size_t self : {0, 1}) {
    pair[self] = std::make_unique<Call>([&, self] {
      ++runs;
      if (!is_done.load()) runtime.Schedule(pair[1 - self].get(), ScheduleHint::kWake);
    });
  }
  Call start([&] {
    runtime.Schedule(pair[0].get(), ScheduleHint::kWake);
    for (const auto& call : calls) runtime.Schedule(call.get(), ScheduleHint::kYield);
  });
  runtime.Schedule(&start, ScheduleHint::kSpawn);
  while (!is_done.load()) std::this_thread::yield();
  runtime.Shutdown(ShutdownMode::kDrain);
  for (int i = 0; i < kQueued; ++i) EXPECT_LE(ran_at[static_cast<std::size_t>(i)], 4 * (i + 1));
}

// The first of a batch holds its worker until the last one has run: another worker comes for them.
TEST(RuntimeFairnessTest, BatchOfAWorkerThatIsStuckIsTaken) {
  Runtime runtime(Workers(2));
  std::atomic<bool> both_busy{false};
  std::atomic<bool> is_stuck{false};
  std::atomic<bool> last_ran{false};
  std::atomic<bool> is_done{false};
  const auto await = [](const std::atomic<bool>& flag) {
    while (!flag.load()) std::this_thread::yield();
  };
  Call busy([&] {
    both_busy = true;
    await(is_stuck);
  });
  Call stuck([&] {
    is_stuck = true;
    await(last_ran);
    is_done = true;
  });
  Call before([] {});
  Call between([] {});
  Call last([&] { last_ran = true; });
  Call start([&] {
    runtime.Schedule(&busy, ScheduleHint::kSpawn);
    await(both_busy);
    for (Call* const call : {&before, &stuck, &between, &last}) {
      runtime.Schedule(call, ScheduleHint::kYield);
    }
  });
  runtime.Schedule(&start, ScheduleHint::kSpawn);
  await(is_done);
  runtime.Shutdown(ShutdownMode::kDrain);
  EXPECT_GE(runtime.Stats().Total().raids, 2u);  // the slot of `start`, and the batch
}

TEST(RuntimeFairnessTest, TaskThatYieldsForEverDoesNotStarveTheInjector) {
  Runtime runtime(Workers(1));
  std::atomic<bool> flag{false};
  auto yielder = Spawn(runtime, YieldUntil(flag));
  EXPECT_EQ(*runtime.BlockOn(Add(1, 1)), 2);
  flag = true;
  EXPECT_TRUE(runtime.BlockOn(std::move(yielder)).ok());
}

// Another thread injects something during the 200th run of the only worker, which always has others
// to run, and again while that runs. How many others run before each.
class Injection {
 public:
  explicit Injection(absl::Duration run) : run_(run) {}

  std::vector<int> RunsBefore() {
    EXPECT_TRUE(runtime_.BlockOn(Crowd()).ok());
    return runs_before_;
  }

 private:
  Task<> Crowd() {
    std::vector<JoinHandle<void>> tasks;
    for (int i = 0; i < 100; ++i) tasks.push_back(Spawn(runtime_, TakeTurns()));
    for (JoinHandle<void>& task : tasks) (void)co_await std::move(task);
  }

  Task<> TakeTurns() {
    while (runs_before_.size() < 2) {
      const Instant end = MonotonicNow() + run_;
      while (MonotonicNow() < end) {
      }
      if (++runs_ == 200) Inject();
      co_await YieldNow();
    }
  }

  void Inject() {
    runs_at_push_ = runs_;
    std::thread([this] { runtime_.Schedule(&injected_, ScheduleHint::kWake); }).join();
  }

  const absl::Duration run_;  // at least so long
  int runs_ = 0;              // one worker: no two runs at once
  int runs_at_push_ = 0;
  std::vector<int> runs_before_;
  Call injected_{[this] {
    runs_before_.push_back(runs_ - runs_at_push_);
    if (runs_before_.size() < 2) Inject();
  }};
  Runtime runtime_{Workers(1)};
};

TEST(RuntimeFairnessTest, WhatIsInjectedWaitsForAtMost64Runs) {
  EXPECT_THAT(Injection(absl::ZeroDuration()).RunsBefore(), Each(Le(64)));
}

TEST(RuntimeFairnessTest, Regression_WhatIsInjectedHasItsTurnWithinTwoLongRuns) {
  EXPECT_THAT(Injection(absl::Microseconds(20)).RunsBefore(), ElementsAre(0, 1));
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

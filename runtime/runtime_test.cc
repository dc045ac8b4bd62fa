// Question: does a Runtime keep each sentence of its contract?
// Method: small programs on real threads and the real clock. Nothing sleeps on a test's behalf, and
// times are only compared with lower bounds: a test waits for events, however long they take.
#include "runtime/runtime.h"

#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "base/mutex.h"
#include "future/block_on.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "future/task.h"
#include "future/waker.h"
#include "gtest/gtest.h"
#include "reactor/reactor.h"

namespace weft {
namespace {

Runtime::Options Workers(int workers) {
  Runtime::Options options;
  options.workers = workers;
  return options;
}

// A flag that a task can wait for and any thread can set.
class Event {
 public:
  void Set() {
    std::vector<Waker> wakers;
    {
      MutexLock lock(&mutex_);
      is_set_ = true;
      wakers.swap(wakers_);
    }
    for (Waker& waker : wakers) std::move(waker).Wake();
  }

  bool IsSet() {
    MutexLock lock(&mutex_);
    return is_set_;
  }

  auto Wait() {
    return PollFn([this](Context& cx) -> Poll<void> {
      MutexLock lock(&mutex_);
      if (is_set_) return Poll<void>::Ready();
      if (cx.StopRequested()) return kStopped;
      wakers_.push_back(cx.waker().Clone());
      return kPending;
    });
  }

 private:
  Mutex mutex_;
  bool is_set_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Waker> wakers_ ABSL_GUARDED_BY(mutex_);
};

Task<int> Add(int a, int b) { co_return a + b; }

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

Task<void> YieldUntil(std::atomic<bool>& flag) {
  while (!flag.load()) co_await YieldNow();
}

TEST(RuntimeFairnessTest, TaskThatYieldsForEverDoesNotStarveTheInjector) {
  Runtime runtime(Workers(1));
  std::atomic<bool> flag{false};
  auto yielder = Spawn(runtime, YieldUntil(flag));
  EXPECT_EQ(*runtime.BlockOn(Add(1, 1)), 2);
  flag = true;
  EXPECT_TRUE(runtime.BlockOn(std::move(yielder)).ok());
}

Task<Instant> SleepThenNow(absl::Duration duration) {
  co_await SleepFor(duration);
  co_return MonotonicNow();
}

TEST(RuntimeTimerTest, SleepIsNeverEarly) {
  Runtime runtime(Workers(2));
  std::vector<std::pair<Instant, JoinHandle<Instant>>> sleeps;
  for (int ms = 0; ms < 20; ++ms) {
    const Instant due = MonotonicNow() + absl::Milliseconds(ms);
    sleeps.emplace_back(due, Spawn(runtime, SleepThenNow(absl::Milliseconds(ms))));
  }
  for (auto& [due, handle] : sleeps) EXPECT_GE(*runtime.BlockOn(std::move(handle)), due);
}

Task<void> SleepThenAppend(Instant deadline, int id, std::vector<int>& order) {
  co_await SleepUntil(deadline);
  order.push_back(id);
}

TEST(RuntimeTimerTest, TimersFireInTheOrderOfTheirDeadlines) {
  Runtime runtime(Workers(1));
  std::vector<int> order;  // one worker: no two tasks at once
  const Instant start = MonotonicNow() + absl::Milliseconds(20);
  for (const int id : {3, 1, 4, 0, 2}) {
    Spawn(runtime, SleepThenAppend(start + absl::Milliseconds(3 * id), id, order)).Detach();
  }
  runtime.Shutdown(ShutdownMode::kDrain);
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

Task<void> SleepThenSet(absl::Duration duration, std::atomic<bool>& flag) {
  co_await SleepFor(duration);
  flag = true;
}

TEST(RuntimeTimerTest, BusyWorkerLooksAtTimers) {
  Runtime runtime(Workers(1));
  std::atomic<bool> flag{false};
  Spawn(runtime, SleepThenSet(absl::Milliseconds(5), flag)).Detach();
  EXPECT_TRUE(runtime.BlockOn(YieldUntil(flag)).ok());
}

TEST(RuntimeTimerTest, IdleWorkerWatchesTimersWhileAnotherIsStuck) {
  Runtime runtime(Workers(2));
  std::atomic<bool> flag{false};
  Spawn(runtime, SleepThenSet(absl::Milliseconds(5), flag)).Detach();
  // Occupies its worker until the timer has fired on the other one.
  EXPECT_TRUE(runtime
                  .BlockOn(PollFn([&flag](Context&) -> Poll<void> {
                    while (!flag.load()) std::this_thread::yield();
                    return Poll<void>::Ready();
                  }))
                  .ok());
}

Task<void> SleepThenHoldWorkerUntil(absl::Duration duration, std::atomic<bool>& flag) {
  co_await SleepFor(duration);
  while (!flag.load()) std::this_thread::yield();
}

// The first timer's task takes the polling worker away: another idle one must take over the watch.
TEST(RuntimeTimerTest, WatchIsHandedOverWhenThePollerGetsWork) {
  Runtime runtime(Workers(2));
  for (int round = 0; round < 3; ++round) {
    std::atomic<bool> flag{false};
    auto held = Spawn(runtime, SleepThenHoldWorkerUntil(absl::Milliseconds(2), flag));
    auto setter = Spawn(runtime, SleepThenSet(absl::Milliseconds(8), flag));
    EXPECT_TRUE(runtime.BlockOn(std::move(held)).ok());
    EXPECT_TRUE(runtime.BlockOn(std::move(setter)).ok());
  }
}

// While the poller waits for a distant timer, an earlier one is armed from another thread.
TEST(RuntimeTimerTest, EarlierTimerInterruptsTheWaitForALaterOne) {
  Runtime runtime(Workers(1));
  auto distant = Spawn(runtime, SleepFor(absl::Hours(1)));
  while (runtime.Stats().Total().polls == 0) std::this_thread::yield();
  const Instant start = MonotonicNow();
  EXPECT_GE(*runtime.BlockOn(SleepThenNow(absl::Milliseconds(2))), start + absl::Milliseconds(2));
  distant.Cancel();
  EXPECT_TRUE(absl::IsCancelled(runtime.BlockOn(std::move(distant))));
}

// A future that is ready when a descriptor is readable.
class Readable {
 public:
  using Output = int64_t;

  Readable(Reactor& reactor, int fd) : state_(std::make_unique<State>(reactor, fd)) {}

  Poll<int64_t> poll(Context& cx) {
    MutexLock lock(&state_->mutex);
    if (state_->is_done) return state_->operation.result;
    state_->waker = cx.waker().Clone();
    if (!std::exchange(state_->is_submitted, true)) state_->reactor.Submit(&state_->operation);
    return kPending;
  }

 private:
  struct State {
    State(Reactor& the_reactor, int fd)
        : reactor(the_reactor), operation(OperationKind::kPollReadable, fd, &State::OnComplete) {
      operation.context = this;
    }
    static void OnComplete(Operation* operation) {
      auto* const self = static_cast<State*>(operation->context);
      Waker woken;
      {
        MutexLock lock(&self->mutex);
        self->is_done = true;
        woken = std::move(self->waker);
      }
      std::move(woken).Wake();
    }

    Reactor& reactor;
    Mutex mutex;
    Operation operation;
    bool is_submitted ABSL_GUARDED_BY(mutex) = false;
    bool is_done ABSL_GUARDED_BY(mutex) = false;
    Waker waker ABSL_GUARDED_BY(mutex);
  };
  std::unique_ptr<State> state_;
};

Task<void> WriteByte(int fd) {
  const char byte = 'x';
  if (write(fd, &byte, 1) != 1) throw std::runtime_error("write failed");
  co_return;
}

TEST(RuntimeReactorTest, ReadinessOfAPipeWakesATask) {
  for (const int workers : {1, 2}) {
    int fds[2];
    ASSERT_EQ(pipe(fds), 0);
    {
      Runtime runtime(Workers(workers));
      auto reader = Spawn(runtime, Readable(runtime.reactor(), fds[0]));
      EXPECT_TRUE(runtime.BlockOn(WriteByte(fds[1])).ok());
      const absl::StatusOr<int64_t> events = runtime.BlockOn(std::move(reader));
      ASSERT_TRUE(events.ok());
      EXPECT_GT(*events, 0);
    }
    close(fds[0]);
    close(fds[1]);
  }
}

TEST(RuntimeReactorTest, BusyWorkerLooksAtTheReactor) {
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  {
    Runtime runtime(Workers(1));
    std::atomic<bool> flag{false};
    auto yielder = Spawn(runtime, YieldUntil(flag));
    auto reader = Spawn(runtime, Readable(runtime.reactor(), fds[0]));
    EXPECT_TRUE(runtime.BlockOn(WriteByte(fds[1])).ok());
    EXPECT_TRUE(runtime.BlockOn(std::move(reader)).ok());
    flag = true;
    EXPECT_TRUE(runtime.BlockOn(std::move(yielder)).ok());
  }
  close(fds[0]);
  close(fds[1]);
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

TEST(RuntimeShutdownTest, DrainWaitsForLiveTasks) {
  Runtime runtime(Workers(2));
  std::vector<std::atomic<bool>> done(10);
  for (auto& flag : done) {
    Spawn(runtime, SleepThenSet(absl::Milliseconds(5), flag)).Detach();
  }
  runtime.Shutdown(ShutdownMode::kDrain);
  for (const auto& flag : done) EXPECT_TRUE(flag.load());
  runtime.Shutdown(ShutdownMode::kDrain);  // nothing happens
}

TEST(RuntimeShutdownTest, CancelEndsTasksThatWaitForEver) {
  Runtime runtime(Workers(2));
  Event never;
  auto waits = Spawn(runtime, never.Wait());
  auto sleeps = Spawn(runtime, SleepFor(absl::InfiniteDuration()));
  runtime.Shutdown(ShutdownMode::kCancel);
  EXPECT_TRUE(absl::IsCancelled(BlockOn(std::move(waits))));
  EXPECT_TRUE(absl::IsCancelled(BlockOn(std::move(sleeps))));
  EXPECT_EQ(runtime.Stats().live_tasks, 0u);
}

// Counts its own ends.
struct Guard {
  explicit Guard(std::atomic<int>* the_ends) : ends(the_ends) {}
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  ~Guard() { ++*ends; }
  std::atomic<int>* ends;
};

Task<void> HoldGuard(std::atomic<int>& started, std::atomic<int>& ended) {
  Guard guard(&ended);
  ++started;
  co_await SleepFor(absl::Hours(1));
}

TEST(RuntimeShutdownTest, DestructorCancelsAndWaitsForDestructors) {
  std::atomic<int> started{0};
  std::atomic<int> ended{0};
  {
    Runtime runtime(Workers(2));
    for (int i = 0; i < 20; ++i) Spawn(runtime, HoldGuard(started, ended)).Detach();
    while (started.load() < 20) std::this_thread::yield();
    EXPECT_EQ(ended.load(), 0);
  }
  EXPECT_EQ(ended.load(), 20);
}

TEST(RuntimeShutdownTest, CancelFromAnotherThreadEndsADrain) {
  Runtime runtime(Workers(1));
  Event never;
  Spawn(runtime, never.Wait()).Detach();
  std::thread drainer([&runtime] { runtime.Shutdown(ShutdownMode::kDrain); });
  runtime.Shutdown(ShutdownMode::kCancel);
  drainer.join();
}

// A Runnable that belongs to no task.
struct CountedRun final : Runnable {
  void Run() noexcept override { ++runs; }
  std::atomic<int> runs{0};
};

TEST(RuntimeShutdownTest, RunnablesThatAreQueuedAtShutdownAreStillRun) {
  std::vector<CountedRun> runnables(300);
  Runtime runtime(Workers(2));
  for (CountedRun& runnable : runnables) runtime.Schedule(&runnable, ScheduleHint::kSpawn);
  runtime.Shutdown(ShutdownMode::kCancel);
  for (const CountedRun& runnable : runnables) EXPECT_EQ(runnable.runs.load(), 1);
}

// The poller's waits and the sleepers' parks are all that an idle runtime could do; a distant timer
// may bring the poller back once for each level of the wheel.
TEST(RuntimeIdleTest, AnIdleRuntimeDoesNotWakeUp) {
  Runtime idle(Workers(4));
  Runtime clock(Workers(1));
  auto distant = Spawn(idle, SleepFor(absl::Hours(1)));
  ASSERT_TRUE(idle.BlockOn(SleepFor(absl::Milliseconds(1))).ok());
  ASSERT_TRUE(clock.BlockOn(SleepFor(absl::Milliseconds(20))).ok());  // let it settle
  const WorkerStats before = idle.Stats().Total();
  ASSERT_TRUE(clock.BlockOn(SleepFor(absl::Milliseconds(100))).ok());
  const WorkerStats after = idle.Stats().Total();
  EXPECT_LE(after.parks + after.polls - before.parks - before.polls, 8u);
  distant.Cancel();
}

TEST(RuntimeDeathTest, BlockOnAndShutdownAreRefusedOnAWorker) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        Runtime runtime(Workers(1));
        (void)runtime.BlockOn(PollFn([&runtime](Context&) -> Poll<void> {
          (void)runtime.BlockOn(Add(1, 1));
          return Poll<void>::Ready();
        }));
      },
      "Runtime::BlockOn\\(\\) on a worker of this runtime: it would wait for itself");
  EXPECT_DEATH(
      {
        Runtime runtime(Workers(1));
        (void)runtime.BlockOn(PollFn([&runtime](Context&) -> Poll<void> {
          runtime.Shutdown(ShutdownMode::kCancel);
          return Poll<void>::Ready();
        }));
      },
      "Runtime::Shutdown\\(\\) on a worker of this runtime");
}

TEST(RuntimeDeathTest, OptionsAreChecked) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(Runtime(Workers(-1)), "workers must not be negative, found -1");
  Runtime::Options options;
  options.max_blocking_threads = 0;
  EXPECT_DEATH(Runtime{options}, "max_blocking_threads must be positive, found 0");
}

}  // namespace
}  // namespace weft

// Question: does a Runtime end as its contract says, with tasks alive, and refuse misuse?
// Method: small programs on real threads, with tasks that wait for ever unless they are cancelled.
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "future/block_on.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "future/task.h"
#include "gtest/gtest.h"
#include "parker/parker.h"
#include "reactor/operation.h"
#include "reactor/reactor.h"
#include "runtime/internal/scheduler.h"
#include "runtime/internal/test_support.h"
#include "runtime/runtime.h"

namespace weft {
namespace {

using runtime_internal::Add;
using runtime_internal::Event;
using runtime_internal::SleepThenSet;
using runtime_internal::Workers;

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

// A reactor without descriptors. The first thread that wakes it is held up inside Wake() by
// `linger`.
class LingeringReactor final : public Reactor {
 public:
  explicit LingeringReactor(std::function<void()> linger) : linger_(std::move(linger)) {}

  void Submit(Operation*) override {}
  void Cancel(Operation*) override {}
  std::size_t Poll(Instant deadline) override {
    if (deadline == Instant::InfinitePast()) return 0;
    is_polled_ = true;
    parker_.ParkUntil(deadline);
    return 0;
  }
  void Wake() override {
    unparker_.Unpark();
    if (!was_woken_.exchange(true)) linger_();
  }
  bool is_polled() const { return is_polled_.load(); }

 private:
  const std::function<void()> linger_;
  std::atomic<bool> is_polled_{false};
  std::atomic<bool> was_woken_{false};
  Parker parker_;
  const Unparker unparker_ = parker_.unparker();
};

// A thread that wakes a task may be slower than the task, its end and the end of the runtime.
TEST(SchedulerTest, StopWaitsForThreadsThatAreStillInsideSchedule) {
  CountedRun runnable;
  std::atomic<bool> has_left{false};
  auto reactor = std::make_unique<LingeringReactor>([&] {
    while (runnable.runs.load() == 0) std::this_thread::yield();
    for (int i = 0; i < 10'000; ++i) std::this_thread::yield();
    has_left = true;
  });
  const LingeringReactor& watched = *reactor;
  runtime_internal::Scheduler scheduler(runtime_internal::SchedulerOptions(), std::move(reactor));
  while (!watched.is_polled()) std::this_thread::yield();
  std::thread waker([&] { scheduler.Schedule(&runnable, ScheduleHint::kWake); });
  while (runnable.runs.load() == 0) std::this_thread::yield();
  scheduler.Stop();
  EXPECT_TRUE(has_left.load());
  waker.join();
}

TEST(RuntimeShutdownTest, DeadlineThatPassesLeavesTheRuntimeRunning) {
  Runtime runtime(Workers(1));
  Event event;
  auto waits = Spawn(runtime, event.Wait());
  EXPECT_FALSE(runtime.Shutdown(ShutdownMode::kDrain, Instant::InfinitePast()));
  EXPECT_EQ(*runtime.BlockOn(Add(1, 1)), 2);
  event.Set();
  EXPECT_TRUE(runtime.BlockOn(std::move(waits)).ok());
  EXPECT_TRUE(runtime.Shutdown(ShutdownMode::kDrain, Instant::InfiniteFuture()));
}

TEST(RuntimeShutdownTest, WorkersCallTheirHooksOnTheirOwnThreads) {
  std::atomic<int> starts{0};
  std::atomic<int> stops{0};
  thread_local int number = -1;
  Runtime::Options options = Workers(3);
  options.on_worker_start = [&starts](int worker) {
    number = worker;
    starts.fetch_add(1 << (8 * worker));
  };
  options.on_worker_stop = [&stops](int worker) {
    if (number == worker) stops.fetch_add(1 << (8 * worker));
  };
  {
    Runtime runtime(options);
    EXPECT_EQ(*runtime.BlockOn(Add(1, 1)), 2);
  }
  EXPECT_EQ(starts.load(), 0x010101);
  EXPECT_EQ(stops.load(), 0x010101);
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

// Goal: the watchdog names who starves whom, no more and no less often than it says, and sleeps
// while nothing runs. Time is an argument, but for one test of the thread.
#include "runtime/internal/watchdog.h"

#include <atomic>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "base/instant.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/spawn.h"
#include "future/task_id.h"
#include "gtest/gtest.h"
#include "parker/parker.h"
#include "runtime/internal/worker_observer.h"
#include "runtime/observe.h"
#include "runtime/runtime.h"

namespace weft::runtime_internal {
namespace {

using Kind = Starvation::Kind;

// Something that a worker runs.
class Work final : public Runnable {
 public:
  explicit Work(std::function<void()> body) : body_(std::move(body)) {}
  void Run() noexcept override { body_(); }
  RunnableLabel label() const override { return {.name = "work", .type = &typeid(Work)}; }

 private:
  const std::function<void()> body_;
};

// One worker with three tasks in its queue, and a watchdog with a limit of a second.
class WatchdogTest : public testing::Test {
 protected:
  WatchdogTest() {
    watchdog_.Watch(&observer_, [] { return std::size_t{3}; });
  }

  ObserveOptions Options() {
    ObserveOptions options;
    options.starvation_limit = absl::Seconds(1);
    options.on_starvation = [this](const Starvation& found) { found_.push_back(found); };
    return options;
  }

  std::vector<Starvation> found_;
  Watchdog watchdog_{Options()};
  WorkerObserver observer_{Options(), &watchdog_.run_begins()};
  const Instant start_ = MonotonicNow();
};

TEST_F(WatchdogTest, NamesATaskThatKeepsItsWorker) {
  Work work([&] {
    EXPECT_TRUE(watchdog_.Check(start_ + absl::Milliseconds(999)));
    EXPECT_TRUE(found_.empty());
    EXPECT_TRUE(watchdog_.Check(start_ + absl::Seconds(1)));
  });
  observer_.Run(&work, start_);
  ASSERT_EQ(found_.size(), 1u);
  EXPECT_EQ(found_[0].kind, Kind::kLongRun);
  EXPECT_EQ(found_[0].worker, 0);
  EXPECT_EQ(found_[0].name, "work");
  EXPECT_EQ(found_[0].task, TaskIdOf(&work));
  EXPECT_NE(found_[0].type.find("Work"), std::string::npos);
  EXPECT_EQ(found_[0].duration, absl::Seconds(1));
  EXPECT_EQ(found_[0].waiting_behind, 3u);
  const std::string text = ToString(found_[0]);
  EXPECT_NE(text.find("task 'work' (id " + ToString(TaskIdOf(&work)) + ","), std::string::npos)
      << text;
  EXPECT_NE(text.find("running for 1s on worker 0"), std::string::npos) << text;
}

TEST_F(WatchdogTest, ReportsAgainWhenTheDurationHasDoubled) {
  Work work([&] {
    for (int s = 1; s <= 10; ++s) watchdog_.Check(start_ + absl::Seconds(s));
  });
  observer_.Run(&work, start_);
  std::vector<absl::Duration> durations;
  for (const Starvation& found : found_) durations.push_back(found.duration);
  EXPECT_EQ(durations,
            std::vector({absl::Seconds(1), absl::Seconds(2), absl::Seconds(4), absl::Seconds(8)}));
}

TEST_F(WatchdogTest, ReportsEachLongRun) {
  for (int i = 0; i < 2; ++i) {
    const Instant begin = start_ + i * absl::Minutes(1);
    Work work([&] { watchdog_.Check(begin + absl::Seconds(1)); });
    observer_.Run(&work, begin);
  }
  EXPECT_EQ(found_.size(), 2u);
}

TEST_F(WatchdogTest, NamesATaskThatHadToWait) {
  Work work([] {});
  observer_.OnQueued(&work, start_);
  observer_.Run(&work, start_ + absl::Seconds(5));
  watchdog_.Check(start_);
  watchdog_.Check(start_);
  ASSERT_EQ(found_.size(), 1u);
  EXPECT_EQ(found_[0].kind, Kind::kLongWait);
  EXPECT_EQ(found_[0].duration, absl::Seconds(5));
  EXPECT_NE(ToString(found_[0]).find("ready for 5s before worker 0"), std::string::npos);
}

TEST_F(WatchdogTest, IsIdleOnceNothingHasRunSinceItLastLooked) {
  EXPECT_FALSE(watchdog_.Check(start_));
  Work work([] {});
  observer_.Run(&work, start_);
  EXPECT_TRUE(watchdog_.Check(start_ + absl::Minutes(1)));
  EXPECT_FALSE(watchdog_.Check(start_ + absl::Minutes(2)));
  EXPECT_TRUE(found_.empty());
}

// The task waits for its own report.
TEST(WatchdogThreadTest, ReportsWhileTheTaskRunsOn) {
  Parker task;
  std::vector<Starvation> found;
  RuntimeOptions options;
  options.workers = 1;
  options.observe.starvation_limit = absl::Milliseconds(1);
  std::atomic<bool> is_found = false;
  options.observe.on_starvation = [&, unparker = task.unparker()](const Starvation& starvation) {
    if (is_found.exchange(true)) return;
    found.push_back(starvation);
    unparker.Unpark();
  };
  Runtime runtime(options);
  JoinHandle<void> handle = Spawn(runtime, PollFn([&](Context&) -> Poll<void> {
                                    task.Park();
                                    return Poll<void>::Ready();
                                  }),
                                  {.name = "stuck"});
  const TaskId id = handle.id();
  runtime.Shutdown(ShutdownMode::kDrain);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].name, "stuck");
  EXPECT_EQ(found[0].task, id);
}

}  // namespace
}  // namespace weft::runtime_internal

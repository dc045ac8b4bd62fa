// The contract of Task: laziness, awaiting, results, errors, early return, unwinding, and stack
// use.

#include "future/task.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "future/block_on.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/manual_executor.h"
#include "future/or_return.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "future/waker.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

static_assert(Future<Task<int>>);
static_assert(Future<Task<void>>);
static_assert(!std::is_copy_constructible_v<Task<int>>);
static_assert(!std::is_move_assignable_v<Task<int>>);

// Counts destructions, to see what unwinding destroys and how often.
class Counted {
 public:
  explicit Counted(int* destroyed) : destroyed_(destroyed) {}
  Counted(Counted&& other) noexcept : destroyed_(std::exchange(other.destroyed_, nullptr)) {}
  ~Counted() {
    if (destroyed_ != nullptr) ++*destroyed_;
  }

 private:
  int* destroyed_;
};

// A poller's side for tests that poll by hand.
class TaskTest : public testing::Test {
 protected:
  template <typename F>
  auto Poll(F& future) {
    Context cx(waker_, source_.token());
    return future.poll(cx);
  }

  Waker waker_;
  CancelSource source_;
};

Task<int> AddOne(int x) { co_return x + 1; }

Task<int64_t> SumOfAwaits(int count) {
  int64_t sum = 0;
  for (int i = 0; i < count; ++i) sum += co_await AddOne(i);
  co_return sum;
}

Task<int> WaitAtDepth(int depth, int* destroyed) {
  Counted counted(destroyed);
  if (depth == 0) {
    co_await Never<>();
    co_return 0;
  }
  co_return 1 + co_await WaitAtDepth(depth - 1, destroyed);
}

TEST_F(TaskTest, DoesNothingBeforeItIsPolled) {
  bool has_run = false;
  auto body = [](bool* flag) -> Task<> {
    *flag = true;
    co_return;
  };
  Task<> task = body(&has_run);
  EXPECT_FALSE(has_run);
  EXPECT_TRUE(Poll(task).IsReady());
  EXPECT_TRUE(has_run);
}

TEST_F(TaskTest, AwaitsMoveOnlyValues) {
  auto make = []() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(7); };
  auto unwrap = [](Task<std::unique_ptr<int>> task) -> Task<int> {
    std::unique_ptr<int> value = co_await std::move(task);
    co_return *value;
  };
  Task<int> task = unwrap(make());
  EXPECT_EQ(Poll(task).value(), 7);
}

// Two million calls, of 48 bytes at the very least, would need the stack of ten threads.
TEST_F(TaskTest, TwoMillionSynchronousAwaitsUseNoStack) {
  Task<int64_t> task = SumOfAwaits(2'000'000);
  EXPECT_EQ(Poll(task).value(), int64_t{2'000'000} * 2'000'001 / 2);
}

TEST_F(TaskTest, TwoMillionReadyFuturesUseNoStack) {
  auto body = [](int count) -> Task<int64_t> {
    int64_t sum = 0;
    for (int i = 0; i < count; ++i) sum += co_await Ready<int>(1);
    co_return sum;
  };
  Task<int64_t> task = body(2'000'000);
  EXPECT_EQ(Poll(task).value(), 2'000'000);
}

TEST_F(TaskTest, ExceptionsReachTheAwaiter) {
  auto thrower = []() -> Task<int> {
    co_await Ready<int>(0);
    throw std::runtime_error("lost a shoe");
  };
  auto catcher = [](Task<int> task) -> Task<std::string> {
    std::string message;
    try {
      co_await std::move(task);
    } catch (const std::runtime_error& error) {
      message = error.what();
    }
    co_return message;
  };
  Task<std::string> task = catcher(thrower());
  EXPECT_EQ(Poll(task).value(), "lost a shoe");
  Task<int> alone = thrower();
  EXPECT_THROW((void)Poll(alone), std::runtime_error);
}

TEST_F(TaskTest, ExceptionsOfAFutureReachTheAwaiter) {
  auto body = []() -> Task<int> {
    int result = 0;
    try {
      result = co_await PollFn([](Context&) -> weft::Poll<int> { throw 42; });
    } catch (int thrown) {
      result = thrown;
    }
    co_return result;
  };
  Task<int> task = body();
  EXPECT_EQ(Poll(task).value(), 42);
}

Task<absl::StatusOr<int>> Fail(int* destroyed) {
  Counted counted(destroyed);
  int value = co_await OrReturn(absl::StatusOr<int>(absl::NotFoundError("no such shoe")));
  co_return value;
}

TEST_F(TaskTest, OrReturnLeavesEveryCoroutineItStandsIn) {
  int destroyed = 0;
  auto outer = [](int* count) -> Task<absl::StatusOr<int>> {
    Counted counted(count);
    int value = co_await OrReturn(co_await Fail(count));
    co_return value + 1;
  };
  Task<absl::StatusOr<int>> task = outer(&destroyed);
  EXPECT_EQ(Poll(task).value().status(), absl::NotFoundError("no such shoe"));
  EXPECT_EQ(destroyed, 2);
}

TEST_F(TaskTest, OrReturnOfSuccessGivesTheValue) {
  auto body = []() -> Task<absl::StatusOr<std::string>> {
    co_await OrReturn(absl::OkStatus());
    std::string text = co_await OrReturn(absl::StatusOr<std::string>("shoe"));
    co_return text + "s";
  };
  Task<absl::StatusOr<std::string>> task = body();
  EXPECT_EQ(*Poll(task).value(), "shoes");
}

TEST_F(TaskTest, CancellingUnwindsAMillionFramesFromLeafToRoot) {
  constexpr int kDepth = 1'000'000;
  int destroyed = 0;
  Task<int> task = WaitAtDepth(kDepth, &destroyed);
  EXPECT_TRUE(Poll(task).IsPending());
  EXPECT_TRUE(Poll(task).IsPending());
  source_.Cancel();
  EXPECT_TRUE(Poll(task).IsStopped());
  EXPECT_EQ(destroyed, kDepth + 1);
}

TEST_F(TaskTest, AMillionFramesReturnWithoutNativeRecursion) {
  auto countdown = [](auto& self, int depth) -> Task<int> {
    int below = 0;
    if (depth > 0) below = co_await self(self, depth - 1);
    co_return below + 1;
  };
  Task<int> task = countdown(countdown, 1'000'000);
  EXPECT_EQ(Poll(task).value(), 1'000'001);
}

TEST_F(TaskTest, AStopRequestBeforeTheFirstPollStartsNothing) {
  source_.Cancel();
  int destroyed = 0;
  bool has_run = false;
  auto body = [](Counted, bool* flag) -> Task<> {
    *flag = true;
    co_return;
  };
  Task<> task = body(Counted(&destroyed), &has_run);
  EXPECT_TRUE(Poll(task).IsStopped());
  EXPECT_FALSE(has_run);
  EXPECT_EQ(destroyed, 1);
}

TEST_F(TaskTest, UnwindingDestroysTasksThatWereNeverStarted) {
  int destroyed = 0;
  auto body = [](int* count) -> Task<> {
    Counted counted(count);
    Task<int> unstarted = WaitAtDepth(0, count);
    co_await Never<>();
  };
  Task<> task = body(&destroyed);
  EXPECT_TRUE(Poll(task).IsPending());
  source_.Cancel();
  EXPECT_TRUE(Poll(task).IsStopped());
  EXPECT_EQ(destroyed, 1);
}

Task<int> SleepThenReturn(absl::Duration duration, int value) {
  co_await SleepFor(duration);
  co_return value;
}

TEST(SpawnTest, AJoinHandleGivesTheResult) {
  ManualExecutor executor;
  const Instant start = executor.Now();
  EXPECT_EQ(*executor.BlockOn(SleepThenReturn(absl::Seconds(3), 5)), 5);
  EXPECT_EQ(executor.Now() - start, absl::Seconds(3));
}

TEST(SpawnTest, ACancelledTaskGivesCancelledError) {
  ManualExecutor executor;
  auto body = [](Executor* where) -> Task<absl::Status> {
    JoinHandle<int> handle = Spawn(*where, SleepThenReturn(absl::InfiniteDuration(), 1));
    co_await YieldNow();
    handle.Cancel();
    absl::StatusOr<int> result = co_await std::move(handle);
    co_return result.status();
  };
  EXPECT_EQ(executor.BlockOn(body(&executor)).code(), absl::StatusCode::kCancelled);
}

TEST(SpawnTest, ADroppedHandleDetachesTheTask) {
  ManualExecutor executor;
  int destroyed = 0;
  auto body = [](int* count) -> Task<> {
    Counted counted(count);
    co_await SleepFor(absl::Seconds(1));
  };
  {
    JoinHandle<void> handle = Spawn(executor, body(&destroyed));
  }
  executor.RunUntilStalled();
  EXPECT_EQ(destroyed, 0);
  executor.Advance(absl::Seconds(1));
  EXPECT_EQ(destroyed, 1);
  EXPECT_EQ(executor.live_tasks(), 0u);
}

TEST(SpawnTest, ExceptionsOfATaskReachTheJoiner) {
  ManualExecutor executor;
  auto body = []() -> Task<int> {
    co_await YieldNow();
    throw std::logic_error("wrong shoe");
  };
  EXPECT_THROW((void)executor.BlockOn(body()), std::logic_error);
}

TEST(SpawnTest, ABlockingCallGivesItsResult) {
  ManualExecutor executor;
  EXPECT_EQ(
      *executor.BlockOn(SpawnBlocking(executor, [](int a, int b) { return a + b; }, 3, 4)), 7);
}

TEST(SpawnTest, ShutdownCancelsWhatIsLeft) {
  int destroyed = 0;
  {
    ManualExecutor executor;
    Spawn(executor, WaitAtDepth(3, &destroyed)).Detach();
    executor.RunUntilStalled();
    EXPECT_EQ(destroyed, 0);
  }
  EXPECT_EQ(destroyed, 4);
}

TEST(BlockOnTest, SleepsUntilAnotherThreadWakes) {
  Mutex mutex;
  Waker stored;
  bool is_set = false;
  std::thread setter([&] {
    while (true) {
      MutexLock lock(&mutex);
      if (stored.IsNoop()) continue;
      is_set = true;
      std::exchange(stored, Waker()).WakeByRef();
      return;
    }
  });
  const int result = BlockOn(PollFn([&](Context& cx) -> Poll<int> {
    MutexLock lock(&mutex);
    if (is_set) return 9;
    stored = cx.waker().Clone();
    return kPending;
  }));
  setter.join();
  EXPECT_EQ(result, 9);
}

using TaskDeathTest = TaskTest;

TEST_F(TaskDeathTest, DestroyingASuspendedTaskIsRefused) {
  EXPECT_DEATH(
      {
        int destroyed = 0;
        Task<int> task = WaitAtDepth(0, &destroyed);
        (void)Poll(task);
      },
      "a Task was destroyed while it is suspended");
}

TEST_F(TaskDeathTest, PollingAFinishedTaskIsRefused) {
  EXPECT_DEATH(
      {
        Task<int> task = AddOne(1);
        (void)Poll(task);
        (void)Poll(task);
      },
      "a Task runs once");
}

TEST_F(TaskDeathTest, MovingAPolledTaskIsRefused) {
  EXPECT_DEATH(
      {
        int destroyed = 0;
        Task<int> task = WaitAtDepth(0, &destroyed);
        (void)Poll(task);
        Task<int> moved = std::move(task);
      },
      "a Task was moved after it had been polled");
}

}  // namespace
}  // namespace weft

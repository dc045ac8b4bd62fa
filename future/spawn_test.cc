// What goes wrong around a spawned task: values whose moves throw, wakers that get lost, timers
// that never fire. Nothing leaks, and nothing waits for ever without saying so.

#include "future/spawn.h"

#include <stdexcept>
#include <utility>

#include "absl/time/time.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/manual_executor.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/select.h"
#include "future/sleep.h"
#include "future/waker.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

// Counts its instances; a move throws when `moves_left` reaches zero.
class Fragile {
 public:
  static inline int alive = 0;
  static inline int moves_left = 0;

  Fragile() { ++alive; }
  Fragile(Fragile&&) {
    if (--moves_left == 0) throw std::runtime_error("moved once too often");
    ++alive;
  }
  ~Fragile() { --alive; }
};

TEST(SpawnTest, AResultWhoseMoveThrowsIsNotLeaked) {
  const Waker waker;
  const CancelToken token;
  // Two moves: out of the task, into the absl::StatusOr (whose own move must not throw).
  for (int moves = 1; moves <= 2; ++moves) {
    ManualExecutor executor;
    Context cx(waker, token, &executor);
    auto make = [](Context&) -> Poll<Fragile> { return Fragile(); };
    JoinHandle<Fragile> handle = Spawn(executor, PollFn(make));
    executor.RunUntilStalled();
    Fragile::moves_left = moves;
    EXPECT_THROW((void)handle.poll(cx), std::runtime_error);
    Fragile::moves_left = 0;
  }
  EXPECT_EQ(Fragile::alive, 0);
}

TEST(ManualExecutorTest, TheClockNeverReachesTheInfiniteFuture) {
  ManualExecutor executor;
  auto first = executor.BlockOn(
      Select(SleepFor(absl::InfiniteDuration()), SleepFor(absl::Hours(24 * 365 * 100))));
  EXPECT_EQ(first->index(), 1u);
  auto handle = Spawn(executor, SleepFor(absl::InfiniteDuration()));
  executor.Advance(absl::Hours(24 * 365 * 100));
  EXPECT_EQ(executor.live_tasks(), 1u);
}

TEST(ManualExecutorDeathTest, WaitingForTheInfiniteFutureIsRefused) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        ManualExecutor executor;
        (void)executor.BlockOn(SleepFor(absl::InfiniteDuration()));
      },
      "nothing is ready and no timer is armed");
}

TEST(SpawnDeathTest, ATaskThatNothingCanWakeIsReported) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        ManualExecutor executor;
        Spawn(executor, Never<>(), {.token = CancelToken()}).Detach();
        executor.RunUntilStalled();
      },
      "a task waits and nothing can wake it any more");
}

}  // namespace
}  // namespace weft

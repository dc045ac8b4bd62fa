// What goes wrong around a spawned task: values whose moves throw, wakers that get lost, timers
// that never fire. Nothing leaks, and nothing waits for ever without saying so.

#include "future/spawn.h"

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "absl/status/status.h"
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
  {
    ManualExecutor executor;
    Context cx(waker, token, &executor);
    auto make = [](Context&) -> Poll<Fragile> { return Fragile(); };
    JoinHandle<Fragile> handle = Spawn(executor, PollFn(make));
    executor.RunUntilStalled();
    // The only move: out of the task, into the absl::StatusOr, whose own move must not throw.
    Fragile::moves_left = 1;
    EXPECT_THROW((void)handle.poll(cx), std::runtime_error);
    Fragile::moves_left = 0;
  }
  EXPECT_EQ(Fragile::alive, 0);
}

TEST(SpawnTest, ADetachedTaskRunsEndsByItsTokenAndIsGone) {
  const auto owned = std::make_shared<int>(0);
  ManualExecutor executor;
  CancelSource source;
  const auto run = [&](auto... where) {
    SpawnDetached(executor, PollFn([owned, polls = 0](Context& cx) mutable -> Poll<void> {
                    ++*owned;
                    if (cx.StopRequested()) return kStopped;
                    if (++polls == 2) return Poll<void>::Ready();
                    cx.PollAgain();
                    return kPending;
                  }),
                  where...);
  };
  run();
  executor.RunUntilStalled();
  EXPECT_EQ(*owned, 2);
  EXPECT_EQ(owned.use_count(), 1);
  source.Cancel();
  run(SpawnOptions{.token = source.token(), .name = "stopped"});
  executor.RunUntilStalled();
  EXPECT_EQ(*owned, 3);
  EXPECT_EQ(owned.use_count(), 1);
}

TEST(SpawnTest, ADetachedTaskOutlivesItsSpawnByItsWakers) {
  const auto owned = std::make_shared<int>(0);
  ManualExecutor executor;
  Waker waker;
  SpawnDetached(executor, PollFn([owned, &waker](Context& cx) -> Poll<void> {
                  if (++*owned == 2) return Poll<void>::Ready();
                  waker = cx.waker().Clone();
                  return kPending;
                }));
  executor.RunUntilStalled();
  EXPECT_EQ(owned.use_count(), 2);
  std::move(waker).Wake();
  executor.RunUntilStalled();
  EXPECT_EQ(*owned, 2);
  EXPECT_EQ(owned.use_count(), 1);
}

// Whoever waits for the end of all tasks may destroy what results refer to.
TEST(SpawnTest, TheResultOfADetachedTaskIsGoneBeforeTheEndOfTheTaskIsCounted) {
  ManualExecutor executor;
  std::size_t live_at_the_end = 0;
  const auto note = [&](int* result) {
    live_at_the_end = executor.live_tasks();
    delete result;
  };
  Spawn(executor, PollFn([&](Context&) {
          return Poll<std::unique_ptr<int, decltype(note)>>(
              std::unique_ptr<int, decltype(note)>(new int(1), note));
        }))
      .Detach();
  executor.RunUntilStalled();
  EXPECT_EQ(live_at_the_end, 1u);
  EXPECT_EQ(executor.live_tasks(), 0u);
}

TEST(SpawnTest, ATaskThatAsksForAnotherPollIsPolledOnceMore) {
  ManualExecutor executor;
  int polls = 0;
  Spawn(executor, PollFn([&polls](Context& cx) -> Poll<void> {
          if (++polls == 3) return Poll<void>::Ready();
          cx.PollAgain();
          return kPending;
        }))
      .Detach();
  executor.RunUntilStalled();
  EXPECT_EQ(polls, 3);
}

// A combinator that gives its child another waker hears of what the child asks for.
TEST(SpawnTest, AnotherPollIsAskedForThroughAnotherWaker) {
  static constexpr Waker::VTable kCounting = {
      .add_ref = [](void*) {},
      .drop = [](void*) {},
      .wake = [](void* wakes) { ++*static_cast<int*>(wakes); },
  };
  ManualExecutor executor;
  int wakes = 0;
  const Waker waker(&kCounting, &wakes);
  int polls = 0;
  JoinHandle<void> handle = Spawn(executor, PollFn([&](Context& cx) -> Poll<void> {
                                    ++polls;
                                    cx.WithWaker(waker).PollAgain();
                                    return cx.StopRequested() ? Poll<void>(kStopped) : kPending;
                                  }));
  executor.RunUntilStalled();
  EXPECT_EQ(polls, 1);
  EXPECT_EQ(wakes, 1);
  handle.Cancel();
  executor.RunUntilStalled();
}

TEST(SpawnTest, AHandleTellsHowItsTaskIsDoing) {
  ManualExecutor executor;
  JoinHandle<int> value = Spawn(executor, Ready(1));
  JoinHandle<void> waits = Spawn(executor, Never<>());
  JoinHandle<void> fails =
      Spawn(executor, PollFn([](Context&) -> Poll<void> { throw std::runtime_error("planted"); }));
  TaskStatus seen_inside{};
  JoinHandle<void>* self = nullptr;
  JoinHandle<void> looks = Spawn(executor, PollFn([&](Context&) {
                                   seen_inside = self->status();
                                   return Poll<void>::Ready();
                                 }));
  self = &looks;
  EXPECT_EQ(value.status(), TaskStatus::kWaiting);
  EXPECT_FALSE(value.IsFinished());
  executor.RunUntilStalled();
  EXPECT_EQ(value.status(), TaskStatus::kCompleted);
  EXPECT_TRUE(value.IsFinished());
  EXPECT_EQ(waits.status(), TaskStatus::kWaiting);
  EXPECT_EQ(fails.status(), TaskStatus::kFailed);
  EXPECT_EQ(seen_inside, TaskStatus::kRunning);
  waits.Cancel();
  executor.RunUntilStalled();
  EXPECT_EQ(waits.status(), TaskStatus::kCancelled);
  EXPECT_NE(value.id(), waits.id());
}

TEST(SpawnTest, ANameIsCopiedAndKeptAsLongAsTheHandle) {
  ManualExecutor executor;
  std::string name = "a name that is longer than any string keeps inline";
  JoinHandle<int> named = Spawn(executor, Ready(1), {.name = name});
  const std::string copy = std::exchange(name, "");
  EXPECT_EQ(named.name(), copy);
  executor.RunUntilStalled();
  EXPECT_EQ(named.name(), copy);
  EXPECT_EQ(Spawn(executor, Ready(1)).name(), "");
  EXPECT_EQ(executor.BlockOn(std::move(named)).value(), 1);
}

// A future that cannot be moved into its task.
struct Immovable {
  using Output = void;
  Immovable() = default;
  Immovable(Immovable&&) { throw std::runtime_error("planted"); }
  Poll<void> poll(Context&) { return Poll<void>::Ready(); }
};

TEST(SpawnTest, AFutureWhoseMoveThrowsIsNotSpawned) {
  ManualExecutor executor;
  EXPECT_THROW(Spawn(executor, Immovable(), {.name = "planted"}).Detach(), std::runtime_error);
  EXPECT_EQ(executor.live_tasks(), 0u);
}

TEST(SpawnTest, ATokenThatIsCancelledDuringTheFirstPollIsSeen) {
  ManualExecutor executor;
  CancelSource source;
  JoinHandle<int> handle = Spawn(executor, PollFn([&](Context& cx) -> Poll<int> {
                                   if (cx.StopRequested()) return kStopped;
                                   source.Cancel();
                                   return kPending;
                                 }),
                                 {.token = source.token()});
  EXPECT_EQ(executor.RunUntilStalled(), 2u);
  EXPECT_EQ(handle.status(), TaskStatus::kCancelled);
}

TEST(SpawnTest, AHandleThatWasPolledElsewhereWakesItsNewTask) {
  ManualExecutor executor;
  JoinHandle<void> handle = Spawn(executor, SleepFor(absl::Seconds(1)));
  const Waker waker;
  const CancelToken token;
  Context cx(waker, token, &executor);
  EXPECT_TRUE(handle.poll(cx).IsPending());
  EXPECT_TRUE(executor.BlockOn(std::move(handle)).ok());
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

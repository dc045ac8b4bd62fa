// Goal: the contract of futures that are handed around: Lazy, Fuse, AnyFuture, Shared, promises,
// and the links to std::stop_token. Each is tried alone, with threads where it has them, and inside
// tasks that are cancelled at each suspension point.
#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "future/any_future.h"
#include "future/block_on.h"
#include "future/cancel.h"
#include "future/cancel_harness.h"
#include "future/context.h"
#include "future/fuse.h"
#include "future/future.h"
#include "future/lazy.h"
#include "future/manual_executor.h"
#include "future/map.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/promise.h"
#include "future/scripted.h"
#include "future/shared.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "future/stop_token.h"
#include "future/task.h"
#include "future/test_pool.h"
#include "future/waker.h"
#include "future/when_all.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

using SharingTest = ScriptedTest;

using LazyTest = SharingTest;

TEST_F(LazyTest, TheFunctionIsCalledAtTheFirstPollOnly) {
  int calls = 0;
  auto lazy = Lazy([&] {
    ++calls;
    return Scripted(&a_, 1, 5);
  });
  EXPECT_EQ(calls, 0);
  EXPECT_TRUE(Poll(lazy).IsPending());
  EXPECT_EQ(Poll(lazy).value(), 5);
  EXPECT_EQ(calls, 1);
  auto never_begun = Lazy([&] { return Ready<int>(++calls); });
  EXPECT_TRUE(PollStopped(never_begun).IsStopped());
  EXPECT_EQ(calls, 1);
}

TEST_F(LazyTest, ACapturingCoroutineMayBeGiven) {
  auto lazy = Lazy([text = std::string(100, 'x')]() -> Task<std::size_t> {
    co_await YieldNow();
    co_return text.size();
  });
  auto moved = std::move(lazy);
  EXPECT_EQ(*executor_.BlockOn(std::move(moved)), 100u);
}

using FuseTest = SharingTest;

TEST_F(FuseTest, ItMayBePolledAfterItsEnd) {
  auto fused = Fuse(Scripted(&a_, 1, 5));
  EXPECT_TRUE(Poll(fused).IsPending());
  EXPECT_FALSE(fused.IsFinished());
  EXPECT_EQ(Poll(fused).value(), 5);
  EXPECT_TRUE(fused.IsFinished());
  EXPECT_EQ(a_.destructions, 1);
  EXPECT_TRUE(Poll(fused).IsPending());
  EXPECT_TRUE(PollStopped(fused).IsStopped());
  auto throwing = Fuse(Map(Ready<>(), [] { throw 7; }));
  EXPECT_THROW((void)Poll(throwing), int);
  EXPECT_TRUE(Poll(throwing).IsPending());
}

using AnyFutureTest = SharingTest;

// A future that is too large to be held inline.
struct Large {
  using Output = int;
  weft::Poll<int> poll(Context&) { return *value; }
  std::byte ballast[500];
  std::unique_ptr<int> value;
};

TEST_F(AnyFutureTest, HoldsFuturesOfDifferentTypesAndSizes) {
  std::vector<AnyFuture<int>> futures;
  futures.emplace_back(Ready<int>(1));
  futures.emplace_back(Scripted(&a_, 0, 2));
  futures.emplace_back(Large{{}, std::make_unique<int>(3)});
  futures.emplace_back([]() -> Task<int> { co_return 4; }());
  futures[0] = Map(Ready<>(), [] { return 5; });
  EXPECT_EQ(*executor_.BlockOn(WhenAll(std::move(futures))), (std::vector<int>{5, 2, 3, 4}));
  EXPECT_EQ(a_.destructions, 1);
  static_assert(sizeof(Task<std::string>) <= sizeof(AnyFuture<std::string>) - sizeof(void*));
}

TEST_F(AnyFutureTest, WhatIsNeverPolledIsDestroyedOnce) {
  auto value = std::make_shared<int>(1);
  {
    AnyFuture<int> small = Map(Ready<>(), [value] { return *value; });
    AnyFuture<int> moved = std::move(small);
    const AnyFuture<int> large = Map(Large{{}, nullptr}, [value](int) { return *value; });
    EXPECT_EQ(value.use_count(), 3);
    EXPECT_DEATH((void)Poll(small), "found that it was moved away");
  }
  EXPECT_EQ(value.use_count(), 1);
}

using SharedTest = SharingTest;

// A future that asks for its next poll at once.
template <Future F>
class Eager {
 public:
  using Output = OutputOf<F>;

  explicit Eager(F future) : future_(std::move(future)) {}

  weft::Poll<Output> poll(Context& cx) {
    weft::Poll<Output> poll = future_.poll(cx);
    if (poll.IsPending()) cx.waker().WakeByRef();
    return poll;
  }

 private:
  F future_;
};

TEST_F(SharedTest, EachAwaiterGetsACopyAndTheFutureRunsOnce) {
  auto shared = Shared(Map(Eager(Scripted(&a_, 1, 5)), [](int x) { return std::to_string(x); }));
  SharedFuture<std::string> second(shared);
  EXPECT_TRUE(Poll(shared).IsPending());
  EXPECT_EQ(Poll(second).value(), "5");
  EXPECT_EQ(a_.destructions, 1);
  EXPECT_EQ(Poll(shared).value(), "5");
  EXPECT_EQ(a_.polls, 2);
}

TEST_F(SharedTest, AllAreWokenAtTheEnd) {
  auto [promise, future] = MakePromise<int>();
  auto shared = Shared(std::move(future));
  std::vector<JoinHandle<absl::StatusOr<int>>> awaiters;
  for (int i = 0; i < 20; ++i) awaiters.push_back(Spawn(executor_, SharedFuture(shared)));
  executor_.RunUntilStalled();
  EXPECT_EQ(std::move(promise).Set(7), std::nullopt);
  for (auto& awaiter : awaiters) EXPECT_EQ(*executor_.BlockOn(std::move(awaiter)), 7);
  EXPECT_EQ(*executor_.BlockOn(std::move(shared)), 7);
}

TEST_F(SharedTest, AnExceptionIsRethrownToEach) {
  auto shared = Shared(Scripted(&a_, 0, 5, Scripted::End::kThrow));
  SharedFuture<int> second(shared);
  EXPECT_THROW((void)Poll(shared), std::runtime_error);
  EXPECT_THROW((void)Poll(second), std::runtime_error);
  EXPECT_EQ(a_.polls, 1);
}

TEST_F(SharedTest, TheLastAwaiterThatIsStoppedStopsTheFutureAndAwaitsIt) {
  auto first = Shared(Eager(Scripted(&a_, 99, 5, Scripted::End::kValue, 1)));
  SharedFuture<int> second(first);
  SharedFuture<int> third(first);
  EXPECT_TRUE(Poll(first).IsPending());
  EXPECT_TRUE(Poll(second).IsPending());
  EXPECT_TRUE(PollStopped(first).IsStopped());
  EXPECT_FALSE(a_.saw_stop);
  EXPECT_TRUE(PollStopped(second).IsPending());  // one more poll, says the script
  EXPECT_TRUE(a_.saw_stop);
  EXPECT_TRUE(PollStopped(second).IsStopped());
  EXPECT_EQ(a_.destructions, 1);
  EXPECT_TRUE(Poll(third).IsStopped());
}

TEST_F(SharedTest, AFutureThatIsNotWokenIsNotPolled) {
  auto [promise, future] = MakePromise<int>();
  int polls = 0;
  auto shared = Shared(PollFn([&, &f = future](Context& cx) {
    ++polls;
    return f.poll(cx);
  }));
  SharedFuture<absl::StatusOr<int>> second(shared);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Poll(shared).IsPending());
  EXPECT_TRUE(Poll(second).IsPending());
  EXPECT_EQ(polls, 1);
  (void)std::move(promise).Set(2);
  EXPECT_EQ(*Poll(second).value(), 2);
  EXPECT_EQ(polls, 2);
}

TEST_F(SharedTest, AStopBeforeTheStartStartsNothing) {
  auto first = Shared(Scripted(&a_, 0, 5));
  SharedFuture<int> second(first);
  EXPECT_TRUE(PollStopped(first).IsStopped());
  EXPECT_EQ(a_.polls, 0);
  EXPECT_EQ(Poll(second).value(), 5);
}

TEST_F(SharedTest, AnotherTakesThePlaceOfTheOneThatWasWokenAndLeaves) {
  auto [promise, future] = MakePromise<int>();
  auto shared = Shared(std::move(future));
  auto first = Spawn(executor_, SharedFuture(shared));
  auto second = Spawn(executor_, SharedFuture(shared));
  executor_.RunUntilStalled();
  (void)std::move(promise).Set(7);  // wakes the first
  first.Cancel();
  executor_.RunUntilStalled();
  EXPECT_EQ(*executor_.BlockOn(std::move(second)), 7);
}

TEST_F(SharedTest, AwaitersOnManyThreads) {
  for (int round = 0; round < 50; ++round) {
    TestPool pool(3);
    std::atomic<int> runs{0};
    auto body = [](std::atomic<int>* count) -> Task<int> {
      for (int i = 0; i < 5; ++i) co_await YieldNow();
      co_return ++*count;
    };
    auto shared = Shared(body(&runs));
    std::vector<JoinHandle<int>> awaiters;
    for (int i = 0; i < 6; ++i) awaiters.push_back(Spawn(pool, SharedFuture(shared)));
    for (int i = 0; i < 6; i += 2) awaiters[static_cast<std::size_t>(i)].Cancel();
    for (auto& awaiter : awaiters) {
      const absl::StatusOr<int> value = BlockOn(std::move(awaiter));
      if (value.ok()) EXPECT_EQ(*value, 1);
    }
    EXPECT_LE(runs, 1);
  }
}

Task<int> Steps(int* ends) {
  co_await YieldNow();
  co_await SleepFor(absl::Seconds(1));
  ++*ends;
  co_return 3;
}

TEST(CancelEverywhereTest, SharedFuturesEndWhereverAnAwaiterIsCancelled) {
  CancelEverywhere([](CancelProbe& probe) {
    int ends = 0;
    auto shared = Shared(Steps(&ends));
    JoinHandle<int> other = Spawn(probe.executor(), SharedFuture(shared));
    (void)probe.Run(SharedFuture(shared));
    EXPECT_EQ(*probe.executor().BlockOn(std::move(other)), 3);
    EXPECT_EQ(ends, 1);
  });
  CancelEverywhere([](CancelProbe& probe) {
    int ends = 0;
    weft::Poll<int> result = probe.Run(Shared(Steps(&ends)));
    EXPECT_EQ(result.IsReady(), ends == 1);
  });
}

using PromiseTest = SharingTest;

TEST_F(PromiseTest, ValuesErrorsAndSilence) {
  auto value = MakePromise<int>();
  EXPECT_TRUE(Poll(value.future).IsPending());
  EXPECT_EQ(std::move(value.promise).Set(4), std::nullopt);
  EXPECT_EQ(*Poll(value.future).value(), 4);

  auto error = MakePromise<absl::StatusOr<int>>();
  static_assert(std::is_same_v<decltype(error.future)::Output, absl::StatusOr<int>>);
  EXPECT_EQ(std::move(error.promise).Set(absl::NotFoundError("x")), std::nullopt);
  EXPECT_EQ(Poll(error.future).value().status(), absl::NotFoundError("x"));

  auto nothing = MakePromise();
  EXPECT_EQ(std::move(nothing.promise).Set(), std::nullopt);
  EXPECT_TRUE(Poll(nothing.future).value().ok());

  auto silent = MakePromise<int>();
  EXPECT_TRUE(Poll(silent.future).IsPending());
  {
    const Promise<int> gone = std::move(silent.promise);
  }
  EXPECT_EQ(Poll(silent.future).value().status(),
            absl::AbortedError("the promise went without being set"));
}

TEST_F(PromiseTest, AValueThatIsThereComesBeforeAStop) {
  auto [promise, future] = MakePromise<int>();
  EXPECT_EQ(std::move(promise).Set(4), std::nullopt);
  EXPECT_EQ(*PollStopped(future).value(), 4);
  auto waiting = MakePromise<int>();
  EXPECT_TRUE(Poll(waiting.future).IsPending());
  EXPECT_TRUE(PollStopped(waiting.future).IsStopped());
}

TEST_F(PromiseTest, ADroppedFutureGivesTheValueBack) {
  auto ends = MakePromise<std::unique_ptr<int>>();
  EXPECT_TRUE(Poll(ends.future).IsPending());
  {
    const PromiseFuture<std::unique_ptr<int>> gone = std::move(ends.future);
  }
  EXPECT_TRUE(ends.promise.IsUnwanted());
  auto back = std::move(ends.promise).Set(std::make_unique<int>(3));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(***back, 3);
  EXPECT_DEATH((void)std::move(ends.promise).Set(nullptr), "expected an unset promise, found one");
  auto inside = std::make_shared<int>(1);
  {
    auto unread = MakePromise<std::shared_ptr<int>>();
    EXPECT_EQ(std::move(unread.promise).Set(inside), std::nullopt);
  }
  EXPECT_EQ(inside.use_count(), 1);
}

TEST_F(PromiseTest, ValuesCrossThreads) {
  for (int round = 0; round < 300; ++round) {
    auto ends = MakePromise<std::unique_ptr<int>>();
    std::thread setter([promise = std::move(ends.promise), round]() mutable {
      if (round % 3 != 0) (void)std::move(promise).Set(std::make_unique<int>(round));
      const Promise<std::unique_ptr<int>> gone = std::move(promise);
    });
    const absl::StatusOr<std::unique_ptr<int>> value = BlockOn(std::move(ends.future));
    EXPECT_EQ(value.ok(), round % 3 != 0);
    if (value.ok()) EXPECT_EQ(**value, round);
    setter.join();
  }
}

TEST(StopTokenTest, AStopOfTheirsCancelsOursAndNotTheOtherWay) {
  std::stop_source theirs;
  CancelSource parent;
  CancelOnStop link(theirs.get_token(), parent.token());
  EXPECT_FALSE(link.token().StopRequested());
  theirs.request_stop();
  EXPECT_TRUE(link.token().StopRequested());
  EXPECT_FALSE(parent.StopRequested());
  const CancelOnStop late(theirs.get_token());
  EXPECT_TRUE(late.token().StopRequested());
}

TEST(StopTokenTest, OurCancelStopsTheirsWhileTheLinkLasts) {
  CancelSource ours;
  int calls = 0;
  std::optional<StopOnCancel> gone(std::in_place, ours.token());
  const std::stop_token forgotten = gone->token();
  const StopOnCancel link(ours.token());
  std::stop_callback counts(link.token(), [&calls] { ++calls; });
  gone.reset();
  ours.Cancel();
  EXPECT_TRUE(link.token().stop_requested());
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(forgotten.stop_requested());
  const StopOnCancel late(ours.token());
  EXPECT_TRUE(late.token().stop_requested());
}

TEST(StopTokenTest, StopsThatMeetTheEndOfALinkAreHarmless) {
  for (int round = 0; round < 200; ++round) {
    std::stop_source theirs;
    CancelSource ours;
    std::optional<CancelOnStop> cancel(std::in_place, theirs.get_token());
    std::optional<StopOnCancel> stop(std::in_place, ours.token());
    std::thread stopper([&] {
      theirs.request_stop();
      ours.Cancel();
    });
    cancel.reset();
    stop.reset();
    stopper.join();
  }
}

}  // namespace
}  // namespace weft

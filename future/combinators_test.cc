// The contract of the combinators. Each child is polled to its end exactly once, losers are stopped
// and awaited, and nothing that was started is dropped. Would fail if a combinator dropped a
// suspended Task (the Task itself stops the program), polled a finished child (Scripted does), or
// lost a result.

#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "future/and_then.h"
#include "future/any_future.h"
#include "future/cancel.h"
#include "future/cancel_harness.h"
#include "future/context.h"
#include "future/fault_harness.h"
#include "future/finally.h"
#include "future/first_success.h"
#include "future/fuse.h"
#include "future/future.h"
#include "future/lazy.h"
#include "future/manual_executor.h"
#include "future/map.h"
#include "future/or_else.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/race.h"
#include "future/retry.h"
#include "future/scripted.h"
#include "future/select.h"
#include "future/sleep.h"
#include "future/task.h"
#include "future/timeout.h"
#include "future/try.h"
#include "future/waker.h"
#include "future/when_all.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

using CombinatorsTest = ScriptedTest;

TEST_F(CombinatorsTest, MapGivesTheFunctionsValue) {
  auto future = Map(Scripted(&a_, 1, 20), [](int x) { return std::to_string(x + 1); });
  EXPECT_TRUE(Poll(future).IsPending());
  EXPECT_EQ(Poll(future).value(), "21");
}

TEST_F(CombinatorsTest, MapOfNothingToNothingCallsTheFunction) {
  int calls = 0;
  auto future = Map(Task<>([]() -> Task<> { co_return; }()), [&calls] { ++calls; });
  EXPECT_TRUE(Poll(future).IsReady());
  EXPECT_EQ(calls, 1);
}

TEST_F(CombinatorsTest, MapPassesStopAndExceptionsOn) {
  auto throwing = Map(Ready<int>(1), [](int) -> int { throw 7; });
  EXPECT_THROW((void)Poll(throwing), int);
  auto stopped = Map(Scripted(&a_, 0, 0, Scripted::End::kStop), [](int) { return 1; });
  EXPECT_TRUE(Poll(stopped).IsStopped());
}

TEST_F(CombinatorsTest, AndThenRunsTheSecondOnTheFirstOnesValue) {
  auto future = AndThen(Scripted(&a_, 1, 4), [this](int x) { return Scripted(&b_, 1, x * 10); });
  EXPECT_TRUE(Poll(future).IsPending());
  EXPECT_TRUE(Poll(future).IsPending());
  EXPECT_EQ(a_.destructions, 1);
  EXPECT_EQ(Poll(future).value(), 40);
}

TEST_F(CombinatorsTest, AndThenSkipsTheSecondAfterAnError) {
  using Result = absl::StatusOr<int>;
  auto next = [](int x) { return Ready<Result>(Result(x + 1)); };
  auto good = AndThen(Ready<Result>(Result(1)), next);
  EXPECT_EQ(*Poll(good).value(), 2);
  auto bad = AndThen(Ready<Result>(absl::NotFoundError("no shoe")), next);
  EXPECT_EQ(Poll(bad).value().status(), absl::NotFoundError("no shoe"));
  auto status = AndThen(Ready<absl::Status>(absl::AbortedError("late")),
                        [] { return Ready<absl::Status>(absl::OkStatus()); });
  EXPECT_EQ(Poll(status).value(), absl::AbortedError("late"));
}

TEST_F(CombinatorsTest, WhenAllGivesAllValuesInOrder) {
  auto nothing = []() -> Task<> { co_return; };
  auto future = WhenAll(Scripted(&a_, 2, 1), nothing(), Scripted(&b_, 0, 3));
  static_assert(std::is_same_v<decltype(future)::Output, std::tuple<int, std::monostate, int>>);
  EXPECT_TRUE(Poll(future).IsPending());
  EXPECT_EQ(b_.destructions, 1);  // a finished child is not kept
  EXPECT_TRUE(Poll(future).IsPending());
  EXPECT_EQ(Poll(future).value(), std::make_tuple(1, std::monostate(), 3));
  EXPECT_EQ(b_.polls, 1);
}

TEST_F(CombinatorsTest, WhenAllOfAVectorGivesAVector) {
  std::vector<Scripted> children;
  children.emplace_back(&a_, 1, 10);
  children.emplace_back(&b_, 0, 20);
  auto future = WhenAll(std::move(children));
  EXPECT_TRUE(Poll(future).IsPending());
  EXPECT_EQ(Poll(future).value(), (std::vector<int>{10, 20}));
  auto empty = WhenAll(std::vector<Task<int>>());
  EXPECT_TRUE(Poll(empty).value().empty());
}

TEST_F(CombinatorsTest, WhenAllStopsAndAwaitsTheOthersAfterAnException) {
  auto future = WhenAll(Scripted(&a_, 9, 1, Scripted::End::kValue, 1),
                        Scripted(&b_, 1, 2, Scripted::End::kThrow),
                        Scripted(&c_, 9, 3, Scripted::End::kValue, 2));
  EXPECT_TRUE(Poll(future).IsPending());
  EXPECT_TRUE(Poll(future).IsPending());
  EXPECT_TRUE(a_.saw_stop);
  EXPECT_TRUE(c_.saw_stop);
  EXPECT_THROW((void)Poll(future), std::runtime_error);
  EXPECT_EQ(a_.ends + b_.ends + c_.ends, 3);
}

TEST_F(CombinatorsTest, WhenAllDoesNotStartChildrenAfterAnException) {
  auto future = WhenAll(Scripted(&a_, 0, 1, Scripted::End::kThrow), Scripted(&b_, 0, 2));
  EXPECT_THROW((void)Poll(future), std::runtime_error);
  EXPECT_EQ(b_.polls, 0);
  EXPECT_EQ(b_.destructions, 1);
}

TEST_F(CombinatorsTest, WhenAllStopsWhenAChildStops) {
  auto future = WhenAll(Scripted(&a_, 9, 1), Scripted(&b_, 0, 2, Scripted::End::kStop), Never<>());
  EXPECT_TRUE(Poll(future).IsStopped());
  EXPECT_TRUE(a_.saw_stop);
}

Task<absl::StatusOr<int>> AfterYields(int yields, absl::StatusOr<int> result) {
  for (int i = 0; i < yields; ++i) co_await YieldNow();
  co_return result;
}

TEST_F(CombinatorsTest, TryWhenAllGivesTheFirstErrorInTime) {
  auto good = TryWhenAll(AfterYields(2, 1), Ready<absl::Status>(absl::OkStatus()));
  absl::StatusOr<std::tuple<int, std::monostate>> both = executor_.BlockOn(std::move(good));
  EXPECT_EQ(std::get<0>(*both), 1);
  std::vector<Task<absl::StatusOr<int>>> tasks;
  tasks.push_back(AfterYields(3, absl::NotFoundError("later")));
  tasks.push_back(AfterYields(1, absl::AbortedError("first")));
  tasks.push_back(AfterYields(1000, 3));
  EXPECT_EQ(executor_.BlockOn(TryWhenAll(std::move(tasks))).status(), absl::AbortedError("first"));
}

TEST_F(CombinatorsTest, SelectTellsWhoWonAfterTheLosersHaveStopped) {
  auto future = Select(Scripted(&a_, 9, 1, Scripted::End::kValue, 2), Scripted(&b_, 1, 2));
  EXPECT_TRUE(Poll(future).IsPending());
  EXPECT_TRUE(Poll(future).IsPending());  // b has won, a needs two more polls
  EXPECT_TRUE(a_.saw_stop);
  EXPECT_TRUE(Poll(future).IsPending());
  std::variant<int, int> result = Poll(future).value();
  EXPECT_EQ(result.index(), 1u);
  EXPECT_EQ(std::get<1>(result), 2);
  EXPECT_EQ(a_.destructions, 1);
  EXPECT_EQ(b_.polls, 2);
}

TEST_F(CombinatorsTest, SelectPrefersTheEarlierAndDoesNotStartTheRest) {
  auto future = Select(Ready<int>(1), Scripted(&a_, 0, 2), Never<>());
  EXPECT_EQ(Poll(future).value().index(), 0u);
  EXPECT_EQ(a_.polls, 0);
  EXPECT_EQ(a_.destructions, 1);
}

TEST_F(CombinatorsTest, RaceIsWonByTheFirstValueOrException) {
  auto value = Race(Scripted(&a_, 5, 1), Ready<int64_t>(2));
  EXPECT_EQ(Poll(value).value(), int64_t{2});
  EXPECT_TRUE(a_.saw_stop);
  auto thrown = Race(Scripted(&b_, 5, 1), Scripted(&c_, 0, 2, Scripted::End::kThrow));
  EXPECT_THROW((void)Poll(thrown), std::runtime_error);
  EXPECT_EQ(b_.ends, 1);
}

TEST_F(CombinatorsTest, RaceIsNotWonByAChildThatStops) {
  auto future = Race(Scripted(&a_, 0, 1, Scripted::End::kStop), Scripted(&b_, 1, 2));
  EXPECT_TRUE(Poll(future).IsPending());
  EXPECT_EQ(Poll(future).value(), 2);
  auto stopped = Race(Scripted(&c_, 0, 1, Scripted::End::kStop));
  EXPECT_TRUE(Poll(stopped).IsStopped());
}

TEST_F(CombinatorsTest, RaceOfAVectorOfVoids) {
  auto wait = [](absl::Duration duration) -> Task<> { co_await SleepFor(duration); };
  std::vector<Task<>> tasks;
  for (int seconds : {3, 1, 2}) tasks.push_back(wait(absl::Seconds(seconds)));
  const Instant start = executor_.Now();
  EXPECT_TRUE(executor_.BlockOn(Race(std::move(tasks))).ok());
  EXPECT_EQ(executor_.Now() - start, absl::Seconds(1));
}

using CombinatorsDeathTest = CombinatorsTest;

TEST_F(CombinatorsDeathTest, RaceOfNobodyIsRefused) {
  EXPECT_DEATH((void)Race(std::vector<Task<int>>()), "the vector of futures is empty");
}

TEST_F(CombinatorsTest, TimeoutStopsAndAwaitsTheFuture) {
  auto future = Timeout(absl::Seconds(1), Scripted(&a_, 99, 1, Scripted::End::kValue, 1));
  EXPECT_TRUE(Poll(future).IsPending());
  executor_.Advance(absl::Seconds(1) - absl::Nanoseconds(1));
  EXPECT_TRUE(Poll(future).IsPending());
  EXPECT_FALSE(a_.saw_stop);
  executor_.Advance(absl::Nanoseconds(1));
  EXPECT_TRUE(Poll(future).IsPending());
  EXPECT_TRUE(a_.saw_stop);
  absl::StatusOr<int> result = Poll(future).value();
  EXPECT_EQ(result.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(result.status().message(),
            "the future did not finish before its deadline and was cancelled");
}

TEST_F(CombinatorsTest, TimeoutGivesAValueThatIsInTimeAndDoesNotNestStatus) {
  auto in_time = Timeout(absl::Seconds(1), Scripted(&a_, 0, 5));
  EXPECT_EQ(*Poll(in_time).value(), 5);
  auto status = WithDeadline(executor_.Now(), Ready<absl::Status>(absl::AbortedError("x")));
  static_assert(std::is_same_v<decltype(status)::Output, absl::Status>);
  EXPECT_EQ(Poll(status).value(), absl::AbortedError("x"));
  auto nothing = WithDeadline(executor_.Now(), Never<>());
  EXPECT_EQ(Poll(nothing).value().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(CombinatorsTest, TimeoutTellsCancellationFromTheDeadline) {
  auto future = Timeout(absl::Seconds(1), Scripted(&a_, 99, 1));
  EXPECT_TRUE(Poll(future).IsPending());
  source_.Cancel();
  EXPECT_TRUE(Poll(future).IsStopped());
}

TEST_F(CombinatorsTest, FinallyCleansUpShieldedHoweverTheBodyEnds) {
  for (Scripted::End end : {Scripted::End::kValue, Scripted::End::kThrow, Scripted::End::kStop}) {
    ScriptLog log;
    CancelSource source;
    int cleanups = 0;
    auto cleanup = [](int* count) -> Task<> {
      co_await YieldNow();  // would not return if it saw the stop request
      ++*count;
    };
    auto future = Finally(Scripted(&log, 0, 8, end), cleanup(&cleanups));
    Context cx(waker_, source.token());
    EXPECT_TRUE(future.poll(cx).IsPending());
    EXPECT_EQ(log.destructions, 1);
    source.Cancel();
    if (end == Scripted::End::kThrow) {
      EXPECT_THROW((void)future.poll(cx), std::runtime_error);
    } else {
      EXPECT_EQ(future.poll(cx).IsStopped(), end == Scripted::End::kStop);
    }
    EXPECT_EQ(cleanups, 1);
  }
}

TEST_F(CombinatorsTest, FinallyThrowsWhatTheCleanUpThrowsUnlessTheBodyThrewFirst) {
  auto thrower = []() -> Task<> {
    co_await Ready<int>(0);
    throw 5;
  };
  auto first = Finally(Ready<int>(1), thrower());
  EXPECT_THROW((void)Poll(first), int);
  auto second = Finally(Scripted(&a_, 0, 1, Scripted::End::kThrow), thrower());
  EXPECT_THROW((void)Poll(second), std::runtime_error);
}

TEST_F(CombinatorsTest, CombinatorsNest) {
  auto future =
      Race(Map(WhenAll(Scripted(&a_, 3, 1), Scripted(&b_, 9, 2)),
               [](std::tuple<int, int> both) { return std::get<0>(both) + std::get<1>(both); }),
           AndThen(Scripted(&c_, 4, 3), [](int x) { return Ready<int>(x * 100); }));
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(Poll(future).IsPending());
  EXPECT_EQ(Poll(future).value(), 300);
  EXPECT_EQ(a_.destructions + b_.destructions + c_.destructions, 3);
  EXPECT_FALSE(a_.saw_stop);
  EXPECT_TRUE(b_.saw_stop);
}

TEST(CombinatorsAllocationTest, CombinatorsAllocateNothing) {
  const auto make = [] {
    using IntOr = absl::StatusOr<int>;
    auto retry = Retry({}, [] { return Ready<IntOr>(1); });
    auto next = AndThen(std::move(retry), [](int x) { return Ready<IntOr>(x + 1); });
    auto either = OrElse(Try(std::move(next)), [](Tried<IntOr>) { return Ready<IntOr>(0); });
    auto best = Timeout(absl::Seconds(1), FirstSuccess(std::move(either), Ready<IntOr>(5)));
    AnyFuture<int> erased = Fuse(Map(Ready<int>(1), [](int x) { return 2 * x; }));
    return WhenAll(Select(std::move(best), Never<>()), Race(std::move(erased), Never<int>()),
                   Finally(Ready<int>(3), Ready<>()));
  };
  const int allocations = FailAllocationsEverywhere([&make](FaultProbe& probe) {
    auto end = probe.Run(Lazy(make));  // made inside of the poll, where allocations count
    ASSERT_TRUE(end.has_value());
    EXPECT_EQ(*std::get<0>(std::get<0>(end->value())), 2);
  });
  EXPECT_EQ(allocations, 0);
}

Task<int> Steps(int steps, int* alive) {
  Alive guard(alive);
  for (int i = 0; i < steps; ++i) co_await YieldNow();
  co_await SleepFor(absl::Seconds(steps));
  co_return steps;
}

TEST(CancelEverywhereTest, CombinatorsLeaveNothingBehindWhereverTheyAreCancelled) {
  const int suspensions = CancelEverywhere([](CancelProbe& probe) {
    int alive = 0;
    int cleanups = 0;
    auto cleanup = [](int* count) -> Task<> {
      co_await YieldNow();
      co_await SleepFor(absl::Seconds(1));
      ++*count;
    };
    auto body = [](int* count) -> Task<int> {
      std::tuple<int, int> both = co_await WhenAll(Steps(2, count), Steps(3, count));
      int first = co_await Race(Steps(1, count), Steps(4, count));
      absl::StatusOr<int> late = co_await Timeout(absl::Milliseconds(1), Steps(2, count));
      co_return std::get<0>(both) + std::get<1>(both) + first + (late.ok() ? 100 : 10);
    };
    weft::Poll<int> result = probe.Run(Finally(body(&alive), cleanup(&cleanups)));
    EXPECT_EQ(alive, 0);
    EXPECT_EQ(cleanups, 1);
    if (result.IsReady()) EXPECT_EQ(result.value(), 16);
    if (!probe.stop_requested()) EXPECT_TRUE(result.IsReady());
  });
  EXPECT_GT(suspensions, 8);
}

TEST(CancelEverywhereTest, ReachesEverySuspensionByBothWays) {
  std::vector<int> stopped_at;
  CancelEverywhere([&](CancelProbe& probe) {
    int reached = 0;
    auto body = [](int* step) -> Task<> {
      for (*step = 1; *step <= 3; ++*step) co_await YieldNow();
    };
    if (probe.Run(body(&reached)).IsStopped()) stopped_at.push_back(reached);
  });
  EXPECT_EQ(stopped_at, (std::vector<int>{0, 1, 2, 3, 0, 1, 2, 3}));
}

}  // namespace
}  // namespace weft

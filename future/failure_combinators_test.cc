// Goal: the contract of what deals with failures: Try, OrElse, FirstSuccess, Retry. Each end of
// each child (value, error, exception, stop) leads where the headers say, and nothing that was
// started is dropped (Scripted stops the program if it is). Then a mixture of all combinators, with
// a stop, an exception and a failed allocation at each place.
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/cord.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "future/and_then.h"
#include "future/cancel.h"
#include "future/cancel_harness.h"
#include "future/context.h"
#include "future/fault_harness.h"
#include "future/finally.h"
#include "future/first_success.h"
#include "future/future.h"
#include "future/manual_executor.h"
#include "future/map.h"
#include "future/or_else.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/race.h"
#include "future/retry.h"
#include "future/retry_budget.h"
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

using IntOr = absl::StatusOr<int>;

using FailureCombinatorsTest = ScriptedTest;

// A Scripted future that gives `result` in place of its value.
auto Giving(IntOr result, Scripted scripted) {
  return Map(std::move(scripted), [result](int) { return result; });
}

using TryTest = FailureCombinatorsTest;

TEST_F(TryTest, ValuesErrorsAndExceptionsAreResults) {
  auto value = Try(Scripted(&a_, 1, 5));
  EXPECT_TRUE(Poll(value).IsPending());
  Tried<int> five = Poll(value).value();
  EXPECT_TRUE(five.ok());
  EXPECT_TRUE(five.status().ok());
  EXPECT_EQ(five.exception(), nullptr);
  EXPECT_EQ(std::move(five).Take(), 5);

  auto error = Try(Ready<IntOr>(absl::NotFoundError("no shoe")));
  Tried<IntOr> none = Poll(error).value();
  EXPECT_FALSE(none.ok());
  EXPECT_EQ(none.exception(), nullptr);
  EXPECT_EQ(none.status(), absl::NotFoundError("no shoe"));
  EXPECT_EQ(none.value().status(), absl::NotFoundError("no shoe"));

  auto thrown = Try(Scripted(&b_, 0, 7, Scripted::End::kThrow));
  Tried<int> exception = Poll(thrown).value();
  EXPECT_FALSE(exception.ok());
  EXPECT_NE(exception.exception(), nullptr);
  EXPECT_EQ(exception.status(), absl::UnknownError("an exception was thrown: shoe 7"));
  EXPECT_THROW((void)std::move(exception).Take(), std::runtime_error);
}

TEST_F(TryTest, NothingIsAValueAndAStopStaysAStop) {
  auto nothing = Try(Ready<>());
  EXPECT_TRUE(Poll(nothing).value().ok());
  auto odd = Try(Map(Ready<>(), [] { throw 7; }));
  EXPECT_EQ(Poll(odd).value().status().message(),
            "an exception that is no std::exception was thrown");
  auto stopped = Try(Scripted(&a_, 0, 0, Scripted::End::kStop));
  EXPECT_TRUE(Poll(stopped).IsStopped());
}

TEST_F(TryTest, TheValueOfAnExceptionIsRefused) {
  Tried<int> tried(std::make_exception_ptr(std::runtime_error("late")));
  EXPECT_DEATH((void)tried.value(), "found an exception .an exception was thrown: late.");
}

using OrElseTest = FailureCombinatorsTest;

TEST_F(OrElseTest, TheSecondRunsAfterAnErrorWithTheFirstGone) {
  auto future =
      OrElse(Giving(absl::NotFoundError("no shoe"), Scripted(&a_, 1, 0)), [this](absl::Status why) {
        EXPECT_EQ(why, absl::NotFoundError("no shoe"));
        return Giving(8, Scripted(&b_, 1, 0));
      });
  EXPECT_TRUE(Poll(future).IsPending());
  EXPECT_TRUE(Poll(future).IsPending());
  EXPECT_EQ(a_.destructions, 1);
  EXPECT_EQ(*Poll(future).value(), 8);
}

TEST_F(OrElseTest, ASuccessSkipsTheSecondAndConvertsToItsType) {
  auto same = OrElse(Ready<IntOr>(3), [](absl::Status) { return Ready<IntOr>(0); });
  EXPECT_EQ(*Poll(same).value(), 3);
  auto plain = OrElse(Ready<IntOr>(3), [](absl::Status) { return Ready<int64_t>(0); });
  EXPECT_EQ(Poll(plain).value(), int64_t{3});
  auto status = OrElse(Ready<absl::Status>(absl::OkStatus()),
                       [](const absl::Status& why) { return Ready<absl::Status>(why); });
  EXPECT_TRUE(Poll(status).value().ok());
  auto nothing =
      OrElse(Ready<absl::Status>(absl::OkStatus()), [](const absl::Status&) { return Ready<>(); });
  EXPECT_TRUE(Poll(nothing).IsReady());
}

TEST_F(OrElseTest, ExceptionsOutsideOfTryAreNoFailures) {
  auto outside = OrElse(Giving(1, Scripted(&a_, 0, 1, Scripted::End::kThrow)),
                        [](const absl::Status&) { return Ready<int>(0); });
  EXPECT_THROW((void)Poll(outside), std::runtime_error);
}

TEST_F(OrElseTest, AfterTryTheFunctionGetsWhatWasThrown) {
  auto fallback = [](Tried<int> failure) -> Ready<int> {
    try {
      (void)std::move(failure).Take();
    } catch (const std::runtime_error& error) {
      return Ready<int>(static_cast<int>(std::string(error.what()).size()));
    }
    return Ready<int>(0);
  };
  auto thrown = OrElse(Try(Scripted(&a_, 0, 1, Scripted::End::kThrow)), fallback);
  EXPECT_EQ(Poll(thrown).value(), 6);
  auto good = OrElse(Try(Scripted(&b_, 0, 5)), fallback);
  EXPECT_EQ(Poll(good).value(), 5);
}

TEST_F(OrElseTest, AStopIsNoFailure) {
  int calls = 0;
  auto future =
      OrElse(Giving(1, Scripted(&a_, 0, 1, Scripted::End::kStop)), [&calls](const absl::Status&) {
        ++calls;
        return Ready<int>(0);
      });
  EXPECT_TRUE(Poll(future).IsStopped());
  EXPECT_EQ(calls, 0);
}

using FirstSuccessTest = FailureCombinatorsTest;

TEST_F(FirstSuccessTest, ErrorsAndExceptionsDoNotWin) {
  auto future = FirstSuccess(Giving(absl::NotFoundError("a"), Scripted(&a_, 0, 0)),
                             Giving(1, Scripted(&b_, 0, 1, Scripted::End::kThrow)),
                             Giving(2, Scripted(&c_, 1, 0)));
  EXPECT_TRUE(Poll(future).IsPending());
  EXPECT_EQ(*Poll(future).value(), 2);
}

TEST_F(FirstSuccessTest, LosersAreStoppedAndAwaitedOrNeverStarted) {
  auto future = FirstSuccess(Giving(1, Scripted(&a_, 9, 0, Scripted::End::kValue, 1)),
                             Giving(2, Scripted(&b_, 0, 0)), Giving(3, Scripted(&c_, 0, 0)));
  EXPECT_TRUE(Poll(future).IsPending());
  EXPECT_TRUE(a_.saw_stop);
  EXPECT_EQ(*Poll(future).value(), 2);
  EXPECT_EQ(a_.destructions, 1);
  EXPECT_EQ(c_.polls, 0);
}

TEST_F(FirstSuccessTest, TheErrorListsAllErrors) {
  auto agreed =
      FirstSuccess(Ready<IntOr>(absl::NotFoundError("a")), Ready<IntOr>(absl::NotFoundError("b")));
  EXPECT_EQ(Poll(agreed).value().status(),
            absl::NotFoundError("none of 2 succeeded: #0 NOT_FOUND: a; #1 NOT_FOUND: b"));
  std::vector<Ready<absl::Status>> two;
  two.emplace_back(absl::NotFoundError("a"));
  two.emplace_back(absl::AbortedError("b"));
  auto mixed = FirstSuccess(std::move(two));
  EXPECT_EQ(Poll(mixed).value(),
            absl::UnknownError("none of 2 succeeded: #0 NOT_FOUND: a; #1 ABORTED: b"));
}

TEST_F(FirstSuccessTest, WithoutASuccessTheFirstExceptionIsRethrown) {
  auto future = FirstSuccess(Giving(absl::NotFoundError("a"), Scripted(&a_, 0, 0)),
                             Giving(1, Scripted(&b_, 1, 8, Scripted::End::kThrow)));
  EXPECT_TRUE(Poll(future).IsPending());
  EXPECT_THROW((void)Poll(future), std::runtime_error);
}

TEST_F(FirstSuccessTest, AChildThatStopsIsOutAndARequestedStopIsAStop) {
  auto by_itself = FirstSuccess(Giving(1, Scripted(&a_, 0, 0, Scripted::End::kStop)),
                                Ready<IntOr>(absl::NotFoundError("b")));
  EXPECT_EQ(Poll(by_itself).value().status(),
            absl::NotFoundError("none of 2 succeeded: #1 NOT_FOUND: b"));
  auto all = FirstSuccess(Giving(1, Scripted(&b_, 0, 0, Scripted::End::kStop)));
  EXPECT_TRUE(Poll(all).IsStopped());
  auto requested =
      FirstSuccess(Ready<IntOr>(absl::NotFoundError("b")), Giving(1, Scripted(&c_, 9, 0)));
  EXPECT_TRUE(Poll(requested).IsPending());
  source_.Cancel();
  EXPECT_TRUE(Poll(requested).IsStopped());
}

TEST_F(FirstSuccessTest, NobodyIsRefused) {
  EXPECT_DEATH((void)FirstSuccess(std::vector<Ready<IntOr>>()), "the vector of futures is empty");
}

class RetryTest : public FailureCombinatorsTest {
 protected:
  // Runs Retry() over a function that fails with `error` `failures` times and then gives 5.
  IntOr Run(RetryOptions options, int failures, absl::Status error = absl::UnavailableError("x")) {
    calls_ = 0;
    const Instant start = executor_.Now();
    auto attempt = [&, failures]() -> Task<IntOr> {
      co_await YieldNow();
      if (++calls_ <= failures) co_return error;
      co_return 5;
    };
    IntOr result = executor_.BlockOn(Retry(std::move(options), attempt));
    slept_ = executor_.Now() - start;
    return result;
  }

  int calls_ = 0;
  absl::Duration slept_;
};

TEST_F(RetryTest, TriesAgainUntilItSucceeds) {
  EXPECT_EQ(*Run({.seed = 1}, 3), 5);
  EXPECT_EQ(calls_, 4);
  EXPECT_GT(slept_, absl::ZeroDuration());
  EXPECT_LT(slept_, absl::Milliseconds(100 + 200 + 400));
  EXPECT_EQ(*Run({}, 0), 5);
  EXPECT_EQ(slept_, absl::ZeroDuration());
}

TEST_F(RetryTest, TheSeedDecidesTheSleepsAndTheBackoffBoundsThem) {
  std::vector<absl::Duration> slept;
  for (uint64_t seed : {7, 7, 8}) {
    (void)Run({.max_attempts = 50, .max_backoff = absl::Seconds(1), .seed = seed}, 40);
    slept.push_back(slept_);
  }
  EXPECT_EQ(slept[0], slept[1]);
  EXPECT_NE(slept[0], slept[2]);
  EXPECT_LT(slept[0], absl::Seconds(40));
  EXPECT_GT(slept[0], absl::Seconds(5));  // half of the backoffs, in the mean
  const Instant before = executor_.Now();
  (void)Run({}, 2);
  const absl::Duration first = executor_.Now() - before;
  (void)Run({}, 2);
  EXPECT_NE(slept_, first);  // without a seed each differs
}

TEST_F(RetryTest, GivesUpWithTheLastErrorAndSaysWhy) {
  EXPECT_EQ(Run({.max_attempts = 2}, 9).status(),
            absl::UnavailableError("x (gave up after 2 attempts: no attempts are left)"));
  EXPECT_EQ(Run({}, 9, absl::NotFoundError("y")).status(),
            absl::NotFoundError("y (gave up after 1 attempt: the error is not worth a retry)"));
  auto always = [](const absl::Status&) { return true; };
  EXPECT_EQ(*Run({.is_retryable = always}, 2, absl::NotFoundError("y")), 5);
  absl::Status with_payload = absl::NotFoundError("y");
  with_payload.SetPayload("weft/test", absl::Cord("shoe"));
  EXPECT_EQ(Run({}, 9, with_payload).status().GetPayload("weft/test"), absl::Cord("shoe"));
}

TEST_F(RetryTest, NoAttemptBeginsAtTheDeadline) {
  const Instant deadline = executor_.Now() + absl::Seconds(3);
  auto always = [](const absl::Status&) { return true; };
  const IntOr late = Run({.max_attempts = 1000, .deadline = deadline, .is_retryable = always}, 999);
  EXPECT_NE(late.status().message().find("the deadline is too near"), std::string::npos);
  EXPECT_LT(executor_.Now(), deadline);
}

TEST_F(RetryTest, ABudgetIsSharedAndRefilledBySuccesses) {
  RetryBudget budget({.capacity = 3, .refill_per_success = 0.5});
  EXPECT_EQ(*Run({.budget = &budget}, 2), 5);
  EXPECT_EQ(budget.left(), 1);
  EXPECT_NE(Run({.budget = &budget}, 9).status().message().find("the budget of retries"),
            std::string::npos);
  EXPECT_EQ(calls_, 2);
  EXPECT_EQ(*Run({.budget = &budget}, 0), 5);  // from a half to one
  EXPECT_EQ(*Run({.budget = &budget}, 1), 5);
  for (int i = 0; i < 20; ++i) budget.OnSuccess();
  EXPECT_EQ(budget.left(), 3);
}

TEST_F(RetryTest, ExceptionsAreNotRetried) {
  auto future = Retry({}, [this] { return Giving(1, Scripted(&a_, 0, 1, Scripted::End::kThrow)); });
  EXPECT_THROW((void)Poll(future), std::runtime_error);
  EXPECT_EQ(a_.polls, 1);
}

TEST_F(RetryTest, NonsenseIsRefused) {
  auto attempt = [] { return Ready<IntOr>(1); };
  EXPECT_DEATH((void)Retry({.max_attempts = 0}, attempt), "expected at least one attempt, found");
  EXPECT_DEATH((void)Retry({.initial_backoff = absl::ZeroDuration()}, attempt), "found 0 and");
  EXPECT_DEATH(RetryBudget({.capacity = 0}), "expected a capacity of at least 1");
}

Task<IntOr> Fallible(FaultProbe* faults, int* alive, int steps, IntOr result) {
  const Alive guard(alive);
  for (int i = 0; i < steps; ++i) co_await faults->Await(YieldNow());
  auto sleep = faults->Await(SleepFor(absl::Milliseconds(steps)));
  co_await std::move(sleep);
  co_return result;
}

// The combinators of failures and those of combinators_test.cc inside one task; gives 6.
Task<int> Mixture(FaultProbe* faults, int* alive) {
  const absl::Status bad = absl::UnavailableError("x");
  auto step = [faults, alive](int steps, IntOr result) {
    return Fallible(faults, alive, steps, std::move(result));
  };
  auto either = OrElse(step(2, bad), [step](const absl::Status&) { return step(1, 1); });
  const IntOr one = co_await std::move(either);
  auto best = FirstSuccess(step(1, bad), step(3, 2), step(9, 9));
  const IntOr two = co_await std::move(best);
  int calls = 0;
  auto attempt = [step, bad, &calls] {
    return Timeout(absl::Seconds(9), step(1, ++calls < 3 ? IntOr(bad) : IntOr(3)));
  };
  auto again = Retry({.initial_backoff = absl::Milliseconds(3), .seed = 3}, attempt);
  const IntOr three = co_await std::move(again);
  std::vector<Task<IntOr>> several;
  for (int i = 1; i <= 3; ++i) several.push_back(step(i, i));
  auto all = AndThen(TryWhenAll(std::move(several)), [step](const std::vector<int>& values) {
    return Race(step(values[0], values[1]), step(9, 9));
  });
  const IntOr four = co_await std::move(all);
  auto none = Select(Timeout(absl::Milliseconds(1), step(5, 5)), WhenAll(step(7, 7), step(8, 8)));
  const auto late = co_await std::move(none);
  EXPECT_EQ(late.index(), 0u);
  co_return one.value() + three.value() + four.value();
}

// Runs Mixture() with a clean-up and checks what holds however it ends.
template <typename Probe>
auto RunMixture(Probe& probe, FaultProbe* faults) {
  int alive = 0;
  int cleanups = 0;
  auto cleanup = Map(Ready<>(), [&cleanups] { ++cleanups; });
  auto end = probe.Run(Finally(Mixture(faults, &alive), std::move(cleanup)));
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(cleanups, 1);
  return end;
}

TEST(EverywhereTest, CombinatorsLeaveNothingBehindWhereverTheyAreCancelled) {
  const int suspensions = CancelEverywhere([](CancelProbe& probe) {
    FaultProbe no_faults;
    weft::Poll<int> result = RunMixture(probe, &no_faults);
    EXPECT_EQ(result.IsReady(), !probe.stop_requested());
    if (result.IsReady()) EXPECT_EQ(result.value(), 6);
  });
  EXPECT_GT(suspensions, 25);
}

TEST(EverywhereTest, CombinatorsLeaveNothingBehindWhateverThrows) {
  int passed_on = 0;
  const int places = ThrowEverywhere([&passed_on](FaultProbe& probe) {
    auto end = RunMixture(probe, &probe);
    ASSERT_TRUE(end.has_value());
    if (!probe.has_struck()) EXPECT_EQ(end->value(), 6);
    if (!end->ok()) ++passed_on;
  });
  EXPECT_GT(passed_on, 10);
  EXPECT_LT(passed_on, places);  // losers that throw are not heard
}

// Found that Timeout dropped its child when a timer could not be armed.
TEST(EverywhereTest, CombinatorsLeaveNothingBehindWhicheverAllocationFails) {
  const int places = FailAllocationsEverywhere([](FaultProbe& probe) {
    auto end = RunMixture(probe, &probe);
    ASSERT_TRUE(end.has_value());
    if (!probe.has_struck()) EXPECT_EQ(end->value(), 6);
  });
  EXPECT_GT(places, 20);
}

}  // namespace
}  // namespace weft

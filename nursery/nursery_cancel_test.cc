// How scopes are cancelled: by a child, by the body, by a deadline, from outside, and at each
// suspension point. Would fail if a child outlived its scope, if a join hung, or if a deferred task
// saw a stop request.

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "future/cancel.h"
#include "future/cancel_harness.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/race.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "future/task.h"
#include "gtest/gtest.h"
#include "nursery/nursery.h"
#include "nursery/test_tasks.h"

namespace weft {
namespace {

TEST_F(NurseryTest, OneChildCanBeCancelled) {
  auto body = [](Nursery& nursery, int* alive) -> Task<absl::Status> {
    ChildResult<void> child = nursery.SpawnWithResult(SleepWhileAlive(absl::Hours(1), alive));
    co_await YieldNow();
    child.Cancel();
    absl::Status status = co_await std::move(child);
    co_return absl::IsCancelled(status) ? absl::OkStatus() : absl::InternalError("not cancelled");
  };
  EXPECT_EQ(Run(WithNursery(body, &alive_)), absl::OkStatus());
  EXPECT_EQ(elapsed_, absl::ZeroDuration());
}

TEST_F(NurseryTest, CancelIsANormalEndIfTheBodyHasItsValue) {
  auto body = [](Nursery& nursery, int* alive) -> Task<int> {
    nursery.Spawn(SleepWhileAlive(absl::Hours(1), alive));
    co_await YieldNow();
    nursery.Cancel();
    co_return 5;
  };
  EXPECT_EQ(*Run(WithNursery(body, &alive_)), 5);
  EXPECT_EQ(elapsed_, absl::ZeroDuration());
}

TEST_F(NurseryTest, CancelStopsABodyThatWaits) {
  auto body = [](Nursery& nursery) -> Task<int> {
    nursery.Spawn(
        [](Nursery* all) -> Task<> {
          co_await SleepFor(absl::Seconds(1));
          all->Cancel();
        },
        &nursery);
    co_await Never<>();
    co_return 5;
  };
  EXPECT_EQ(
      Run(WithNursery(body)).status(),
      absl::CancelledError("WithNursery(): the nursery was cancelled before its body finished"));
}

TEST_F(NurseryTest, AChildCancelledBeforeItsFirstPollEndsTheJoin) {
  auto body = [](Nursery& nursery, int* alive) -> Task<> {
    nursery.Spawn(SleepWhileAlive(absl::Hours(1), alive));
    nursery.Cancel();
    nursery.Spawn(SleepWhileAlive(absl::Hours(1), alive));
    co_return;
  };
  EXPECT_TRUE(Run(WithNursery(body, &alive_)).ok());
  EXPECT_EQ(executor_.live_tasks(), 0u);
}

TEST_F(NurseryTest, TheDeadlineCancelsBodyAndChildren) {
  auto body = [](Nursery& nursery, int* alive) -> Task<> {
    Alive guard(alive);
    nursery.Spawn(SleepWhileAlive(absl::Hours(1), alive));
    co_await Never<>();
  };
  const NurseryOptions options{.deadline = executor_.Now() + absl::Seconds(5)};
  EXPECT_EQ(Run(WithNursery(options, body, &alive_)),
            absl::DeadlineExceededError(
                "WithNursery(): the scope did not end before its deadline and was cancelled"));
  EXPECT_EQ(elapsed_, absl::Seconds(5));
  EXPECT_EQ(alive_, 0);
}

TEST_F(NurseryTest, AScopeThatIsInTimeDisarmsItsDeadline) {
  auto body = [](Nursery&) -> Task<> { co_await SleepFor(absl::Seconds(1)); };
  const NurseryOptions options{.deadline = executor_.Now() + absl::Seconds(5)};
  EXPECT_TRUE(Run(WithNursery(options, body)).ok());
  EXPECT_EQ(elapsed_, absl::Seconds(1));
}

TEST_F(NurseryTest, DeferredTasksAreShieldedAndTheirErrorsCount) {
  auto body = [](Nursery& nursery, int* alive) -> Task<> {
    nursery.Spawn(SleepWhileAlive(absl::Hours(1), alive));
    nursery.Defer([]() -> Task<absl::Status> {
      co_await SleepFor(absl::Seconds(1));
      co_return absl::DataLossError("half a shoe");
    });
    nursery.Cancel();
    co_return;
  };
  EXPECT_EQ(Run(WithNursery(body, &alive_)), absl::DataLossError("half a shoe"));
  EXPECT_EQ(elapsed_, absl::Seconds(1));
}

TEST_F(NurseryTest, ScopesNest) {
  auto inner = [](Nursery& nursery, int* alive) -> Task<> {
    nursery.Spawn(SleepWhileAlive(absl::Hours(1), alive));
    co_await Never<>();
  };
  auto outer = [&inner](Nursery& nursery, int* alive) -> Task<> {
    nursery.Spawn(WithNursery(inner, alive));
    nursery.Spawn(FailAfter(absl::Seconds(1), "outer"));
    absl::Status status = co_await WithNursery(inner, alive);
    ADD_FAILURE() << "a stopped await returned " << status;
  };
  EXPECT_EQ(Run(WithNursery(outer, &alive_)), absl::AbortedError("outer"));
  EXPECT_EQ(alive_, 0);
}

TEST_F(NurseryTest, ALoserOfARaceEndsWithItsChildren) {
  auto body = [](Nursery& nursery, int* alive) -> Task<absl::StatusOr<int>> {
    nursery.Spawn(SleepWhileAlive(absl::Hours(1), alive));
    co_await Never<>();
    co_return 1;
  };
  auto winner = []() -> Task<absl::StatusOr<int>> {
    co_await SleepFor(absl::Seconds(1));
    co_return 2;
  };
  EXPECT_EQ(*Run(Race(WithNursery(body, &alive_), winner())), 2);
  EXPECT_EQ(elapsed_, absl::Seconds(1));
  EXPECT_EQ(alive_, 0);
}

TEST_F(NurseryTest, TokensOfChildrenDescendFromTheParents) {
  CancelSource source(executor_.token());
  auto body = [](Nursery& nursery, int* alive) -> Task<> {
    nursery.Spawn(SleepWhileAlive(absl::Hours(1), alive));
    co_await SleepFor(absl::Hours(2));
  };
  JoinHandle<absl::Status> handle =
      Spawn(executor_, WithNursery(body, &alive_), SpawnOptions{.token = source.token()});
  executor_.RunUntilStalled();
  EXPECT_EQ(alive_, 1);
  source.Cancel();
  executor_.RunUntilStalled();
  EXPECT_EQ(alive_, 0);
  EXPECT_TRUE(absl::IsCancelled(executor_.BlockOn(std::move(handle))));
}

TEST(NurseryCancelTest, NothingOutlivesAScopeWhereverItIsCancelled) {
  const int suspensions = CancelEverywhere([](CancelProbe& probe) {
    int alive = 0;
    int deferred = 0;
    auto clean = [](int* count) -> Task<> {
      co_await SleepFor(absl::Seconds(1));
      ++*count;
    };
    auto inner = [](Nursery& nursery, int* count) -> Task<int> {
      nursery.Spawn(SleepWhileAlive(absl::Seconds(2), count));
      co_await SleepFor(absl::Seconds(1));
      co_return 1;
    };
    auto body = [&](Nursery& nursery) -> Task<int> {
      Alive guard(&alive);
      nursery.Defer(clean, &deferred);
      ChildResult<int> one = nursery.SpawnWithResult(ReturnAfter, absl::Seconds(1), 2);
      nursery.Spawn(SleepWhileAlive(absl::Seconds(3), &alive));
      co_await YieldNow();
      absl::StatusOr<int> two = co_await WithNursery(inner, &alive);
      absl::StatusOr<int> result = co_await std::move(one);
      co_return *result + *two;
    };
    int expected_deferred = 1;
    Poll<absl::StatusOr<int>> result = probe.Run(WithNursery(body));
    if (result.IsStopped() && deferred == 0) expected_deferred = 0;  // stopped before it began
    EXPECT_EQ(alive, 0);
    EXPECT_EQ(deferred, expected_deferred);
    EXPECT_EQ(probe.executor().live_tasks(), 0u);
    if (result.IsReady()) {
      EXPECT_EQ(*result.value(), 3);
      EXPECT_EQ(deferred, 1);
    }
    if (!probe.stop_requested()) EXPECT_TRUE(result.IsReady());
  });
  EXPECT_GT(suspensions, 4);
}

}  // namespace
}  // namespace weft

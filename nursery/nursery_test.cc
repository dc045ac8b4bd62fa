// The contract of a scope: what its result is, and that nothing that it started outlives it. Each
// body runs on a manual executor; Alive counts what must be gone when the scope answers.

#include "nursery/nursery.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "future/cancel.h"
#include "future/cancel_harness.h"
#include "future/context.h"
#include "future/manual_executor.h"
#include "future/or_return.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/race.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "future/task.h"
#include "future/waker.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

// Counts how many are alive.
class Alive {
 public:
  explicit Alive(int* count) : count_(count) { ++*count_; }
  Alive(Alive&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
  ~Alive() {
    if (count_ != nullptr) --*count_;
  }

 private:
  int* count_;
};

Task<> SleepWhileAlive(absl::Duration duration, int* alive) {
  Alive guard(alive);
  co_await SleepFor(duration);
}

Task<absl::Status> FailAfter(absl::Duration duration, std::string message) {
  co_await SleepFor(duration);
  co_return absl::AbortedError(message);
}

Task<int> ThrowAfter(absl::Duration duration, std::string message) {
  co_await SleepFor(duration);
  throw std::runtime_error(message);
}

Task<int> ReturnAfter(absl::Duration duration, int value) {
  co_await SleepFor(duration);
  co_return value;
}

class NurseryTest : public testing::Test {
 protected:
  // Runs a future and notes how long it took in virtual time.
  template <typename F>
  auto Run(F future) {
    const Instant start = executor_.Now();
    auto result = executor_.BlockOn(std::move(future));
    elapsed_ = executor_.Now() - start;
    return result;
  }

  ManualExecutor executor_;
  absl::Duration elapsed_;
  int alive_ = 0;
};

TEST_F(NurseryTest, TheScopeEndsAfterItsLastChild) {
  auto body = [](Nursery& nursery, int* alive) -> Task<int> {
    for (int seconds : {1, 3, 2}) nursery.Spawn(SleepWhileAlive(absl::Seconds(seconds), alive));
    co_return 7;
  };
  EXPECT_EQ(*Run(WithNursery(body, &alive_)), 7);
  EXPECT_EQ(elapsed_, absl::Seconds(3));
  EXPECT_EQ(alive_, 0);
}

TEST_F(NurseryTest, AnEmptyScopeIsItsBody) {
  auto body = [](Nursery&) -> Task<> { co_return; };
  EXPECT_EQ(Run(WithNursery(body)), absl::OkStatus());
}

TEST_F(NurseryTest, ChildrenMayBorrowLocalsOfTheOneWhoAwaits) {
  auto parent = []() -> Task<std::string> {
    std::string text = "a";
    auto child = [](std::string* out, char letter) -> Task<> {
      co_await SleepFor(absl::Milliseconds(letter));
      *out += letter;
    };
    auto body = [&child](Nursery& nursery, std::string* out) -> Task<> {
      for (char letter : {'d', 'b', 'c'}) nursery.Spawn(child, out, letter);
      co_return;
    };
    absl::Status status = co_await WithNursery(body, &text);
    co_return status.ok() ? text : status.ToString();
  };
  EXPECT_EQ(*Run(parent()), "abcd");
}

TEST_F(NurseryTest, ACapturingLambdaLivesAsLongAsTheCoroutineThatItIs) {
  auto body = [](Nursery& nursery, int* sum) -> Task<> {
    for (int i = 1; i <= 3; ++i) {
      auto owned = std::make_shared<int>(i);
      nursery.Spawn([owned, sum]() -> Task<> {
        co_await YieldNow();
        *sum += *owned;
      });
    }
    co_return;
  };
  int sum = 0;
  EXPECT_TRUE(Run(WithNursery(body, &sum)).ok());
  EXPECT_EQ(sum, 6);
}

TEST_F(NurseryTest, ArgumentsMayBeMoveOnlyOrReferences) {
  int seen = 0;
  auto body = [](Nursery& nursery, std::unique_ptr<int> owned, int& out) -> Task<> {
    nursery.Spawn(
        [](std::unique_ptr<int> value, int& target) -> Task<> {
          target = *value;
          co_return;
        },
        std::move(owned), std::ref(out));
    co_return;
  };
  EXPECT_TRUE(Run(WithNursery(body, std::make_unique<int>(4), std::ref(seen))).ok());
  EXPECT_EQ(seen, 4);
}

TEST_F(NurseryTest, ChildrenMaySpawnMoreAfterTheBodyHasEnded) {
  struct Tree {
    static Task<> Grow(Nursery* nursery, int depth, int* leaves) {
      co_await YieldNow();
      if (depth == 0) {
        ++*leaves;
        co_return;
      }
      nursery->Spawn(Grow(nursery, depth - 1, leaves));
      nursery->Spawn(Grow(nursery, depth - 1, leaves));
    }
  };
  auto body = [](Nursery& nursery, int* leaves) -> Task<> {
    nursery.Spawn(Tree::Grow(&nursery, 6, leaves));
    co_return;
  };
  int leaves = 0;
  EXPECT_TRUE(Run(WithNursery(body, &leaves)).ok());
  EXPECT_EQ(leaves, 64);
}

TEST_F(NurseryTest, TheFirstErrorCancelsSiblingsAndBody) {
  auto body = [](Nursery& nursery, int* alive) -> Task<int> {
    Alive guard(alive);
    nursery.Spawn(SleepWhileAlive(absl::Hours(1), alive));
    nursery.Spawn(FailAfter(absl::Seconds(2), "second"));
    nursery.Spawn(FailAfter(absl::Seconds(1), "first"));
    co_await Never<>();
    co_return 1;
  };
  EXPECT_EQ(Run(WithNursery(body, &alive_)).status(), absl::AbortedError("first"));
  EXPECT_EQ(elapsed_, absl::Seconds(1));
  EXPECT_EQ(alive_, 0);
}

TEST_F(NurseryTest, CollectAllRunsEverythingToItsEndAndKeepsAllErrors) {
  std::vector<absl::Status> errors;
  auto body = [](Nursery& nursery, int* alive) -> Task<int> {
    nursery.Spawn(SleepWhileAlive(absl::Seconds(9), alive));
    nursery.Spawn(FailAfter(absl::Seconds(2), "second"));
    nursery.Spawn(FailAfter(absl::Seconds(1), "first"));
    co_return 1;
  };
  const NurseryOptions options{.policy = NurseryPolicy::kCollectAll, .errors = &errors};
  EXPECT_EQ(Run(WithNursery(options, body, &alive_)).status(), absl::AbortedError("first"));
  EXPECT_EQ(elapsed_, absl::Seconds(9));
  EXPECT_EQ(errors,
            (std::vector<absl::Status>{absl::AbortedError("first"), absl::AbortedError("second")}));
}

TEST_F(NurseryTest, AnErrorOfTheBodyCancelsChildren) {
  auto body = [](Nursery& nursery, int* alive) -> Task<absl::StatusOr<int>> {
    nursery.Spawn(SleepWhileAlive(absl::Hours(1), alive));
    co_await SleepFor(absl::Seconds(1));
    co_await OrReturn(absl::NotFoundError("no shoe"));
    co_return 1;
  };
  EXPECT_EQ(Run(WithNursery(body, &alive_)).status(), absl::NotFoundError("no shoe"));
  EXPECT_EQ(elapsed_, absl::Seconds(1));
  EXPECT_EQ(alive_, 0);
}

TEST_F(NurseryTest, AnExceptionOfTheBodyLeavesAfterTheChildren) {
  auto body = [](Nursery& nursery, int* alive) -> Task<> {
    nursery.Spawn(SleepWhileAlive(absl::Hours(1), alive));
    co_await SleepFor(absl::Seconds(1));
    throw std::runtime_error("torn shoe");
  };
  EXPECT_THROW((void)Run(WithNursery(body, &alive_)), std::runtime_error);
  EXPECT_EQ(alive_, 0);
}

TEST_F(NurseryTest, ABodyThatIsNoCoroutineMayThrowAfterItSpawned) {
  auto body = [](Nursery& nursery, int* alive) -> Ready<int> {
    nursery.Spawn(SleepWhileAlive(absl::Hours(1), alive));
    throw std::runtime_error("torn shoe");
  };
  EXPECT_THROW((void)Run(WithNursery(body, &alive_)), std::runtime_error);
  EXPECT_EQ(alive_, 0);
}

TEST_F(NurseryTest, TheFirstExceptionOfAChildIsRethrownAndAllAreKept) {
  std::vector<absl::Status> errors;
  auto body = [](Nursery& nursery, int* alive) -> Task<> {
    nursery.Spawn(ThrowAfter(absl::Seconds(2), "second"));
    nursery.Spawn(ThrowAfter(absl::Seconds(1), "first"));
    nursery.Spawn(FailAfter(absl::Seconds(0), "zeroth"));
    Alive guard(alive);
    co_await SleepFor(absl::Seconds(3));
  };
  const NurseryOptions options{.policy = NurseryPolicy::kCollectAll, .errors = &errors};
  try {
    (void)Run(WithNursery(options, body, &alive_));
    ADD_FAILURE() << "expected an exception";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "first");
  }
  EXPECT_EQ(errors, (std::vector<absl::Status>{absl::AbortedError("zeroth"),
                                               absl::UnknownError("exception: first"),
                                               absl::UnknownError("exception: second")}));
  EXPECT_EQ(alive_, 0);
}

TEST_F(NurseryTest, AChildsResultCanBeAwaited) {
  auto body = [](Nursery& nursery) -> Task<absl::StatusOr<int>> {
    ChildResult<int> slow = nursery.SpawnWithResult(ReturnAfter(absl::Seconds(2), 20));
    ChildResult<int> fast = nursery.SpawnWithResult(ReturnAfter, absl::Seconds(1), 1);
    absl::StatusOr<int> first = co_await std::move(slow);
    absl::StatusOr<int> second = co_await std::move(fast);
    co_return *first + *second;
  };
  EXPECT_EQ(*Run(WithNursery(body)), 21);
  EXPECT_EQ(elapsed_, absl::Seconds(2));
}

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

TEST_F(NurseryTest, DeferredTasksRunLastInReverseOrder) {
  std::string order;
  auto note = [](std::string* out, char letter) -> Task<> {
    co_await SleepFor(absl::Seconds(1));
    *out += letter;
  };
  auto body = [&note](Nursery& nursery, std::string* out) -> Task<> {
    nursery.Defer(note, out, '1');
    nursery.Defer(note, out, '2');
    nursery.Spawn(note, out, 'c');
    co_return;
  };
  EXPECT_TRUE(Run(WithNursery(body, &order)).ok());
  EXPECT_EQ(order, "c21");
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

TEST_F(NurseryTest, AChildsArgumentsAndDiscardedValueAreGoneWhenTheScopeEnds) {
  auto child = [](Alive, int* alive) -> Task<Alive> {
    co_await YieldNow();
    co_return Alive(alive);
  };
  auto parent = [&child](int* alive) -> Task<int> {
    auto body = [&child](Nursery& nursery, int* count) -> Task<> {
      nursery.Spawn(child, Alive(count), count);
      ChildResult<Alive> dropped = nursery.SpawnWithResult(child, Alive(count), count);
      co_return;
    };
    absl::Status status = co_await WithNursery(body, alive);
    co_return status.ok() ? *alive : -1;
  };
  EXPECT_EQ(*Run(parent(&alive_)), 0);
}

TEST_F(NurseryTest, AHundredThousandChildrenLeaveNothingBehind) {
  constexpr int kChildren = 100'000;
  auto body = [](Nursery& nursery, int* alive) -> Task<int> {
    std::size_t most = 0;
    for (int i = 0; i < kChildren; ++i) {
      nursery.Spawn(SleepWhileAlive(absl::ZeroDuration(), alive));
      most = std::max(most, nursery.live_children());
      if (i % 16 == 15) co_await YieldNow();
    }
    co_return static_cast<int>(most);
  };
  EXPECT_LE(*Run(WithNursery(body, &alive_)), 64);
  EXPECT_EQ(alive_, 0);
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

using NurseryDeathTest = NurseryTest;

TEST_F(NurseryDeathTest, LeavingAScopeAliveIsRefused) {
  EXPECT_DEATH(
      {
        const Waker waker;
        const CancelToken token;
        Context cx(waker, token, &executor_);
        auto body = [](Nursery&) -> Never<> { return Never<>(); };
        auto scope = WithNursery(body);
        (void)scope.poll(cx);
      },
      "a scope was destroyed before its end");
}

TEST_F(NurseryDeathTest, SpawningIntoAClosingScopeIsRefused) {
  EXPECT_DEATH(
      {
        auto body = [](Nursery& nursery) -> Task<> {
          nursery.Defer(
              [](Nursery* all) -> Task<> {
                all->Spawn(Never<>());
                co_return;
              },
              &nursery);
          co_return;
        };
        (void)executor_.BlockOn(WithNursery(body));
      },
      "its scope is closing; spawn from the body or from a live child");
}

}  // namespace
}  // namespace weft

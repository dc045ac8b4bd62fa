// The contract of a scope: what its result is, and that nothing that it started outlives it.
// Cancellation has a file of its own, nursery_cancel_test.cc.

#include "nursery/nursery.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/or_return.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/sleep.h"
#include "future/task.h"
#include "future/task_local.h"
#include "future/waker.h"
#include "gtest/gtest.h"
#include "nursery/test_tasks.h"

namespace weft {
namespace {

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

// A future whose move throws when `moves_left` reaches zero.
class Fragile {
 public:
  using Output = void;

  explicit Fragile(int* moves_left) : moves_left_(moves_left) {}
  Fragile(Fragile&& other) : moves_left_(other.moves_left_) {
    if (--*moves_left_ == 0) throw std::runtime_error("moved once too often");
  }

  Poll<void> poll(Context&) { return Poll<void>::Ready(); }

 private:
  int* moves_left_;
};

TEST_F(NurseryTest, AChildThatCannotBeSpawnedIsNotWaitedFor) {
  int moves_left = 0;
  int throws = 0;
  auto body = [&](Nursery& nursery) -> Task<> {
    try {
      Fragile child(&moves_left);
      nursery.Spawn(std::move(child));
    } catch (const std::runtime_error&) {
      ++throws;
    }
    co_return;
  };
  for (int moves = 1; moves <= 30; ++moves) {
    moves_left = moves;
    EXPECT_EQ(Run(WithNursery(body)), absl::OkStatus());
  }
  EXPECT_GT(throws, 3);
  EXPECT_LT(throws, 30);
}

TEST_F(NurseryTest, ABodyThatCannotBeMovedEndsTheScope) {
  int moves_left = 0;
  const Waker waker;
  const CancelToken token;
  Context cx(waker, token, &executor_);
  auto body = [](Nursery&, Fragile&&) -> Never<> { return Never<>(); };
  auto scope = WithNursery(body, Fragile(&moves_left));
  moves_left = 1;
  EXPECT_THROW((void)scope.poll(cx), std::runtime_error);
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

constexpr TaskLocal<int> kRequest;

TEST_F(NurseryTest, ChildrenAndDeferredTasksInheritTaskLocalValues) {
  std::vector<int> seen;
  auto read = [&seen]() -> Task<> {
    co_await YieldNow();
    const int* const request = co_await kRequest.Current();
    seen.push_back(request == nullptr ? -1 : *request);
  };
  auto body = [&read](Nursery& nursery) -> Task<> {
    nursery.Defer(read);
    nursery.Spawn(read);
    nursery.Spawn(
        [&read](Nursery& outer) -> Task<> {
          outer.Spawn(read);
          auto inner = WithNursery([&read](Nursery& own) -> Task<> {
            own.Spawn(WithLocal(kRequest, 2, read()));
            own.Spawn(read);
            co_return;
          });
          const absl::Status status = co_await std::move(inner);
          EXPECT_TRUE(status.ok());
        },
        std::ref(nursery));
    co_return;
  };
  EXPECT_EQ(Run(WithLocal(kRequest, 1, WithNursery(body))), absl::OkStatus());
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen, std::vector<int>({1, 1, 1, 1, 2}));
}

}  // namespace
}  // namespace weft

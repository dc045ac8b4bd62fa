// The contract of ForkJoin() and TryForkJoin() on one thread: results, failures, cancellation at
// each suspension, a fault at each await and in each allocation, depth. Children in parallel:
// runtime/coroutine_fork_test.cc.
#include "future/fork_join.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "future/await_chain.h"
#include "future/cancel.h"
#include "future/cancel_harness.h"
#include "future/context.h"
#include "future/fault_harness.h"
#include "future/finally.h"
#include "future/manual_executor.h"
#include "future/or_return.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "future/task.h"
#include "future/task_id.h"
#include "future/task_local.h"
#include "future/waker.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

using ::testing::ElementsAre;

Task<int> Now(int value) { co_return value; }
Task<int> Later(int value, int ms = 1) {
  co_await SleepFor(absl::Milliseconds(ms));
  co_return value;
}
Task<int> Throw(int ms = 0) {
  if (ms > 0) co_await SleepFor(absl::Milliseconds(ms));
  throw std::runtime_error("child");
}
Task<absl::StatusOr<int>> Answer(absl::StatusOr<int> answer, int ms = 0) {
  if (ms > 0) co_await SleepFor(absl::Milliseconds(ms));
  co_return answer;
}
Task<> Nothing() { co_return; }
template <typename Fork>
Task<typename Fork::Output> Await(Fork fork) {
  co_return co_await std::move(fork);
}

// Counts what begins and ends.
struct Log {
  int begun = 0;
  int finished = 0;
  int gone = 0;
};
struct Guard {
  explicit Guard(Log* kept_by) : log(kept_by) { ++log->begun; }
  ~Guard() { ++log->gone; }
  Log* log;
};
Task<int> Logged(Log* log, int value, int ms) {
  const Guard guard(log);
  co_await SleepFor(absl::Milliseconds(ms));
  ++log->finished;
  co_return value;
}

TEST(ForkJoinTest, GivesAllValuesInTheOrderOfTheFutures) {
  ManualExecutor executor;
  const auto body = []() -> Task<int> {
    auto [a, none, b, c] = co_await ForkJoin(Now(1), Nothing(), Later(2, 2), Later(3));
    static_assert(std::is_same_v<decltype(none), std::monostate>);
    co_return a * 100 + b * 10 + c;
  };
  EXPECT_EQ(executor.BlockOn(body()).value(), 123);
}

TEST(ForkJoinTest, GivesAVectorOfAVector) {
  ManualExecutor executor;
  std::vector<Task<int>> children;
  for (int i = 0; i < 5; ++i) children.push_back(i % 2 == 0 ? Now(i) : Later(i, 5 - i));
  EXPECT_THAT(executor.BlockOn(Await(ForkJoin(std::move(children)))).value(),
              ElementsAre(0, 1, 2, 3, 4));
  EXPECT_TRUE(executor.BlockOn(Await(ForkJoin(std::vector<Task<int>>()))).value().empty());
}

// Values with destructors, and more children than a block of the cache holds.
TEST(ForkJoinTest, GivesManyValues) {
  ManualExecutor executor;
  std::vector<Task<std::string>> children;
  const auto make = [](int i) -> Task<std::string> {
    if (i % 3 == 0) co_await SleepFor(absl::Milliseconds(i));
    co_return std::string(40, static_cast<char>('A' + i));
  };
  for (int i = 0; i < 50; ++i) children.push_back(make(i));
  auto fork = ForkJoin(std::move(children));
  const std::vector<std::string> values = *executor.BlockOn(Await(std::move(fork)));
  ASSERT_EQ(values.size(), 50u);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(values[static_cast<std::size_t>(i)], std::string(40, static_cast<char>('A' + i)));
  }
}

TEST(ForkJoinTest, ChildrenWaitAtTheSameTime) {
  ManualExecutor executor;
  const Instant begin = executor.Now();
  EXPECT_TRUE(executor.BlockOn(Await(ForkJoin(Later(1, 10), Later(2, 10), Later(3, 10)))).ok());
  EXPECT_EQ(executor.Now() - begin, absl::Milliseconds(10));
}

TEST(ForkJoinTest, AFailureKeepsTheRestFromBeginning) {
  ManualExecutor executor;
  Log log;
  EXPECT_THROW((void)executor.BlockOn(Await(ForkJoin(Throw(), Logged(&log, 1, 1)))),
               std::runtime_error);
  EXPECT_EQ(log.begun, 0);
}

TEST(ForkJoinTest, AFailureStopsTheRestAndAwaitsThem) {
  ManualExecutor executor;
  Log log;
  const Instant begin = executor.Now();
  EXPECT_THROW((void)executor.BlockOn(
                   Await(ForkJoin(Logged(&log, 1, 1'000), Throw(1), Logged(&log, 1, 1'000)))),
               std::runtime_error);
  EXPECT_EQ(executor.Now() - begin, absl::Milliseconds(1));
  EXPECT_EQ(log.begun, 2);
  EXPECT_EQ(log.gone, 2);
  EXPECT_EQ(log.finished, 0);
}

TEST(ForkJoinTest, TheFirstErrorInTimeIsTheResult) {
  ManualExecutor executor;
  EXPECT_EQ(executor.BlockOn(Await(TryForkJoin(Answer(1), Answer(2, 1)))).value(),
            std::tuple(1, 2));
  const auto both = executor.BlockOn(Await(
      TryForkJoin(Answer(absl::AbortedError("late"), 2), Answer(absl::DataLossError("early"), 1))));
  EXPECT_EQ(both.status(), absl::DataLossError("early"));
}

TEST(ForkJoinTest, AnExceptionComesBeforeAnError) {
  ManualExecutor executor;
  // Does not answer the stop, and throws after the error.
  const auto stubborn = []() -> Task<absl::StatusOr<int>> {
    co_await PollFn([left = 2](Context& cx) mutable -> Poll<int> {
      cx.waker().WakeByRef();
      if (--left > 0) return kPending;
      return 0;
    });
    throw std::runtime_error("after the error");
  };
  EXPECT_THROW(
      (void)executor.BlockOn(Await(TryForkJoin(stubborn(), Answer(absl::AbortedError("e"))))),
      std::runtime_error);
}

TEST(ForkJoinTest, AChildThatGivesWayIsPolledAgain) {
  ManualExecutor executor;
  const auto yield = []() -> Task<int> {
    co_return co_await PollFn([left = 3](Context& cx) mutable -> Poll<int> {
      if (left-- == 0) return 7;
      cx.waker().WakeByRef();
      return kPending;
    });
  };
  EXPECT_EQ(executor.BlockOn(Await(ForkJoin(yield(), yield()))).value(), std::tuple(7, 7));
}

TEST(ForkJoinTest, WakersMayOutliveTheFork) {
  ManualExecutor executor;
  Waker kept;
  const auto keep = [](Waker* waker) -> Task<int> {
    co_return co_await PollFn([waker, left = 2](Context& cx) mutable -> Poll<int> {
      *waker = cx.waker().Clone();
      if (--left == 0) return 7;
      return kPending;
    });
  };
  EXPECT_EQ(executor.BlockOn(Await(ForkJoin(keep(&kept), Now(1)))).value(), std::tuple(7, 1));
  kept.WakeByRef();
  EXPECT_EQ(executor.RunUntilStalled(), 0u);
}

TEST(ForkJoinTest, WithoutAnExecutorTheParentPollsChildrenThatWait) {
  Waker kept;
  bool is_open = false;
  const auto gate = [](bool* opened, Waker* waker, int value) -> Task<int> {
    co_return co_await PollFn([=](Context& cx) -> Poll<int> {
      *waker = cx.waker().Clone();
      if (*opened) return value;
      return kPending;
    });
  };
  Task<std::tuple<int, int>> parent = Await(ForkJoin(gate(&is_open, &kept, 1), Now(2)));
  const Waker waker;
  const CancelToken token;
  Context cx(waker, token);
  EXPECT_TRUE(parent.poll(cx).IsPending());
  is_open = true;
  EXPECT_EQ(parent.poll(cx).value(), std::tuple(1, 2));
}

TEST(ForkJoinTest, AChildThatReturnsEarlyHasAResult) {
  ManualExecutor executor;
  const auto early = [](absl::Status status, int ms) -> Task<absl::StatusOr<int>> {
    if (ms > 0) co_await SleepFor(absl::Milliseconds(ms));
    co_await OrReturn(std::move(status));
    co_return 1;
  };
  const auto end =
      executor.BlockOn(Await(ForkJoin(early(absl::AbortedError("a"), 0), early(absl::OkStatus(), 0),
                                      early(absl::DataLossError("c"), 1))));
  const auto [a, b, c] = end.value();
  EXPECT_EQ(a.status(), absl::AbortedError("a"));
  EXPECT_EQ(b.value(), 1);
  EXPECT_EQ(c.status(), absl::DataLossError("c"));
}

TEST(ForkJoinTest, ChildrenThatWaitKeepTheLocalsOfTheirParent) {
  ManualExecutor executor;
  static constexpr TaskLocal<int> kName;
  const auto child = [](int ms) -> Task<int> {
    co_await SleepFor(absl::Milliseconds(ms));
    const int* const value = co_await kName.Current();
    co_return value == nullptr ? 0 : *value;
  };
  EXPECT_EQ(executor.BlockOn(WithLocal(kName, 7, Await(ForkJoin(child(1), child(2))))).value(),
            std::tuple(7, 7));
}

TEST(ForkJoinTest, AShieldCoversTheChildren) {
  ManualExecutor executor;
  const auto parent = []() -> Task<int> {
    auto fork = ForkJoin(Later(1, 5), Later(2, 5));
    const auto [a, b] = co_await std::move(fork);
    co_return a + b;
  };
  int sum = 0;
  const auto clean_up = [&sum, &parent]() -> Task<> { sum = co_await parent(); };
  auto handle = Spawn(executor, Finally(Later(0, 1'000), clean_up()));
  executor.RunUntilStalled();
  handle.Cancel();
  EXPECT_TRUE(absl::IsCancelled(executor.BlockOn(std::move(handle)).status()));
  EXPECT_EQ(sum, 3);
}

TEST(ForkJoinTest, TheAwaitChainNamesTheTasksOfTheChildren) {
  ManualExecutor executor;
  Task<std::tuple<int, int, int>> parent = Await(ForkJoin(Later(1, 5), Now(2), Later(3, 5)));
  const Waker waker;
  Context cx(waker, executor.token(), &executor);
  ASSERT_TRUE(parent.poll(cx).IsPending());
  int tasks = 0;
  bool names_fork = false;
  VisitAwaitChain(parent, [&](const AwaitStep& step) {
    if (step.task != TaskId()) ++tasks;
    if (step.awaits.find("ForkOf") != step.awaits.npos) names_fork = true;
  });
  EXPECT_TRUE(names_fork);
  EXPECT_EQ(tasks, 2);
  executor.Advance(absl::Milliseconds(10));
  EXPECT_TRUE(parent.poll(cx).IsReady());
}

Task<int> Tree(FaultProbe* probe, Log* log, int depth) {
  const Guard guard(log);
  if (depth == 0) {
    (void)co_await probe->Await(SleepFor(absl::Milliseconds(1)));
    co_return 1;
  }
  const auto [a, b] = co_await ForkJoin(Tree(probe, log, depth - 1), Tree(probe, log, depth - 1));
  co_return a + b;
}

TEST(ForkJoinTest, EndsWhereverItIsCancelled) {
  const auto body = [](CancelProbe& probe) {
    FaultProbe no_fault;
    Log log;
    const Poll<int> end = probe.Run(Tree(&no_fault, &log, 3));
    EXPECT_TRUE(end.IsStopped() || end.IsReady());
    if (!probe.stop_requested()) {
      EXPECT_TRUE(end.IsReady());
    }
    EXPECT_EQ(log.begun, log.gone);
  };
  EXPECT_GT(CancelEverywhere(body), 0);
}

TEST(ForkJoinTest, EndsWhateverThrows) {
  const auto body = [](FaultProbe& probe) {
    Log log;
    const auto end = probe.Run(Tree(&probe, &log, 3));
    EXPECT_TRUE(end.has_value());
    EXPECT_EQ(log.begun, log.gone);
  };
  EXPECT_EQ(ThrowEverywhere(body), 8);
}

TEST(ForkJoinTest, EndsWithoutMemory) {
  const auto body = [](FaultProbe& probe) {
    Log log;
    const auto end = probe.Run(Tree(&probe, &log, 3));
    EXPECT_TRUE(end.has_value());
    EXPECT_EQ(log.begun, log.gone);
  };
  EXPECT_GT(FailAllocationsEverywhere(body), 0);
}

Task<int> Chain(int depth) {
  if (depth == 0) co_return co_await Later(0);
  auto [a, b] = co_await ForkJoin(Chain(depth - 1), Now(1));
  co_return a + b;
}

TEST(ForkJoinTest, TenThousandNestedForksNeedNoStack) {
  ManualExecutor executor;
  EXPECT_EQ(executor.BlockOn(Chain(10'000)).value(), 10'000);
}

TEST(ForkJoinTest, TenThousandNestedForksAreCancelled) {
  ManualExecutor executor;
  auto handle = Spawn(executor, Chain(10'000));
  executor.RunUntilStalled();
  handle.Cancel();
  EXPECT_TRUE(absl::IsCancelled(executor.BlockOn(std::move(handle)).status()));
}

TEST(ForkJoinDeathTest, AForkIsNotDestroyedBeforeItsEnd) {
  EXPECT_DEATH(
      {
        ManualExecutor executor;
        auto parent = std::make_unique<Task<std::tuple<int>>>(Await(ForkJoin(Later(1))));
        const Waker waker;
        const CancelToken token;
        Context cx(waker, token, &executor);
        (void)parent->poll(cx);
        parent.reset();
      },
      "a Task was destroyed while it is suspended");
}

}  // namespace
}  // namespace weft

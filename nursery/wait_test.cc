// The contracts of WaitAll, WaitAllSettled and WaitAny.

#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "future/cancel_harness.h"
#include "future/manual_executor.h"
#include "future/poll.h"
#include "future/sleep.h"
#include "future/task.h"
#include "gtest/gtest.h"
#include "nursery/wait_all.h"
#include "nursery/wait_any.h"

namespace weft {
namespace {

using IntOr = absl::StatusOr<int>;

Task<IntOr> After(int seconds, IntOr result, int* alive) {
  struct Guard {
    int* count;
    ~Guard() { --*count; }
  };
  ++*alive;
  Guard guard{alive};
  co_await SleepFor(absl::Seconds(seconds));
  co_return result;
}

Task<IntOr> ThrowAfter(int seconds) {
  co_await SleepFor(absl::Seconds(seconds));
  throw std::runtime_error("torn shoe");
}

class WaitTest : public testing::Test {
 protected:
  ~WaitTest() override { EXPECT_EQ(alive_, 0); }

  void Add(int seconds, IntOr result) { tasks_.push_back(After(seconds, result, &alive_)); }
  absl::Duration Elapsed() { return executor_.Now() - Instant(); }

  ManualExecutor executor_;
  int alive_ = 0;
  std::vector<Task<IntOr>> tasks_;
};

TEST_F(WaitTest, WaitAllGivesValuesInTheOrderOfTheFutures) {
  for (int i : {3, 1, 2}) Add(i, i * 10);
  EXPECT_EQ(*executor_.BlockOn(WaitAll(std::move(tasks_))), (std::vector<int>{30, 10, 20}));
  EXPECT_EQ(Elapsed(), absl::Seconds(3));
}

TEST_F(WaitTest, WaitAllOfNothingIsEmpty) {
  EXPECT_TRUE(executor_.BlockOn(WaitAll(std::move(tasks_)))->empty());
}

TEST_F(WaitTest, WaitAllOfVoidsGivesPlaceholders) {
  auto nothing = []() -> Task<> { co_return; };
  std::vector<Task<>> tasks;
  tasks.push_back(nothing());
  tasks.push_back(nothing());
  EXPECT_EQ(executor_.BlockOn(WaitAll(std::move(tasks)))->size(), 2u);
}

TEST_F(WaitTest, WaitAllEndsWithTheFirstErrorInTime) {
  Add(9, 1);
  Add(2, absl::NotFoundError("later"));
  Add(1, absl::AbortedError("first"));
  EXPECT_EQ(executor_.BlockOn(WaitAll(std::move(tasks_))).status(), absl::AbortedError("first"));
  EXPECT_EQ(Elapsed(), absl::Seconds(1));
}

TEST_F(WaitTest, WaitAllRethrows) {
  Add(9, 1);
  tasks_.push_back(ThrowAfter(1));
  EXPECT_THROW((void)executor_.BlockOn(WaitAll(std::move(tasks_))), std::runtime_error);
}

TEST_F(WaitTest, WaitAllSettledGivesEveryResult) {
  Add(2, 20);
  Add(1, absl::NotFoundError("no shoe"));
  absl::StatusOr<std::vector<IntOr>> results = executor_.BlockOn(WaitAllSettled(std::move(tasks_)));
  ASSERT_EQ(results->size(), 2u);
  EXPECT_EQ(*(*results)[0], 20);
  EXPECT_EQ((*results)[1].status(), absl::NotFoundError("no shoe"));
}

TEST_F(WaitTest, FirstFinishedTakesAnErrorToo) {
  Add(2, 20);
  Add(1, absl::NotFoundError("no shoe"));
  EXPECT_EQ(executor_.BlockOn(WaitAny(AnyPolicy::kFirstFinished, std::move(tasks_))).status(),
            absl::NotFoundError("no shoe"));
  EXPECT_EQ(Elapsed(), absl::Seconds(1));
}

TEST_F(WaitTest, FirstSuccessPassesErrorsAndExceptionsOver) {
  Add(1, absl::NotFoundError("no shoe"));
  tasks_.push_back(ThrowAfter(2));
  Add(3, 30);
  Add(9, 90);
  EXPECT_EQ(*executor_.BlockOn(WaitAny(AnyPolicy::kFirstSuccess, std::move(tasks_))), 30);
  EXPECT_EQ(Elapsed(), absl::Seconds(3));
}

TEST_F(WaitTest, WithoutASuccessTheFirstFailureIsTheResult) {
  Add(2, absl::AbortedError("second"));
  Add(1, absl::NotFoundError("first"));
  EXPECT_EQ(executor_.BlockOn(WaitAny(AnyPolicy::kFirstSuccess, std::move(tasks_))).status(),
            absl::NotFoundError("first"));
}

TEST_F(WaitTest, WaitAnyOfNothingIsAnError) {
  EXPECT_EQ(executor_.BlockOn(WaitAny(AnyPolicy::kFirstSuccess, std::move(tasks_))).status(),
            absl::InvalidArgumentError("WaitAny(): expected at least one future, found none"));
}

TEST(WaitCancelTest, NothingOutlivesWaitAnyOrWaitAllWhereverTheyAreCancelled) {
  CancelEverywhere([](CancelProbe& probe) {
    int alive = 0;
    auto body = [](int* count) -> Task<int> {
      std::vector<Task<IntOr>> mirrors;
      for (int i = 1; i <= 3; ++i) mirrors.push_back(After(i, i, count));
      IntOr any = co_await WaitAny(AnyPolicy::kFirstSuccess, std::move(mirrors));
      EXPECT_TRUE(any.ok()) << "a stopped await returned " << any.status();
      std::vector<Task<IntOr>> parts;
      for (int i = 1; i <= 3; ++i) parts.push_back(After(i, i, count));
      absl::StatusOr<std::vector<int>> all = co_await WaitAll(std::move(parts));
      EXPECT_TRUE(all.ok()) << "a stopped await returned " << all.status();
      std::vector<Task<IntOr>> rest;
      for (int i = 1; i <= 2; ++i) rest.push_back(After(i, i, count));
      std::vector<IntOr> settled = co_await WaitAllSettled(std::move(rest));
      for (const IntOr& each : settled) {
        EXPECT_TRUE(each.ok()) << "a stopped await returned " << each.status();
      }
      co_return *any * 100 + static_cast<int>(all->size());
    };
    Poll<int> result = probe.Run(body(&alive));
    EXPECT_EQ(alive, 0);
    EXPECT_EQ(probe.executor().live_tasks(), 0u);
    if (result.IsReady()) EXPECT_EQ(result.value(), 103);
    if (!probe.stop_requested()) EXPECT_TRUE(result.IsReady());
  });
}

}  // namespace
}  // namespace weft

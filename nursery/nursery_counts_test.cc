// Goal: what the process counts of scopes (//future:process_counts) is what they did.

#include <cstdint>
#include <stdexcept>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "future/poll_fn.h"
#include "future/process_counts.h"
#include "future/sleep.h"
#include "future/task.h"
#include "gtest/gtest.h"
#include "nursery/nursery.h"
#include "nursery/test_tasks.h"

namespace weft {
namespace {

struct Scopes {
  uint64_t opened, closed, waited, cancelled, children;
  bool operator==(const Scopes&) const = default;
};

class NurseryCountsTest : public NurseryTest {
 public:
  // What was counted since the test began.
  Scopes Since() const {
    const ProcessCounts now = ReadProcessCounts();
    const auto since = [&](ProcessCount which) { return now[which] - begin_[which]; };
    return {since(ProcessCount::kScopesOpened), since(ProcessCount::kScopesClosed),
            since(ProcessCount::kScopesWaited), since(ProcessCount::kScopesCancelled),
            since(ProcessCount::kScopeChildrenSpawned)};
  }

 private:
  const ProcessCounts begin_ = ReadProcessCounts();
};

TEST_F(NurseryCountsTest, AScopeWithoutChildrenDoesNotWait) {
  auto body = [](Nursery&) -> Task<> { co_return; };
  EXPECT_EQ(Run(WithNursery(body)), absl::OkStatus());
  EXPECT_EQ(Since(), (Scopes{1, 1, 0, 0, 0}));
}

TEST_F(NurseryCountsTest, AScopeThatIsNeverPolledIsNone) {
  auto body = [](Nursery&) -> Task<> { co_return; };
  {
    auto scope = WithNursery(body);
  }
  EXPECT_EQ(Since(), (Scopes{0, 0, 0, 0, 0}));
}

TEST_F(NurseryCountsTest, AWaitIsCountedOnceHoweverManyChildrenThereAre) {
  auto body = [](Nursery& nursery, int* alive) -> Task<> {
    for (int seconds : {1, 3, 2}) nursery.Spawn(SleepWhileAlive(absl::Seconds(seconds), alive));
    co_return;
  };
  EXPECT_EQ(Run(WithNursery(body, &alive_)), absl::OkStatus());
  EXPECT_EQ(Since(), (Scopes{1, 1, 1, 0, 3}));
}

TEST_F(NurseryCountsTest, AScopeThatIsAliveIsOpenAndNotClosed) {
  auto body = [](Nursery& nursery, const NurseryCountsTest* test) -> Task<> {
    nursery.Spawn(Ready(1));
    EXPECT_EQ(test->Since(), (Scopes{1, 0, 0, 0, 1}));
    co_return;
  };
  EXPECT_EQ(Run(WithNursery(body, this)), absl::OkStatus());
  EXPECT_EQ(Since(), (Scopes{1, 1, 1, 0, 1}));
}

TEST_F(NurseryCountsTest, ACancelledScopeIsCountedOnceHoweverOftenItIsCancelled) {
  auto body = [](Nursery& nursery, int* alive) -> Task<> {
    nursery.Spawn(SleepWhileAlive(absl::Hours(1), alive));
    nursery.Spawn(FailAfter(absl::Seconds(1), "an error cancels too"));
    co_await SleepFor(absl::Seconds(2));
    nursery.Cancel();
    nursery.Cancel();
  };
  EXPECT_FALSE(Run(WithNursery(body, &alive_)).ok());
  EXPECT_EQ(Since(), (Scopes{1, 1, 0, 1, 2}));
}

TEST_F(NurseryCountsTest, AScopeBelowACancelledOneIsCancelledToo) {
  auto inner = [](Nursery&) -> Task<> { co_await SleepFor(absl::Hours(1)); };
  auto outer = [&inner](Nursery& nursery) -> Task<> {
    nursery.Spawn(WithNursery(inner));
    co_await SleepFor(absl::Seconds(1));
    nursery.Cancel();
  };
  EXPECT_EQ(Run(WithNursery(outer)), absl::OkStatus());
  EXPECT_EQ(Since(), (Scopes{2, 2, 1, 2, 1}));
}

struct ThrowsWhenMoved {
  ThrowsWhenMoved() = default;
  ThrowsWhenMoved(ThrowsWhenMoved&& other) : moves(other.moves + 1) {
    if (moves == kLast) throw std::runtime_error("moved");
  }
  static constexpr int kLast = 3;
  int moves = 0;
};

TEST_F(NurseryCountsTest, AScopeThatCannotBeginIsClosedAllTheSame) {
  auto body = [](Nursery&, ThrowsWhenMoved) -> Task<> { co_return; };
  auto scope = [&]() -> Task<> {
    auto future = WithNursery(body, ThrowsWhenMoved());
    (void)co_await std::move(future);
  };
  EXPECT_THROW((void)Run(scope()), std::runtime_error);
  EXPECT_EQ(Since(), (Scopes{1, 1, 0, 0, 0}));
}

}  // namespace
}  // namespace weft

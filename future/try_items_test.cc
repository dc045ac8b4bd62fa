// Goal: what the streams and ends of try_items.h make of exceptions and errors, and that the first
// error closes the stream, which refuses misuse. everywhere_streams_test.cc has the places where
// they may be stopped or fail.
#include "future/try_items.h"

#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "future/poll.h"
#include "future/scripted.h"
#include "future/stream.h"
#include "future/stream_ops.h"
#include "future/try.h"
#include "gtest/gtest.h"
#include "tools/stress/allocations.h"

namespace weft {
namespace {

using Ints = std::vector<int>;

class TryItemsTest : public ScriptedTest {
 protected:
  ScriptedCounter First(int count) { return ScriptedCounter(count, &is_first_finished_); }
  ScriptedCounter Second(int count) { return ScriptedCounter(count, &is_second_finished_); }

  bool AreBothFinished() const { return is_first_finished_ && is_second_finished_; }

  bool is_first_finished_ = false;
  bool is_second_finished_ = false;
};

int ThrowAt2(int n) {
  if (n == 2) throw std::runtime_error("two");
  return n;
}

TEST_F(TryItemsTest, TryMakesTheExceptionTheLastItem) {
  const auto items = *executor_.BlockOn(Collect(TryItems(MapItems(First(9), ThrowAt2))));
  ASSERT_EQ(items.size(), 2u);
  EXPECT_TRUE(items[0].ok());
  EXPECT_EQ(items[1].status().message(), "an exception was thrown: two");
}

absl::StatusOr<int> ErrorAt3(int n) {
  return n < 3 ? absl::StatusOr<int>(n) : absl::OutOfRangeError("three");
}

TEST_F(TryItemsTest, TryCollectEndsWithTheFirstError) {
  EXPECT_EQ(*executor_.BlockOn(TryCollect(MapItems(First(2), ErrorAt3))), (Ints{1, 2}));
  EXPECT_EQ(executor_.BlockOn(TryCollect(MapItems(Second(9), ErrorAt3))).status().message(),
            "three");
  EXPECT_TRUE(AreBothFinished());
}

TEST_F(TryItemsTest, TryForEachEndsWithTheFirstError) {
  Ints seen;
  const auto visit = [&seen](int n) {
    seen.push_back(n);
    return ErrorAt3(n);
  };
  EXPECT_EQ(executor_.BlockOn(TryForEach(First(2), visit)), absl::OkStatus());
  EXPECT_EQ(executor_.BlockOn(TryForEach(Second(9), visit)).message(), "three");
  EXPECT_EQ(seen, (Ints{1, 2, 1, 2, 3}));
  EXPECT_TRUE(AreBothFinished());
  is_first_finished_ = is_second_finished_ = false;
  // An error among the items does the same, and is not shown to the function.
  const auto keep = [&seen](int n) { return seen.push_back(n), absl::OkStatus(); };
  seen.clear();
  EXPECT_EQ(executor_.BlockOn(TryForEach(MapItems(First(9), ErrorAt3), keep)).message(), "three");
  EXPECT_EQ(seen, (Ints{1, 2}));
  const auto throws = [](int n) -> absl::Status { return ThrowAt2(n), absl::OkStatus(); };
  EXPECT_THROW((void)executor_.BlockOn(TryForEach(Second(9), throws)), std::runtime_error);
  EXPECT_TRUE(AreBothFinished());
}

TEST_F(TryItemsTest, AnErrorThatCameBeforeAStopIsTheResult) {
  auto visit = TryForEach(First(9), &ErrorAt3);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(Poll(visit).IsPending());
  EXPECT_FALSE(is_first_finished_);  // closed at the second request only
  EXPECT_EQ(PollStopped(visit).value().message(), "three");
  EXPECT_TRUE(is_first_finished_);
  auto none = TryForEach(Second(9), &ErrorAt3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Poll(none).IsPending());
  EXPECT_TRUE(PollStopped(none).IsPending());
  EXPECT_TRUE(PollStopped(none).IsStopped());
}

TEST_F(TryItemsTest, TryFoldGivesTheLastStateOrTheFirstError) {
  const auto add = [](int sum, int n) -> absl::StatusOr<int> {
    if (n == 3) return absl::OutOfRangeError("three");
    return sum + n;
  };
  EXPECT_EQ(*executor_.BlockOn(TryFold(First(2), 10, add)), 13);
  EXPECT_EQ(executor_.BlockOn(TryFold(Second(9), 10, add)).status().message(), "three");
  EXPECT_TRUE(AreBothFinished());
  is_first_finished_ = false;
  // Of items that may be errors, by a function that never fails, with a state that only moves.
  const auto keep = [](std::unique_ptr<int>, int n) { return std::make_unique<int>(n); };
  EXPECT_EQ(**executor_.BlockOn(
                TryFold(MapItems(FromRange(Ints{1, 2}), ErrorAt3), keep(nullptr, 0), keep)),
            2);
  auto failing = TryFold(MapItems(First(9), ErrorAt3), keep(nullptr, 0), keep);
  EXPECT_EQ(executor_.BlockOn(std::move(failing)).status().message(), "three");
  EXPECT_TRUE(is_first_finished_);
}

TEST_F(TryItemsTest, AFusedStreamMayBePolledAfterItsEnd) {
  auto fused = FuseItems(First(0));
  while (Poll(fused).IsPending()) {
  }
  EXPECT_TRUE(fused.IsFinished());
  EXPECT_FALSE(Poll(fused).value().has_value());
  EXPECT_TRUE(PollStopped(fused).IsStopped());
}

TEST_F(TryItemsTest, NothingIsAllocatedForAnItem) {
  auto visit = TryForEach(MapItems(First(100), [](int n) { return absl::StatusOr<int>(n); }),
                          [](int) { return absl::OkStatus(); });
  auto sum = TryFold(Second(100), 0, [](int x, int n) { return absl::StatusOr<int>(x + n); });
  const auto before = stress::AllocationCount();
  while (Poll(visit).IsPending()) {
  }
  while (Poll(sum).IsPending()) {
  }
  EXPECT_EQ(stress::AllocationCount(), before);
}

}  // namespace
}  // namespace weft

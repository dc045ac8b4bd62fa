// The three policies for missed ticks, and the ends of time.
#include "timer/interval.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "absl/time/time.h"
#include "base/instant.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

Instant At(int64_t nanos) { return Instant::FromNanos(nanos); }

// The example of interval.h: a period of 10, the tick of 10 fires at 25, what follows on time.
std::vector<int64_t> AfterFiringAt25(MissedTicks policy) {
  Interval interval(At(10), absl::Nanoseconds(10), policy);
  std::vector<int64_t> deadlines;
  Instant now = At(25);
  for (int i = 0; i < 3; ++i) {
    deadlines.push_back(interval.Next(now).nanos());
    now = std::max(now, interval.deadline());
  }
  return deadlines;
}

TEST(IntervalTest, SkipDropsMissedTicksAndKeepsTheGrid) {
  EXPECT_EQ(AfterFiringAt25(MissedTicks::kSkip), (std::vector<int64_t>{30, 40, 50}));
}

TEST(IntervalTest, DelayNeverFiresTwiceWithinAPeriod) {
  EXPECT_EQ(AfterFiringAt25(MissedTicks::kDelay), (std::vector<int64_t>{35, 45, 55}));
}

TEST(IntervalTest, BurstFiresEachTick) {
  EXPECT_EQ(AfterFiringAt25(MissedTicks::kBurst), (std::vector<int64_t>{20, 30, 40}));
}

TEST(IntervalTest, OnTimeAllPoliciesAgree) {
  for (const MissedTicks policy : {MissedTicks::kSkip, MissedTicks::kDelay, MissedTicks::kBurst}) {
    Interval interval(At(-5), absl::Nanoseconds(3), policy);
    for (int64_t due = -5; due < 40; due += 3) {
      EXPECT_EQ(interval.deadline(), At(due));
      EXPECT_EQ(interval.Next(At(due)), At(due + 3));
    }
    EXPECT_EQ(interval.skipped(), 0u);
  }
}

// A timer that is exactly one period late has missed nothing that Skip drops: that tick is due now.
TEST(IntervalTest, SkipAtTheNextTickItselfCountsItAsMissed) {
  Interval interval(At(10), absl::Nanoseconds(10));
  EXPECT_EQ(interval.Next(At(20)), At(30));
  EXPECT_EQ(interval.skipped(), 1u);
}

// Ten million ticks were missed; a loop that replays them would be a storm, and one that counts
// them up one by one would take as long.
TEST(IntervalTest, Regression_ASuspendedMachineDoesNotReplayWhatItMissed) {
  Interval interval(At(0), absl::Milliseconds(1));
  const Instant late = At(0) + absl::Seconds(10'000) + absl::Microseconds(300);
  EXPECT_EQ(interval.Next(late), At(0) + absl::Seconds(10'000) + absl::Milliseconds(1));
  EXPECT_EQ(interval.skipped(), 10'000'000u);
}

TEST(IntervalTest, AFiringBeforeTheDeadlineCountsAsOnTime) {
  for (const MissedTicks policy : {MissedTicks::kSkip, MissedTicks::kDelay, MissedTicks::kBurst}) {
    Interval interval(At(100), absl::Nanoseconds(10), policy);
    EXPECT_EQ(interval.Next(At(3)), At(110));
  }
}

TEST(IntervalTest, TheEndOfTimeSaturates) {
  constexpr int64_t kLast = std::numeric_limits<int64_t>::max();
  for (const MissedTicks policy : {MissedTicks::kSkip, MissedTicks::kDelay, MissedTicks::kBurst}) {
    Interval interval(At(kLast - 5), absl::Nanoseconds(10), policy);
    EXPECT_EQ(interval.Next(At(kLast - 3)), Instant::InfiniteFuture());
  }
  Interval wide(Instant::InfinitePast(), absl::Hours(1));
  const Instant next = wide.Next(At(kLast - 1));
  EXPECT_GT(next, At(kLast - 1));
}

TEST(IntervalTest, SkipEqualsCountingUpOneByOne) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 2'000; ++i) {
    const auto first = static_cast<int64_t>(random() % 1000) - 500;
    const auto period = static_cast<int64_t>(random() % 50) + 1;
    const auto now = static_cast<int64_t>(random() % 3000) - 500;
    Interval interval(At(first), absl::Nanoseconds(period));
    int64_t expected = first + period;
    while (expected <= now) expected += period;
    ASSERT_EQ(interval.Next(At(now)), At(expected)) << first << " " << period << " " << now;
  }
}

TEST(IntervalDeathTest, APeriodOfNothingIsRefused) {
  EXPECT_DEATH(Interval(At(0), absl::ZeroDuration()), "at least a nanosecond and finite, found 0");
  EXPECT_DEATH(Interval(At(0), absl::InfiniteDuration()), "at least a nanosecond and finite");
}

}  // namespace
}  // namespace weft

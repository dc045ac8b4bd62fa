// What a wheel costs its caller: work per Advance, wake-ups, slack, what it counts.
#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "absl/time/time.h"
#include "base/instant.h"
#include "gtest/gtest.h"
#include "timer/timer_wheel.h"

namespace weft {
namespace {

constexpr Instant kStart = Instant::FromNanos(987'654'321);

Instant At(int64_t ms) { return kStart + absl::Milliseconds(ms); }

struct Timer : TimerEntry {
  int number = 0;
};

std::vector<Timer> MakeTimers(int count) {
  std::vector<Timer> timers(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) timers[static_cast<size_t>(i)].number = i;
  return timers;
}

std::vector<int> PopAll(TimerWheel* wheel) {
  std::vector<int> numbers;
  while (TimerEntry* const entry = wheel->PopExpired()) {
    numbers.push_back(static_cast<Timer*>(entry)->number);
  }
  return numbers;
}

// ---- Budget.

TEST(TimerWheelBudgetTest, AnAdvanceDoesNoMoreThanItsBudgetAndSaysSo) {
  TimerWheel wheel(kStart);
  std::vector<Timer> timers = MakeTimers(10'000);
  for (Timer& timer : timers) wheel.Arm(&timer, At(300 + timer.number % 7));
  std::vector<int> popped;
  int calls = 0;
  while (wheel.Advance(At(400), 100) == AdvanceResult::kMoreToDo) {
    ++calls;
    EXPECT_LE(wheel.NextDeadline(), At(400)) << "the rest stays due";
    const uint64_t before = wheel.stats().cascaded;
    const std::vector<int> part = PopAll(&wheel);
    popped.insert(popped.end(), part.begin(), part.end());
    EXPECT_EQ(wheel.stats().cascaded, before) << "popping moves nothing";
    EXPECT_LE(before, static_cast<uint64_t>(calls) * 160);
  }
  EXPECT_GE(calls, 10'000 / 160);
  const std::vector<int> part = PopAll(&wheel);
  popped.insert(popped.end(), part.begin(), part.end());
  EXPECT_EQ(popped.size(), timers.size());
  EXPECT_EQ(std::set<int>(popped.begin(), popped.end()).size(), timers.size());
}

// While a slot is being moved down, the wheel is armed for the same ticks: order must hold.
TEST(TimerWheelBudgetTest, WhatIsArmedBetweenTwoPartsKeepsTheOrderOfArming) {
  TimerWheel wheel(kStart);
  std::vector<Timer> timers = MakeTimers(1'000);
  std::vector<Timer> later = MakeTimers(200);
  for (Timer& timer : timers) wheel.Arm(&timer, At(600));
  size_t armed = 0;
  while (wheel.Advance(At(550), 30) == AdvanceResult::kMoreToDo) {
    later[armed].number = 1'000 + static_cast<int>(armed);
    wheel.Arm(&later[armed++], At(600));
    EXPECT_EQ(wheel.PopExpired(), nullptr) << "nothing is due at 550";
  }
  ASSERT_GT(armed, 1u);
  EXPECT_EQ(wheel.NextDeadline(), At(600));
  EXPECT_EQ(wheel.Advance(At(600)), AdvanceResult::kCaughtUp);
  const std::vector<int> popped = PopAll(&wheel);
  ASSERT_EQ(popped.size(), 1'000 + armed);
  for (size_t i = 0; i < popped.size(); ++i) ASSERT_EQ(popped[i], static_cast<int>(i));
}

TEST(TimerWheelBudgetTest, AllOfAHalfMovedSlotCanBeCancelled) {
  TimerWheel wheel(kStart);
  std::vector<Timer> timers = MakeTimers(1'000);
  for (Timer& timer : timers) wheel.Arm(&timer, At(600 + timer.number % 50));
  ASSERT_EQ(wheel.Advance(At(600), 100), AdvanceResult::kMoreToDo);
  for (Timer& timer : timers) EXPECT_TRUE(wheel.Cancel(&timer));
  EXPECT_EQ(wheel.size(), 0u);
  EXPECT_EQ(wheel.Advance(At(700), 1), AdvanceResult::kCaughtUp);
  EXPECT_EQ(wheel.PopExpired(), nullptr);
  EXPECT_EQ(wheel.NextDeadline(), Instant::InfiniteFuture());
}

// A suspended machine: an hour was slept through, with a timer in each tick of it.
TEST(TimerWheelBudgetTest, ALateAdvanceOverManyTicksIsCutIntoParts) {
  TimerWheel wheel(kStart);
  std::vector<Timer> timers = MakeTimers(20'000);
  for (Timer& timer : timers) wheel.Arm(&timer, At(1 + timer.number));
  int next = 0;
  while (next < 20'000) {
    wheel.Advance(At(3'600'000), 64);
    for (const int number : PopAll(&wheel)) ASSERT_EQ(number, next++);
  }
  EXPECT_EQ(wheel.stats().max_lateness_ticks, 3'600'000u - 1);
}

// ---- Slack.

TEST(TimerWheelSlackTest, ATimerExpiresBetweenItsDeadlineAndDeadlinePlusSlack) {
  for (int64_t slack_us : {0, 1, 999, 1'000, 1'001, 5'000, 70'000, 1'000'000, 90'000'000}) {
    for (int64_t deadline_us : {1, 999, 1'000, 1'001, 255'500, 256'000, 65'535'999, 70'000'001}) {
      TimerWheel wheel(kStart);
      Timer timer;
      const Instant deadline = kStart + absl::Microseconds(deadline_us);
      const absl::Duration slack = absl::Microseconds(slack_us);
      wheel.Arm(&timer, deadline, slack);
      wheel.Advance(deadline - absl::Nanoseconds(1));
      ASSERT_EQ(wheel.PopExpired(), nullptr) << "early";
      wheel.Advance(deadline + std::max(slack, absl::Milliseconds(1)));
      ASSERT_EQ(wheel.PopExpired(), &timer) << deadline_us << " us, slack " << slack_us << " us";
    }
  }
}

// How often a loop that sleeps until NextDeadline() wakes.
int Wakes(TimerWheel* wheel) {
  int wakes = 0;
  while (wheel->size() > 0) {
    const Instant now = wheel->NextDeadline();
    wheel->Advance(now);
    while (wheel->PopExpired() != nullptr) {
    }
    ++wakes;
  }
  return wakes;
}

TEST(TimerWheelSlackTest, TimersWithSlackShareWakeUps) {
  TimerWheel punctual(kStart), relaxed(kStart);
  std::vector<Timer> a = MakeTimers(1'000), b = MakeTimers(1'000);
  for (int i = 0; i < 1'000; ++i) {
    const Instant deadline = At(10'000 + i);
    punctual.Arm(&a[static_cast<size_t>(i)], deadline);
    relaxed.Arm(&b[static_cast<size_t>(i)], deadline, absl::Milliseconds(250));
  }
  EXPECT_EQ(Wakes(&punctual), 1'000);
  // Each window of 250 ms has a multiple of 128 ms.
  EXPECT_LE(Wakes(&relaxed), 11);
}

TEST(TimerWheelSlackTest, InfinityAndThePastStayWhatTheyAre) {
  TimerWheel wheel(kStart);
  Timer never, past, patient;
  wheel.Arm(&never, Instant::InfiniteFuture(), absl::Hours(1));
  wheel.Arm(&past, kStart - absl::Hours(1), absl::Hours(9));
  wheel.Arm(&patient, At(1), absl::InfiniteDuration());
  wheel.Advance(kStart);
  EXPECT_EQ(wheel.PopExpired(), &past);
  EXPECT_EQ(wheel.PopExpired(), nullptr);
  wheel.Advance(Instant::InfiniteFuture());
  EXPECT_EQ(wheel.PopExpired(), &patient) << "any time is allowed, never is not";
  EXPECT_TRUE(wheel.Cancel(&never));
}

// ---- Wake-ups and statistics.

TEST(TimerWheelStatsTest, ACancelledMinimumCostsAtMostOneEarlyWake) {
  TimerWheel wheel(kStart);
  Timer kept;
  std::vector<Timer> cancelled = MakeTimers(5);
  wheel.Arm(&kept, At(3'600'000));
  // Each is the earliest of its slot for a while, at several levels.
  for (Timer& timer : cancelled) wheel.Arm(&timer, At(3'500'000 - 777 * timer.number));
  for (Timer& timer : cancelled) wheel.Cancel(&timer);
  int wakes = 0;
  while (wheel.size() > 0) {
    wheel.Advance(wheel.NextDeadline());
    wheel.PopExpired();
    ++wakes;
  }
  EXPECT_LE(wakes, 6);
  EXPECT_EQ(wheel.stats().early_wakes, static_cast<uint64_t>(wakes) - 1);
}

TEST(TimerWheelStatsTest, WithoutCancellationsThereAreNoEarlyWakes) {
  TimerWheel wheel(kStart);
  std::vector<Timer> timers = MakeTimers(3'000);
  uint64_t when = 1;
  for (Timer& timer : timers) {
    when = when * 2862933555777941757u + 3037000493u;
    wheel.Arm(&timer, At(1 + static_cast<int64_t>(when >> 40)));
  }
  EXPECT_LE(Wakes(&wheel), 3'000);
  EXPECT_EQ(wheel.stats().early_wakes, 0u);
  EXPECT_EQ(wheel.stats().max_lateness_ticks, 0u);
}

TEST(TimerWheelStatsTest, CountsWhatHappened) {
  TimerWheel wheel(kStart);
  Timer a, b, c;
  wheel.Arm(&a, At(10));
  wheel.Arm(&a, At(20));
  wheel.Arm(&b, At(300));
  wheel.Arm(&c, At(400));
  wheel.Cancel(&c);
  wheel.Cancel(&c);
  wheel.Advance(At(25));
  EXPECT_EQ(wheel.PopExpired(), &a);
  wheel.Advance(At(301));
  EXPECT_EQ(wheel.PopExpired(), &b);
  const TimerStats stats = wheel.stats();
  EXPECT_EQ(stats.armed, 4u);
  EXPECT_EQ(stats.cancelled, 1u);
  EXPECT_EQ(stats.fired, 2u);
  EXPECT_EQ(stats.cascaded, 1u);
  EXPECT_EQ(stats.early_wakes, 0u);
  EXPECT_EQ(stats.max_lateness_ticks, 5u);
}

TEST(TimerWheelStatsTest, NextDeadlineIsExactAtEachLevelRightAfterArming) {
  TimerWheel wheel(kStart);
  std::vector<Timer> timers = MakeTimers(40);
  int64_t ms = int64_t{1} << 40;
  for (Timer& timer : timers) {
    wheel.Arm(&timer, At(ms + 3));
    EXPECT_EQ(wheel.NextDeadline(), At(ms + 3));
    ms /= 2;
  }
  for (Timer& timer : timers) wheel.Cancel(&timer);
  EXPECT_EQ(wheel.NextDeadline(), Instant::InfiniteFuture());
}

}  // namespace
}  // namespace weft

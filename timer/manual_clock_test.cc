// The clock itself, and a wheel that it drives through an hour.
#include "timer/manual_clock.h"

#include <cstdint>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "base/instant.h"
#include "gtest/gtest.h"
#include "timer/interval.h"
#include "timer/timer_wheel.h"

namespace weft {
namespace {

TEST(ManualClockTest, MovesOnlyByHand) {
  ManualClock clock(Instant::FromNanos(7));
  EXPECT_EQ(clock.Now(), Instant::FromNanos(7));
  clock.Advance(absl::Nanoseconds(3));
  clock.Set(Instant::FromNanos(10));
  EXPECT_EQ(clock.Now(), Instant::FromNanos(10));
}

TEST(ManualClockTest, WhatHappenedBeforeIsVisibleToWhoSeesTheTime) {
  ManualClock clock;
  int data = 0;
  std::thread mover([&] {
    data = 42;
    clock.Advance(absl::Seconds(1));
  });
  while (clock.Now() == Instant()) std::this_thread::yield();
  EXPECT_EQ(data, 42);
  mover.join();
}

TEST(ManualClockTest, EachTimerSeesTheTimeThatItWasArmedFor) {
  ManualClock clock;
  TimerWheel wheel(clock.Now());
  TimerEntry once, periodic;
  Interval interval(clock.Now() + absl::Minutes(10), absl::Minutes(10));
  wheel.Arm(&once, clock.Now() + absl::Minutes(25));
  wheel.Arm(&periodic, interval.deadline());
  std::vector<double> minutes;
  const int64_t expired =
      clock.AdvanceThrough(&wheel, clock.Now() + absl::Hours(1), [&](TimerEntry* timer) {
        minutes.push_back(absl::ToDoubleMinutes(clock.Now() - Instant()));
        if (timer == &periodic) wheel.Arm(&periodic, interval.Next(clock.Now()));
      });
  EXPECT_EQ(minutes, (std::vector<double>{10, 20, 25, 30, 40, 50, 60}));
  EXPECT_EQ(expired, 7);
  EXPECT_EQ(clock.Now(), Instant() + absl::Hours(1));
  EXPECT_TRUE(wheel.Cancel(&periodic));
}

TEST(ManualClockTest, ReachesTheEndOfTime) {
  ManualClock clock;
  TimerWheel wheel(clock.Now());
  TimerEntry never, timer;
  wheel.Arm(&never, Instant::InfiniteFuture());
  wheel.Arm(&timer, Instant() + absl::Hours(24 * 365 * 100));
  EXPECT_EQ(clock.AdvanceThrough(&wheel, Instant::InfiniteFuture(), [](TimerEntry*) {}), 1);
  EXPECT_EQ(clock.Now(), Instant::InfiniteFuture());
  EXPECT_TRUE(wheel.Cancel(&never));
}

TEST(ManualClockDeathTest, GoingBackIsRefused) {
  ManualClock clock(Instant::FromNanos(10));
  EXPECT_DEATH(clock.Set(Instant::FromNanos(9)),
               "a monotonic clock never goes back; it is 10 ns, asked for 9 ns");
}

}  // namespace
}  // namespace weft

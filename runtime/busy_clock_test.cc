// Goal: busy time is the time between starts and pauses, and never falls, whenever it is read.
#include "runtime/internal/busy_clock.h"

#include <cstdint>

#include "absl/time/time.h"
#include "base/instant.h"
#include "gtest/gtest.h"

namespace weft::runtime_internal {
namespace {

Instant At(int64_t nanos) { return Instant::FromNanos(nanos); }

absl::Duration ReadAt(const BusyClock& clock, int64_t nanos) {
  return clock.Read([nanos] { return At(nanos); });
}

TEST(BusyClockTest, PausesDoNotCount) {
  BusyClock clock(At(100));
  EXPECT_EQ(ReadAt(clock, 100), absl::ZeroDuration());
  EXPECT_EQ(ReadAt(clock, 130), absl::Nanoseconds(30));
  clock.Pause(At(140));
  EXPECT_EQ(ReadAt(clock, 500), absl::Nanoseconds(40));
  EXPECT_EQ(clock.Resume(At(1000)), absl::Nanoseconds(860));
  EXPECT_EQ(ReadAt(clock, 1000), absl::Nanoseconds(40));
  EXPECT_EQ(ReadAt(clock, 1005), absl::Nanoseconds(45));
}

TEST(BusyClockTest, APauseThatComesAtOnceIsOne) {
  BusyClock clock(At(0));
  clock.Pause(At(0));
  EXPECT_EQ(ReadAt(clock, 7), absl::ZeroDuration());
  EXPECT_EQ(clock.Resume(At(10)), absl::Nanoseconds(10));
  EXPECT_EQ(ReadAt(clock, 12), absl::Nanoseconds(2));
}

TEST(BusyClockTest, PausingTwiceIsOnePause) {
  BusyClock clock(At(0));
  clock.Pause(At(5));
  clock.Pause(At(8));
  EXPECT_EQ(clock.Resume(At(10)), absl::Nanoseconds(2));
  EXPECT_EQ(ReadAt(clock, 11), absl::Nanoseconds(6));
}

// The worker pauses, or goes on, right when the reader looks at the clock, before or after.
TEST(BusyClockTest, AReaderIsNotFooledByWhatHappensWhileItReads) {
  BusyClock clock(At(0));
  int calls = 0;
  const absl::Duration paused = clock.Read([&] {
    if (++calls == 1) clock.Pause(At(10));
    return At(1000);
  });
  EXPECT_EQ(paused, absl::Nanoseconds(10));
  EXPECT_EQ(calls, 2);
  const absl::Duration resumed = clock.Read([&] {
    if (++calls == 3) clock.Resume(At(2000));
    return At(2000 + calls - 3);
  });
  EXPECT_EQ(resumed, absl::Nanoseconds(11));
  EXPECT_EQ(calls, 4);
}

TEST(BusyClockTest, DoesNotFallWhenAPauseIsNotedLate) {
  BusyClock clock(At(0));
  EXPECT_EQ(ReadAt(clock, 12), absl::Nanoseconds(12));
  clock.Pause(At(10));
  EXPECT_EQ(ReadAt(clock, 50), absl::Nanoseconds(12));
  clock.Resume(At(60));
  EXPECT_EQ(ReadAt(clock, 61), absl::Nanoseconds(12));
  EXPECT_EQ(ReadAt(clock, 65), absl::Nanoseconds(15));
}

}  // namespace
}  // namespace weft::runtime_internal

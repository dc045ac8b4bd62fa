// Goal: what a parker counts.
#include "parker/park_stats.h"

#include <thread>

#include "absl/time/time.h"
#include "base/instant.h"
#include "gtest/gtest.h"
#include "parker/parker.h"

namespace weft {
namespace {

TEST(ParkStatsTest, CountsWhatTheParkerDid) {
  ParkStats stats;
  Parker parker({.stats = &stats});
  parker.unparker().Unpark();
  parker.Park();
  EXPECT_EQ(stats.Read().waits, 0u);  // A token that is there is not counted.
  EXPECT_EQ(parker.ParkUntil(MonotonicNow() + absl::Microseconds(50)), ParkResult::kDeadline);
  EXPECT_EQ(stats.Read().waits, 1u);
  EXPECT_GE(stats.Read().sleeps, 1u);
  EXPECT_EQ(stats.wake_latency().count(), 0u);  // Nobody woke it.
  std::thread other([&, before = stats.Read().sleeps, unparker = parker.unparker()] {
    while (stats.Read().sleeps <= before) std::this_thread::yield();
    unparker.Unpark();
  });
  parker.Park();
  other.join();
  EXPECT_EQ(stats.Read().waits, 2u);
  EXPECT_LE(stats.wake_latency().count(), 1u);  // 0 if the token came before the sleep.
}

TEST(ParkStatsTest, CountsAResumedSleepAsEndedEarly) {
  ParkStats stats;
  stats.CountSleep(false);
  stats.CountSleep(true);
  EXPECT_EQ(stats.Read().sleeps, 2u);
  EXPECT_EQ(stats.Read().early_wakes, 1u);
}

}  // namespace
}  // namespace weft

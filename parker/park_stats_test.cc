// Goal: what a parker counts, and the arithmetic of its histogram.
#include "parker/park_stats.h"

#include <cstdint>
#include <thread>

#include "absl/time/time.h"
#include "base/instant.h"
#include "gtest/gtest.h"
#include "parker/parker.h"

namespace weft {
namespace {

TEST(LatencyHistogramTest, IsZeroWhenNothingWasRecorded) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.Quantile(0.5), absl::ZeroDuration());
}

TEST(LatencyHistogramTest, QuantileIsNeverTooLowAndAtMostAnEighthTooHigh) {
  for (int64_t ns = 0; ns < 20'000'000'000; ns += 1 + ns / 9) {
    LatencyHistogram histogram;
    histogram.Record(absl::Nanoseconds(ns));
    const int64_t found = absl::ToInt64Nanoseconds(histogram.Quantile(0.5));
    EXPECT_GE(found, ns);
    EXPECT_LE(found, ns + ns / 8);
  }
}

TEST(LatencyHistogramTest, QuantilesCutWhereTheySay) {
  LatencyHistogram histogram;
  for (int i = 0; i < 99; ++i) histogram.Record(absl::Nanoseconds(5));
  histogram.Record(absl::Microseconds(100));
  EXPECT_EQ(histogram.count(), 100u);
  EXPECT_EQ(histogram.Quantile(0), absl::Nanoseconds(5));
  EXPECT_EQ(histogram.Quantile(0.99), absl::Nanoseconds(5));
  EXPECT_GE(histogram.Quantile(0.991), absl::Microseconds(100));
  EXPECT_GE(histogram.Quantile(1), absl::Microseconds(100));
}

TEST(LatencyHistogramTest, TakesWhatIsOutOfItsRange) {
  LatencyHistogram histogram;
  histogram.Record(-absl::Seconds(1));
  EXPECT_EQ(histogram.Quantile(1), absl::ZeroDuration());
  histogram.Record(absl::InfiniteDuration());
  EXPECT_EQ(histogram.count(), 2u);
  EXPECT_GT(histogram.Quantile(1), absl::Hours(24));
}

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

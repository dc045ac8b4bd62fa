// Goal: the arithmetic of the buckets, and what a snapshot says of them.
#include "base/latency_histogram.h"

#include <algorithm>
#include <cstdint>

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

TEST(LatencyHistogramTest, IsZeroWhenNothingWasRecorded) {
  const LatencySnapshot snapshot = LatencyHistogram().Read();
  EXPECT_EQ(snapshot.count(), 0u);
  EXPECT_EQ(snapshot.sum(), absl::ZeroDuration());
  EXPECT_EQ(snapshot.max(), absl::ZeroDuration());
  EXPECT_EQ(snapshot.Mean(), absl::ZeroDuration());
  EXPECT_EQ(snapshot.Quantile(0.5), absl::ZeroDuration());
  EXPECT_EQ(snapshot.CountUpTo(40), 0u);
}

TEST(LatencyHistogramTest, QuantileIsNeverTooLowAndAtMostAnEighthTooHigh) {
  for (int64_t ns = 0; ns < 20'000'000'000; ns += 1 + ns / 9) {
    LatencyHistogram histogram;
    histogram.RecordNanos(ns);
    histogram.Record(absl::Minutes(1));  // so that the maximum does not bound the quantile
    const int64_t found = absl::ToInt64Nanoseconds(histogram.Quantile(0.5));
    EXPECT_GE(found, ns);
    EXPECT_LE(found, std::max<int64_t>(ns + ns / 8, 1));
  }
}

TEST(LatencyHistogramTest, QuantilesCutWhereTheySay) {
  LatencyHistogram histogram;
  for (int i = 0; i < 99; ++i) histogram.Record(absl::Nanoseconds(5));
  histogram.Record(absl::Microseconds(100));
  const LatencySnapshot snapshot = histogram.Read();
  EXPECT_EQ(snapshot.count(), 100u);
  EXPECT_EQ(snapshot.Quantile(0), absl::Nanoseconds(5));
  EXPECT_EQ(snapshot.Quantile(0.99), absl::Nanoseconds(5));
  EXPECT_EQ(snapshot.Quantile(0.991), absl::Microseconds(100));  // the maximum is exact
  EXPECT_EQ(snapshot.Quantile(1), absl::Microseconds(100));
}

TEST(LatencyHistogramTest, SumMeanAndMaximumAreExact) {
  LatencyHistogram histogram;
  for (const int64_t ns : {1'000'001, 17, 0}) histogram.RecordNanos(ns);
  const LatencySnapshot snapshot = histogram.Read();
  EXPECT_EQ(snapshot.sum(), absl::Nanoseconds(1'000'018));
  EXPECT_EQ(snapshot.Mean(), absl::Nanoseconds(1'000'018) / 3.0);
  EXPECT_EQ(snapshot.max(), absl::Nanoseconds(1'000'001));
}

TEST(LatencyHistogramTest, CountsUpToAPowerOfTwoExactly) {
  for (int exponent = 0; exponent < 46; ++exponent) {
    const int64_t bound = int64_t{1} << exponent;
    LatencyHistogram histogram;
    for (const int64_t ns : {bound - 1, bound, bound + 1}) histogram.RecordNanos(ns);
    EXPECT_EQ(histogram.Read().CountUpTo(exponent), 2u) << exponent;
  }
}

TEST(LatencyHistogramTest, TakesWhatIsOutOfItsRange) {
  LatencyHistogram histogram;
  histogram.Record(-absl::Seconds(1));
  EXPECT_EQ(histogram.Quantile(1), absl::ZeroDuration());
  histogram.Record(absl::InfiniteDuration());
  EXPECT_EQ(histogram.count(), 2u);
  EXPECT_GT(histogram.Quantile(1), absl::Hours(39));
}

TEST(LatencySnapshotTest, AddsUpHistogramsOfSeveralThreads) {
  LatencyHistogram fast, slow;
  for (int i = 0; i < 3; ++i) fast.RecordNanos(10);
  slow.Record(absl::Seconds(1));
  LatencySnapshot sum;
  sum += fast.Read();
  sum += slow.Read();
  EXPECT_EQ(sum.count(), 4u);
  EXPECT_EQ(sum.sum(), absl::Seconds(1) + absl::Nanoseconds(30));
  EXPECT_EQ(sum.max(), absl::Seconds(1));
  EXPECT_EQ(sum.Quantile(0.75), absl::Nanoseconds(10));
  EXPECT_EQ(sum.Quantile(0.76), absl::Seconds(1));
}

}  // namespace
}  // namespace weft

// base/latency_histogram.h — how long something took, many times, in a few kilobytes.
//
//   LatencyHistogram poll_times;                          // one thread records
//   poll_times.Record(end - begin);
//   ...
//   poll_times.Read().Quantile(0.99)                      // any thread reads
//
// Buckets are log-linear: each is an eighth of its power of two wide, from nanoseconds to hours.
// Count, sum, mean and maximum are exact; a quantile is at most 12.5 % too high and never too low.
#ifndef WEFT_BASE_LATENCY_HISTOGRAM_H_
#define WEFT_BASE_LATENCY_HISTOGRAM_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "base/owner_counter.h"

namespace weft {

// What a histogram, or several, held at some moment. A value; thread-compatible.
class LatencySnapshot {
 public:
  // Empty; allocates nothing.
  LatencySnapshot() = default;

  uint64_t count() const { return count_; }
  absl::Duration sum() const { return absl::Nanoseconds(sum_ns_); }
  // The longest one; zero if there is none, as Mean() and Quantile().
  absl::Duration max() const { return absl::Nanoseconds(max_ns_); }
  absl::Duration Mean() const;

  // A bound that at least the part `q` (0 to 1) does not exceed. O(buckets).
  absl::Duration Quantile(double q) const;

  // How many took at most 2^`exponent` nanoseconds; exact. O(buckets).
  uint64_t CountUpTo(int exponent) const;

  LatencySnapshot& operator+=(const LatencySnapshot& other);

 private:
  friend class LatencyHistogram;

  std::vector<uint64_t> buckets_;  // up to the last one that is not empty
  uint64_t count_ = 0;
  int64_t sum_ns_ = 0;
  int64_t max_ns_ = 0;
};

// See the head of the file. One thread records, in some nanoseconds; any thread reads what was
// recorded before, and maybe a part of what is being recorded now. 2.6 KiB.
class LatencyHistogram {
 public:
  // Negative durations count as zero, and those beyond the last bucket (39 hours) as that.
  void Record(absl::Duration latency) { RecordNanos(absl::ToInt64Nanoseconds(latency)); }
  void RecordNanos(int64_t ns);

  LatencySnapshot Read() const;

  uint64_t count() const { return Read().count(); }
  absl::Duration Quantile(double q) const { return Read().Quantile(q); }

 private:
  friend class LatencySnapshot;

  static constexpr int kStepBits = 3;
  static constexpr int kSteps = 1 << kStepBits;
  static constexpr int kOctaves = 45;
  static constexpr std::size_t kBuckets = std::size_t{kSteps} * kOctaves;

  // A bucket holds what is longer than the end of the one before, and at most as long as its own.
  static std::size_t BucketOf(int64_t ns);
  static int64_t EndOf(std::size_t bucket);

  std::array<OwnerCounter, kBuckets> buckets_;
  OwnerCounter sum_ns_, max_ns_;
};

}  // namespace weft

#endif  // WEFT_BASE_LATENCY_HISTOGRAM_H_

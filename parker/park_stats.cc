#include "parker/park_stats.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace weft {

// Below 2 * kSteps a bucket is one nanosecond wide; above, the leading bits of the number choose
// it.
size_t LatencyHistogram::BucketOf(uint64_t ns) {
  if (ns < kSteps) return ns;
  const int octave = std::bit_width(ns) - kStepBits;  // 1 for kSteps to 2 * kSteps - 1
  const uint64_t step = (ns >> (octave - 1)) - kSteps;
  return std::min(static_cast<size_t>(octave) * kSteps + step, kBuckets - 1);
}

uint64_t LatencyHistogram::EndOf(size_t bucket) {
  const size_t octave = bucket / kSteps;
  const uint64_t step = bucket % kSteps;
  if (octave == 0) return step;
  return ((kSteps + step + 1) << (octave - 1)) - 1;
}

void LatencyHistogram::Record(absl::Duration latency) {
  const int64_t ns = std::max<int64_t>(absl::ToInt64Nanoseconds(latency), 0);
  buckets_[BucketOf(static_cast<uint64_t>(ns))].Add(1);
}

uint64_t LatencyHistogram::count() const {
  uint64_t sum = 0;
  for (const parker_internal::OwnerCounter& bucket : buckets_) sum += bucket.Get();
  return sum;
}

absl::Duration LatencyHistogram::Quantile(double q) const {
  const double wanted = std::ceil(std::clamp(q, 0.0, 1.0) * static_cast<double>(count()));
  uint64_t sum = 0;
  for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
    sum += buckets_[bucket].Get();
    if (sum > 0 && static_cast<double>(sum) >= wanted) return absl::Nanoseconds(EndOf(bucket));
  }
  return absl::ZeroDuration();
}

ParkStats::Counts ParkStats::Read() const {
  return {.waits = waits_.Get(),
          .spin_hits = spin_hits_.Get(),
          .spin_pauses = spin_pauses_.Get(),
          .sleeps = sleeps_.Get(),
          .early_wakes = early_wakes_.Get()};
}

}  // namespace weft

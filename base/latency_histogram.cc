#include "base/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace weft {

// Up to 2 * kSteps a bucket is one nanosecond wide; above, the leading bits of ns - 1 choose it.
std::size_t LatencyHistogram::BucketOf(int64_t ns) {
  const auto before = static_cast<uint64_t>(std::max<int64_t>(ns, 1) - 1);
  if (before < kSteps) return before;
  const int octave = std::bit_width(before) - kStepBits;  // 1 for kSteps to 2 * kSteps - 1
  const uint64_t step = (before >> (octave - 1)) - kSteps;
  return static_cast<std::size_t>(octave) * kSteps + step;
}

int64_t LatencyHistogram::EndOf(std::size_t bucket) {
  const std::size_t octave = bucket / kSteps;
  const auto step = static_cast<int64_t>(bucket % kSteps);
  if (octave == 0) return step + 1;
  return (kSteps + step + 1) << (octave - 1);
}

void LatencyHistogram::RecordNanos(int64_t ns) {
  const int64_t clamped = std::clamp<int64_t>(ns, 0, EndOf(kBuckets - 1));
  buckets_[BucketOf(clamped)].Add(1);
  sum_ns_.Add(static_cast<uint64_t>(clamped));
  max_ns_.RaiseTo(static_cast<uint64_t>(clamped));
}

LatencySnapshot LatencyHistogram::Read() const {
  LatencySnapshot snapshot;
  std::size_t used = kBuckets;
  while (used > 0 && buckets_[used - 1].Get() == 0) --used;
  snapshot.buckets_.reserve(used);
  for (std::size_t i = 0; i < used; ++i) {
    snapshot.buckets_.push_back(buckets_[i].Get());
    snapshot.count_ += snapshot.buckets_.back();
  }
  snapshot.sum_ns_ = static_cast<int64_t>(sum_ns_.Get());
  snapshot.max_ns_ = static_cast<int64_t>(max_ns_.Get());
  return snapshot;
}

absl::Duration LatencySnapshot::Mean() const {
  if (count_ == 0) return absl::ZeroDuration();
  return sum() / static_cast<double>(count_);
}

absl::Duration LatencySnapshot::Quantile(double q) const {
  const double wanted = std::ceil(std::clamp(q, 0.0, 1.0) * static_cast<double>(count_));
  uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen == 0 || static_cast<double>(seen) < wanted) continue;
    return absl::Nanoseconds(std::min(LatencyHistogram::EndOf(i), max_ns_));
  }
  return absl::ZeroDuration();
}

uint64_t LatencySnapshot::CountUpTo(int exponent) const {
  uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    if (LatencyHistogram::EndOf(i) > int64_t{1} << exponent) break;
    seen += buckets_[i];
  }
  return seen;
}

LatencySnapshot& LatencySnapshot::operator+=(const LatencySnapshot& other) {
  buckets_.resize(std::max(buckets_.size(), other.buckets_.size()));
  for (std::size_t i = 0; i < other.buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  sum_ns_ += other.sum_ns_;
  max_ns_ = std::max(max_ns_, other.max_ns_);
  return *this;
}

}  // namespace weft

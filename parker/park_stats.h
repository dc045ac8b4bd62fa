// parker/park_stats.h — what a parker did: how often it waited, spun and slept, and how long it
// took to wake.
//
//   ParkStats stats;                                   // outlives the parker
//   Parker parker({.stats = &stats});
//   ...
//   stats.wake_latency().Quantile(0.99)                // from the wake-up call to the owner's run
//
// A parker without stats pays nothing for them: parks that find a token are not counted, and the
// way to sleep tests a pointer. A parker with stats reads the clock three times a sleep.
//
// Thread safety    The parker's owner writes, any thread reads; each number is right by itself, and
//                  they may be some events apart from each other.
#ifndef WEFT_PARKER_PARK_STATS_H_
#define WEFT_PARKER_PARK_STATS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace weft {

namespace parker_internal {

// Single writer: a load and a store, no locked instruction. Relaxed: counters order nothing.
class OwnerCounter {
 public:
  void Add(uint64_t n) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  uint64_t Get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

}  // namespace parker_internal

// Counts durations in buckets of growing width: each is an eighth of its power of two wide, so that
// a quantile is at most 12.5 % too high. From nanoseconds to hours; 2.6 KiB.
// One thread records; any thread reads.
class LatencyHistogram {
 public:
  // Negative durations count as zero, and those beyond the last bucket (39 hours) as that.
  void Record(absl::Duration latency);

  // How many were recorded.
  uint64_t count() const;

  // A bound that at least the part `q` (0 to 1) of what was recorded does not exceed; zero if
  // nothing was recorded. O(buckets).
  absl::Duration Quantile(double q) const;

 private:
  static constexpr int kStepBits = 3;
  static constexpr int kSteps = 1 << kStepBits;
  static constexpr int kOctaves = 45;
  static constexpr size_t kBuckets = size_t{kSteps} * kOctaves;

  static size_t BucketOf(uint64_t ns);
  static uint64_t EndOf(size_t bucket);

  std::array<parker_internal::OwnerCounter, kBuckets> buckets_;
};

// See the head of the file.
class ParkStats {
 public:
  struct Counts {
    uint64_t waits = 0;        // parks that found no token at once
    uint64_t spin_hits = 0;    // of these, those whose token came while they spun
    uint64_t spin_pauses = 0;  // pauses spent on spinning, in vain or not
    uint64_t sleeps = 0;       // calls into the kernel, or into the park site
    uint64_t early_wakes = 0;  // of these, those that ended without token, stop or deadline
  };

  ParkStats() = default;
  ParkStats(const ParkStats&) = delete;
  ParkStats& operator=(const ParkStats&) = delete;

  Counts Read() const;

  // From an unparker's decision to wake the sleeper to the moment when the sleeper runs. (Two
  // unparkers that wake at the same time may blur a sample by the time between them.)
  const LatencyHistogram& wake_latency() const { return wake_latency_; }

  // For the parker.
  void CountWait() { waits_.Add(1); }
  void CountSpin(uint64_t pauses, bool is_hit) {
    spin_pauses_.Add(pauses);
    spin_hits_.Add(is_hit ? 1 : 0);
  }
  void CountSleep(bool is_resumed) {
    sleeps_.Add(1);
    early_wakes_.Add(is_resumed ? 1 : 0);
  }
  void RecordWakeLatency(absl::Duration latency) { wake_latency_.Record(latency); }

 private:
  parker_internal::OwnerCounter waits_, spin_hits_, spin_pauses_, sleeps_, early_wakes_;
  LatencyHistogram wake_latency_;
};

}  // namespace weft

#endif  // WEFT_PARKER_PARK_STATS_H_

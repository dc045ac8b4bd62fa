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

#include <cstdint>

#include "absl/time/time.h"
#include "base/latency_histogram.h"
#include "base/owner_counter.h"

namespace weft {

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
  OwnerCounter waits_, spin_hits_, spin_pauses_, sleeps_, early_wakes_;
  LatencyHistogram wake_latency_;
};

}  // namespace weft

#endif  // WEFT_PARKER_PARK_STATS_H_

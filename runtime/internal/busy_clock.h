// runtime/internal/busy_clock.h — how long a worker was busy, which any thread may ask.
//
// A monitor takes a total that falls for a restart of the program. So all there is to know is one
// word, and a reader looks at it before and after it reads the clock: if it is the same, it was so
// at that time. The worker has read its clock a little before it writes the word; so what was once
// answered is the least that is answered later.
#ifndef WEFT_RUNTIME_INTERNAL_BUSY_CLOCK_H_
#define WEFT_RUNTIME_INTERNAL_BUSY_CLOCK_H_

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "absl/time/time.h"
#include "base/instant.h"

namespace weft::runtime_internal {

class BusyClock {
 public:
  // Runs from `now` on, which is not before the start of the clock.
  explicit BusyClock(Instant now) : word_(now.nanos()) {}

  // The worker's own. When it pauses twice, only the latter pause's length is known to Resume().

  void Pause(Instant now) {
    paused_since_ = now;
    const int64_t word = word_.load(std::memory_order_relaxed);
    if (word >= 0) word_.store(word - now.nanos() - 1, std::memory_order_relaxed);
  }
  // Returns how long it has paused.
  absl::Duration Resume(Instant now) {
    const int64_t total = -1 - word_.load(std::memory_order_relaxed);
    word_.store(now.nanos() - total, std::memory_order_relaxed);
    return now - paused_since_;
  }

  // Any thread: the time between starts and pauses. Never falls. `now()` is the clock.
  template <typename Now>
  absl::Duration Read(Now now) const {
    int64_t word = word_.load(std::memory_order_relaxed);
    Instant at = now();
    while (true) {
      const int64_t again = word_.load(std::memory_order_relaxed);
      if (again == word) break;
      word = again;
      at = now();
    }
    const int64_t busy = word >= 0 ? at.nanos() - word : -1 - word;
    int64_t answered = answered_.load(std::memory_order_relaxed);
    while (answered < busy &&
           !answered_.compare_exchange_weak(answered, busy, std::memory_order_relaxed)) {
    }
    return absl::Nanoseconds(std::max(answered, busy));
  }

 private:
  // Runs: since when, had it never paused. Paused: -1 - the nanoseconds until then. Relaxed, as the
  // next one: for statistics only.
  std::atomic<int64_t> word_;
  mutable std::atomic<int64_t> answered_{0};  // the most so far
  Instant paused_since_;
};

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_BUSY_CLOCK_H_

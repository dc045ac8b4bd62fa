// timer/manual_clock.h — a clock that a test moves by hand.
//
//   weft::ManualClock clock;
//   weft::TimerWheel wheel(clock.Now());
//   ...
//   clock.AdvanceThrough(&wheel, clock.Now() + absl::Hours(1), [&](weft::TimerEntry* timer) { ...
//   });
//
// What a program does in an hour is done at once, and each timer sees the time that it was armed
// for.
#ifndef WEFT_TIMER_MANUAL_CLOCK_H_
#define WEFT_TIMER_MANUAL_CLOCK_H_

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "absl/time/time.h"
#include "base/check.h"
#include "base/instant.h"

namespace weft {

// Now() may be called by any thread, the rest by one. Memory ordering: what X did before it moved
// the clock is visible to Y after a Now() that returned the new time. Edge (1).
class ManualClock {
 public:
  explicit ManualClock(Instant start = Instant()) : nanos_(start.nanos()) {}
  ManualClock(const ManualClock&) = delete;
  ManualClock& operator=(const ManualClock&) = delete;

  // The time.
  Instant Now() const { return Instant::FromNanos(nanos_.load(std::memory_order_acquire)); }  // (1)

  // Moves the clock to `instant`, which must not be earlier than it is (checked).
  void Set(Instant instant) {
    WEFT_CHECK(instant >= Now()) << "ManualClock::Set(): a monotonic clock never goes back; it is "
                                 << Now().nanos() << " ns, asked for " << instant.nanos() << " ns";
    nanos_.store(instant.nanos(), std::memory_order_release);  // (1)
  }

  // Moves the clock forward.
  void Advance(absl::Duration duration) { Set(Now() + duration); }

  // Moves the clock to `end`, from one deadline of `wheel` to the next, and calls on_expired(timer)
  // for each timer that expires, which may arm and cancel timers. Returns how many that were.
  // `wheel` is a TimerWheel, or anything with its NextDeadline, Advance and PopExpired.
  template <typename Wheel, typename OnExpired>
  int64_t AdvanceThrough(Wheel* wheel, Instant end, OnExpired on_expired) {
    int64_t expired = 0;
    while (true) {
      const Instant next = std::max(wheel->NextDeadline(), Now());
      if (next > end) break;
      Set(next);
      wheel->Advance(next);
      while (auto* const timer = wheel->PopExpired()) {
        on_expired(timer);
        ++expired;
      }
      if (next == Instant::InfiniteFuture()) return expired;
    }
    Set(end);
    wheel->Advance(end);
    return expired;
  }

 private:
  std::atomic<int64_t> nanos_;
};

}  // namespace weft

#endif  // WEFT_TIMER_MANUAL_CLOCK_H_

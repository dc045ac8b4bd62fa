// timer/internal/tick_clock.h — instants as numbers of ticks since the start of a wheel.
#ifndef WEFT_TIMER_INTERNAL_TICK_CLOCK_H_
#define WEFT_TIMER_INTERNAL_TICK_CLOCK_H_

#include <bit>
#include <cstdint>
#include <limits>

#include "absl/time/time.h"
#include "base/instant.h"

namespace weft::timer_internal {

// Constant after construction. Ticks are below 2^44, except kNever.
class TickClock {
 public:
  static constexpr int64_t kTickNanos = 1'000'000;
  // The tick of InfiniteFuture(). It leaves four bits of a word free.
  static constexpr uint64_t kNever = ~uint64_t{0} >> 4;

  explicit TickClock(Instant start) : start_(start) {}

  // The first tick that begins at `deadline` or later.
  uint64_t AtOrAfter(Instant deadline) const {
    if (deadline == Instant::InfiniteFuture()) return kNever;
    if (deadline <= start_) return 0;
    return (SinceStart(deadline) - 1) / kTickNanos + 1;
  }

  // The last tick that begins at `now` or earlier; 0 before the start.
  uint64_t AtOrBefore(Instant now) const {
    return now <= start_ ? 0 : SinceStart(now) / kTickNanos;
  }

  // Of the ticks that begin in [deadline, deadline + slack] the one with the most zeros at its end;
  // the first behind the deadline if there is none.
  uint64_t Roundest(Instant deadline, absl::Duration slack) const {
    const uint64_t first = AtOrAfter(deadline);
    if (first == 0 || first == kNever || slack <= absl::ZeroDuration()) return first;
    const uint64_t last = AtOrBefore(deadline + slack);
    if (last <= first) return first;
    const int zeros = 63 - std::countl_zero((first - 1) ^ last);
    return last >> zeros << zeros;
  }

  // When `tick` begins.
  Instant StartOf(uint64_t tick) const {
    constexpr uint64_t kLast = std::numeric_limits<int64_t>::max() / kTickNanos;
    if (tick > kLast) return Instant::InfiniteFuture();
    int64_t nanos = 0;
    const auto since_start = static_cast<int64_t>(tick) * kTickNanos;
    if (__builtin_add_overflow(start_.nanos(), since_start, &nanos)) {
      return Instant::InfiniteFuture();
    }
    return Instant::FromNanos(nanos);
  }

 private:
  // Nanoseconds from the start to a later instant, saturated: they may lie further apart than
  // int64_t reaches.
  uint64_t SinceStart(Instant later) const {
    int64_t nanos = 0;
    if (__builtin_sub_overflow(later.nanos(), start_.nanos(), &nanos)) {
      nanos = std::numeric_limits<int64_t>::max();
    }
    return static_cast<uint64_t>(nanos);
  }

  Instant start_;
};

}  // namespace weft::timer_internal

#endif  // WEFT_TIMER_INTERNAL_TICK_CLOCK_H_

// timer/internal/tick_clock.h — instants as numbers of ticks since the start of a wheel.
#ifndef WEFT_TIMER_INTERNAL_TICK_CLOCK_H_
#define WEFT_TIMER_INTERNAL_TICK_CLOCK_H_

#include <bit>
#include <cstdint>
#include <limits>

#include "absl/time/time.h"
#include "base/instant.h"

namespace weft::timer_internal {

// Ticks of kNanos. Constant after construction.
template <int64_t kNanos>
class TickClock {
 public:
  static constexpr uint64_t kTickNanos = kNanos;
  // Two instants are less than 2^64 ns apart.
  static constexpr uint64_t kLast = std::numeric_limits<uint64_t>::max() / kTickNanos + 1;
  // How many bytes the last tick has, and the highest of them.
  static constexpr unsigned kBytes = (std::bit_width(kLast) + 7) / 8;
  static constexpr unsigned kHighestByte = kLast >> ((kBytes - 1) * 8);
  // The tick of InfiniteFuture(), later than all others: its highest byte is greater than theirs.
  static constexpr uint64_t kNever = uint64_t{kHighestByte + 1} << ((kBytes - 1) * 8);
  static_assert(kHighestByte < 255, "it must not need one more byte");

  explicit TickClock(Instant start) : start_(start) {}

  // The first tick that begins at `deadline` or later.
  uint64_t AtOrAfter(Instant deadline) const {
    // One comparison for both rare cases: a negative difference is a very large one.
    const uint64_t behind_start = SinceStart(deadline) - 1;
    if (behind_start >= SinceStart(Instant::InfiniteFuture()) - 1) [[unlikely]] {
      return deadline <= start_ ? 0 : kNever;
    }
    return behind_start / kTickNanos + 1;
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
    if (tick > SinceStart(Instant::InfiniteFuture()) / kTickNanos) {
      return Instant::InfiniteFuture();
    }
    const uint64_t nanos = static_cast<uint64_t>(start_.nanos()) + tick * kTickNanos;
    return Instant::FromNanos(static_cast<int64_t>(nanos));
  }

 private:
  // Nanoseconds from the start to a later instant, which may be more than int64_t reaches.
  uint64_t SinceStart(Instant later) const {
    return static_cast<uint64_t>(later.nanos()) - static_cast<uint64_t>(start_.nanos());
  }

  Instant start_;
};

}  // namespace weft::timer_internal

#endif  // WEFT_TIMER_INTERNAL_TICK_CLOCK_H_

// base/instant.h — a point on the monotonic clock.
//
// absl::Time is wall-clock time, which jumps; deadlines need a clock that does not. An Instant is a
// number of nanoseconds since an arbitrary start of the machine's monotonic clock, and moves by
// absl::Duration. Only MonotonicNow() reads the clock: everything else takes `now` as an argument.
#ifndef WEFT_BASE_INSTANT_H_
#define WEFT_BASE_INSTANT_H_

#include <compare>
#include <cstdint>
#include <limits>

#include "absl/time/time.h"

namespace weft {

// A value type of one word. Arithmetic saturates at InfiniteFuture() and InfinitePast().
class Instant {
 public:
  // The start of the clock.
  constexpr Instant() = default;

  // Later than every other instant: a deadline that never comes.
  static constexpr Instant InfiniteFuture() { return Instant(std::numeric_limits<int64_t>::max()); }
  // Earlier than every other instant.
  static constexpr Instant InfinitePast() { return Instant(std::numeric_limits<int64_t>::min()); }
  // The instant `nanos` nanoseconds after the start of the clock.
  static constexpr Instant FromNanos(int64_t nanos) { return Instant(nanos); }

  // Nanoseconds since the start of the clock.
  constexpr int64_t nanos() const { return nanos_; }

  friend constexpr auto operator<=>(Instant, Instant) = default;
  friend Instant operator+(Instant instant, absl::Duration duration);
  friend Instant operator-(Instant instant, absl::Duration duration) { return instant + -duration; }
  friend absl::Duration operator-(Instant a, Instant b);

 private:
  explicit constexpr Instant(int64_t nanos) : nanos_(nanos) {}

  int64_t nanos_ = 0;
};

// Reads CLOCK_MONOTONIC. Thread-safe.
Instant MonotonicNow();

}  // namespace weft

#endif  // WEFT_BASE_INSTANT_H_

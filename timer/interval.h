// timer/interval.h — when a periodic timer is due next, also if ticks were missed.
//
// Works with every timer: arm it for deadline(), and when it fired, for Next(now).
//
//   weft::Interval interval(start, absl::Seconds(1), weft::MissedTicks::kSkip);
//   wheel.Arm(&timer, interval.deadline());
//   ... it fired at `now` ...
//   wheel.Arm(&timer, interval.Next(now));
//
// A tick was missed if the next one is due already when the timer fires: the loop was late, or the
// machine was suspended.
#ifndef WEFT_TIMER_INTERVAL_H_
#define WEFT_TIMER_INTERVAL_H_

#include <algorithm>
#include <cstdint>
#include <limits>

#include "absl/time/time.h"
#include "base/check.h"
#include "base/instant.h"

namespace weft {

// What becomes of missed ticks, with a period of 10 and a timer that fires at 25 instead of 10:
enum class MissedTicks : unsigned char {
  kSkip,   // Next is 30, 40, 50: missed ticks are dropped, the grid is kept.
  kDelay,  // Next is 35, 45, 55: never two ticks closer than the period, a new grid.
  kBurst,  // Next is 20 (at once), 30, 40: each tick comes, late ones one after the other.
};

// A value type. Thread-compatible. All is O(1), however many ticks were missed.
class Interval {
 public:
  // The first tick is due at `first`. `period` is at least a nanosecond and finite (checked).
  Interval(Instant first, absl::Duration period, MissedTicks missed_ticks = MissedTicks::kSkip)
      : deadline_(first), period_(absl::ToInt64Nanoseconds(period)), missed_ticks_(missed_ticks) {
    WEFT_CHECK(period_ > 0 && period < absl::Nanoseconds(std::numeric_limits<int64_t>::max()))
        << "Interval(): the period must be at least a nanosecond and finite, found " << period;
  }

  // When the current tick is due.
  Instant deadline() const { return deadline_; }

  // The current tick fired at `now`: goes to the next one and returns its deadline. Never earlier
  // than the one before, InfiniteFuture() at the end of time.
  Instant Next(Instant now) {
    const Instant late = std::max(now, deadline_);
    const Instant due = Plus(deadline_, period_);
    switch (missed_ticks_) {
      case MissedTicks::kBurst:
        deadline_ = due;
        break;
      case MissedTicks::kDelay:
        deadline_ = Plus(late, period_);
        break;
      case MissedTicks::kSkip:
        // In unsigned numbers, because instants may lie further apart than int64_t reaches.
        const uint64_t behind = Difference(late, deadline_) % static_cast<uint64_t>(period_);
        skipped_ += Difference(late, deadline_) / static_cast<uint64_t>(period_);
        deadline_ = Plus(late, period_ - static_cast<int64_t>(behind));
        break;
    }
    return deadline_;
  }

  // How many ticks kSkip has dropped.
  uint64_t skipped() const { return skipped_; }

 private:
  static uint64_t Difference(Instant later, Instant earlier) {
    return static_cast<uint64_t>(later.nanos()) - static_cast<uint64_t>(earlier.nanos());
  }
  static Instant Plus(Instant instant, int64_t nanos) {
    int64_t sum = 0;
    if (__builtin_add_overflow(instant.nanos(), nanos, &sum)) return Instant::InfiniteFuture();
    return Instant::FromNanos(sum);
  }

  Instant deadline_;
  int64_t period_;
  MissedTicks missed_ticks_;
  uint64_t skipped_ = 0;
};

}  // namespace weft

#endif  // WEFT_TIMER_INTERVAL_H_

// future/ticks.h — ticks by the executor's clock: a stream of the instants at which they were due.
//
//   auto ticks = weft::Ticks(absl::Seconds(10));
//   while (std::optional<weft::Instant> due = co_await weft::Next(ticks)) Report(*due);
//
//   auto slow = weft::Zip(requests, weft::Ticks(period, weft::MissedTicks::kDelay));
//
// The schedule is absolute, an Interval (//timer:interval): what the consumer does between two
// ticks, and how late timers fire, does not add up; MissedTicks says what becomes of ticks that it
// was too late for. Zip() (zip.h) with ticks bounds the rate of a stream, as above. The stream does
// not end: TakeItems(), TakeItemsUntil() (take_until.h), or drop it. Needs an executor.
//
//   Thread safety    Thread-compatible. Successive polls may come from different threads.
//   Errors           Those of the executor's timers; they end the stream.
//   Cancellation     Stops at once. Nothing is lost: a tick is made when it is given. Safe to drop.
//   Complexity       No allocation; one timer for a tick that is not due when it is asked for.
//   Lifetime         Not movable after the first poll.
#ifndef WEFT_FUTURE_TICKS_H_
#define WEFT_FUTURE_TICKS_H_

#include <optional>

#include "absl/time/time.h"
#include "base/instant.h"
#include "future/context.h"
#include "future/poll.h"
#include "future/sleep.h"
#include "timer/interval.h"

namespace weft {

// What Ticks() makes: see the head of the file.
class [[nodiscard]] TicksStream {
 public:
  using Item = Instant;

  explicit TicksStream(Interval interval) : interval_(interval) {}
  // The schedule begins at the first poll.
  TicksStream(absl::Duration period, MissedTicks missed)
      : interval_(Instant(), period, missed), later_(Later{period, missed}) {}

  Poll<std::optional<Instant>> poll_next(Context& cx);

 private:
  struct Later {
    absl::Duration period;
    MissedTicks missed;
  };

  Interval interval_;
  std::optional<Later> later_;       // what interval_ is made of at the first poll
  std::optional<SleepUntil> sleep_;  // until its deadline
};

// The ticks of `interval`.
inline TicksStream Ticks(Interval interval) { return TicksStream(interval); }

// A tick at the first poll, then one each `period`.
inline TicksStream Ticks(absl::Duration period, MissedTicks missed = MissedTicks::kSkip) {
  return TicksStream(period, missed);
}

}  // namespace weft

#endif  // WEFT_FUTURE_TICKS_H_

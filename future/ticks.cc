#include "future/ticks.h"

#include <utility>

#include "future/executor.h"

namespace weft {

Poll<std::optional<Instant>> TicksStream::poll_next(Context& cx) {
  if (later_) {
    const Later later = *std::exchange(later_, std::nullopt);
    interval_ = Interval(cx.executor().Now(), later.period, later.missed);
  }
  if (!sleep_) sleep_.emplace(interval_.deadline());
  const Poll<void> poll = sleep_->poll(cx);
  if (poll.IsPending()) return kPending;
  sleep_.reset();
  if (poll.IsStopped()) return kStopped;
  const Instant tick = interval_.deadline();
  interval_.Next(cx.executor().Now());
  return std::optional<Instant>(tick);
}

}  // namespace weft

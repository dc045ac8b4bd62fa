// future/timeout_items.h — a stream whose items, or whose end, must come in time.
//
//   auto lines = weft::TimeoutItems(absl::Seconds(30), Lines(socket));   // of StatusOr<Line>
//   auto some = weft::WithDeadlineItems(deadline, Results(query));
//
// The items are the source's with absl::DeadlineExceededError added (Status and StatusOr are not
// nested): when time is up, the source is asked to stop and awaited, then the error is the last
// item before the end. Needs an executor.
//
//   Errors           Those of the source. If the executor's timers throw, the source is stopped and
//                    awaited in the same way, then the exception is rethrown.
//   Cancellation     When time is up, items that the source still gives come before the error. A
//                    stop request from outside is passed on: it ends with kStopped, not with the
//                    error.
//   Complexity       No allocation. TimeoutItems() sets the timer for an item that is not there
//                    when it is asked for; WithDeadlineItems() looks at the clock at each poll.
#ifndef WEFT_FUTURE_TIMEOUT_ITEMS_H_
#define WEFT_FUTURE_TIMEOUT_ITEMS_H_

#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "future/await_chain.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/internal/result.h"
#include "future/internal/status_traits.h"
#include "future/internal/stream_child.h"
#include "future/poll.h"
#include "future/sleep.h"
#include "future/stream.h"

namespace weft {

// What TimeoutItems() and WithDeadlineItems() make: see the head of the file.
template <Stream S>
class [[nodiscard]] TimeoutItemsStream {
 public:
  using Item = typename future_internal::StatusTraits<ItemOf<S>>::WithStatus;

  TimeoutItemsStream(absl::Duration timeout, S source)
      : timeout_(timeout), source_(std::move(source)) {}
  TimeoutItemsStream(Instant deadline, S source)
      : sleep_(std::in_place, deadline), source_(std::move(source)) {}

  Poll<std::optional<Item>> poll_next(Context& cx) {
    if (source_.IsFinished()) return std::optional<Item>();  // the error was the last item
    const bool has_deadline = !timeout_.has_value();
    if (has_deadline) CheckAlarm(cx);
    while (true) {
      const bool was_late = alarm_.IsSet();
      auto poll = source_.PollNext(cx, end_);
      if (poll.IsReady()) {
        if (!poll.value().has_value()) return End(cx);
        if (!has_deadline && !was_late) sleep_.reset();
        return std::optional<Item>(*std::move(poll).value());
      }
      if (was_late) return kPending;
      if (!sleep_) sleep_.emplace(cx.executor().Now() + *timeout_);
      CheckAlarm(cx);
      if (!alarm_.IsSet()) return kPending;
    }
  }

  void VisitAwaited(AwaitVisitor& visitor) const { source_.VisitAwaited(visitor); }

 private:
  // Has the source stopped when time is up or the timer has failed.
  void CheckAlarm(Context& cx) {
    if (alarm_.IsSet() || cx.StopRequested()) return;
    if (alarm_.PollFrom(*sleep_, cx) != PollState::kPending) end_.is_ending = true;
  }

  Poll<std::optional<Item>> End(Context& cx) {
    if (end_.error != nullptr || cx.StopRequested() || !alarm_.IsSet()) {
      return end_.template Take<Item>();
    }
    alarm_.Take();
    return std::optional<Item>(
        absl::DeadlineExceededError("the stream did not give its next item, or end, before its "
                                    "deadline and was cancelled"));
  }

  std::optional<absl::Duration> timeout_;  // none: `sleep_` is for the whole stream
  std::optional<SleepUntil> sleep_;
  future_internal::StreamChild<S> source_;
  future_internal::StreamEnd end_;
  future_internal::Result<void> alarm_;
};

// `source`, unless an item, or the end, takes longer than `timeout` from when it is asked for.
template <Stream S>
TimeoutItemsStream<S> TimeoutItems(absl::Duration timeout, S source) {
  return TimeoutItemsStream<S>(timeout, std::move(source));
}

// `source`, unless it takes until `deadline` to end.
template <Stream S>
TimeoutItemsStream<S> WithDeadlineItems(Instant deadline, S source) {
  return TimeoutItemsStream<S>(deadline, std::move(source));
}

}  // namespace weft

#endif  // WEFT_FUTURE_TIMEOUT_ITEMS_H_

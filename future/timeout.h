// future/timeout.h — a future that must be done by an instant of the executor's clock.
//
//   absl::StatusOr<Page> page = co_await weft::Timeout(absl::Seconds(2), Fetch(url));
//   absl::Status status = co_await weft::WithDeadline(deadline, Flush());
//
// The result is the future's with absl::DeadlineExceededError added (Status and StatusOr are not
// nested). Needs an executor.
//
//   Errors           Those of the future. If the executor's timers throw, the future is asked to
//                    stop and awaited, and the exception is rethrown unless it gives a value.
//   Cancellation     At the deadline the future is asked to stop and awaited; if it gives a value
//                    all the same, that is the result. A stop request from outside is passed on: it
//                    ends with kStopped, not with the deadline's error.
//   Complexity       No allocation.
#ifndef WEFT_FUTURE_TIMEOUT_H_
#define WEFT_FUTURE_TIMEOUT_H_

#include <optional>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "future/await_chain.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/future.h"
#include "future/internal/children.h"
#include "future/internal/result.h"
#include "future/internal/status_traits.h"
#include "future/poll.h"
#include "future/sleep.h"

namespace weft {

// What Timeout() and WithDeadline() make. Not movable after the first poll.
template <Future F>
class [[nodiscard]] TimeoutFuture {
 public:
  using Output = typename future_internal::StatusTraits<OutputOf<F>>::WithStatus;

  TimeoutFuture(absl::Duration timeout, F future) : timeout_(timeout), child_(std::move(future)) {}
  TimeoutFuture(Instant deadline, F future)
      : sleep_(std::in_place, deadline), child_(std::move(future)) {}

  Poll<Output> poll(Context& cx) {
    if (!sleep_) sleep_.emplace(cx.executor().Now() + timeout_);
    if (!PollChild(cx)) return kPending;
    if (child_.result().IsStopped()) {
      if (cx.StopRequested() || !alarm_.IsSet()) return kStopped;
      alarm_.Take();
      return Output(absl::DeadlineExceededError(
          "the future did not finish before its deadline and was cancelled"));
    }
    if constexpr (std::is_void_v<OutputOf<F>>) {
      child_.result().Take();
      return Output(absl::OkStatus());
    } else {
      return Output(child_.result().Take());
    }
  }

  void VisitAwaited(AwaitVisitor& visitor) const { child_.VisitAwaited(visitor); }

 private:
  // Polls the child, and tells it to stop when the deadline has passed or the timer has failed.
  // Returns whether it ended.
  bool PollChild(Context& cx) {
    if (alarm_.IsSet()) return child_.Stop(cx);
    if (child_.PollOnce(cx)) return true;
    if (cx.StopRequested() || alarm_.PollFrom(*sleep_, cx) == PollState::kPending) return false;
    return child_.Stop(cx);
  }

  absl::Duration timeout_;
  std::optional<SleepUntil> sleep_;
  future_internal::Child<F> child_;
  future_internal::Result<void> alarm_;
};

// `future`, unless it takes longer than `timeout` from its first poll on.
template <Future F>
TimeoutFuture<F> Timeout(absl::Duration timeout, F future) {
  return TimeoutFuture<F>(timeout, std::move(future));
}

// `future`, unless it takes until `deadline`.
template <Future F>
TimeoutFuture<F> WithDeadline(Instant deadline, F future) {
  return TimeoutFuture<F>(deadline, std::move(future));
}

}  // namespace weft

#endif  // WEFT_FUTURE_TIMEOUT_H_

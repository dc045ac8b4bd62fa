// future/retry.h — tries again what failed, when that makes sense and not too soon.
//
//   absl::StatusOr<Page> page = co_await weft::Retry(
//       {.max_attempts = 4, .deadline = deadline},
//       [&] { return weft::Timeout(absl::Seconds(1), Fetch(url)); });
//
// Each attempt is a future of its own, which the function makes. After an error that is worth a
// retry it sleeps: a random time from nothing up to the backoff ("full jitter", so that callers who
// failed together do not come back together), which grows from failure to failure. It gives up with
// the last error, and says in its message why and after how many attempts.
//
//   Errors           What the attempts give is an absl::Status or absl::StatusOr<T>. An exception
//                    of an attempt or of the function is passed on, not retried; Map(Try(...))
//                    makes a status of it.
//   Cancellation     An attempt that runs is asked to stop and awaited; a sleep ends at once; no
//                    attempt begins. Safe to drop if the attempts are.
//   Complexity       No allocation, but for the message of the last error. Needs an executor: it
//                    sleeps by its timers.
//   Lifetime         The function outlives the attempts that it makes: a capturing lambda that is a
//                    coroutine is safe here. Not movable after the first poll.
#ifndef WEFT_FUTURE_RETRY_H_
#define WEFT_FUTURE_RETRY_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "future/await_chain.h"
#include "future/context.h"
#include "future/future.h"
#include "future/internal/status_traits.h"
#include "future/poll.h"
#include "future/retry_budget.h"
#include "future/sleep.h"

namespace weft {

// Whether an error says that the same call may succeed soon: kUnavailable, kResourceExhausted,
// kAborted.
bool IsTransient(const absl::Status& error);

struct RetryOptions {
  // How many attempts there are at most, the first included. Precondition (checked): at least 1.
  int max_attempts = 5;
  // The longest sleep after the first failure, by how much it grows with each further one, and
  // where it ends. Preconditions (checked): more than nothing; at least 1.
  absl::Duration initial_backoff = absl::Milliseconds(100);
  double backoff_growth = 2;
  absl::Duration max_backoff = absl::Seconds(30);
  // No attempt begins at this instant or later. One that runs is not cut short; WithDeadline does
  // that.
  Instant deadline = Instant::InfiniteFuture();
  // Which errors are worth a retry.
  std::function<bool(const absl::Status&)> is_retryable = IsTransient;
  // What the retries of many callers share (retry_budget.h); outlives the future. Null: no limit.
  RetryBudget* budget = nullptr;
  // Makes the jitter repeatable. If absent, each Retry() sleeps differently.
  std::optional<uint64_t> seed = std::nullopt;
};

namespace future_internal {

// The decisions of one Retry(), and its sleeps.
class RetryPolicy {
 public:
  explicit RetryPolicy(RetryOptions options);

  // Ready when the next attempt may begin, at once if there was none. Stops when a stop is
  // requested.
  Poll<void> PollBegin(Context& cx);

  // An attempt has succeeded: one that fails after it is the first of its kind.
  void OnSuccess();
  // An attempt has failed. OK: there will be another one; else the error to give up with.
  absl::Status OnError(const absl::Status& error, Context& cx);

  void VisitAwaited(AwaitVisitor& visitor) const {
    if (sleep_) visitor.Visit(*sleep_);
  }

 private:
  absl::Status GiveUp(const absl::Status& error, const char* reason) const;
  absl::Duration NextSleep();

  RetryOptions options_;
  absl::Duration backoff_;
  uint64_t random_;
  int attempts_ = 0;  // that have failed
  std::optional<SleepUntil> sleep_;
};

}  // namespace future_internal

// What Retry() makes: see the head of the file.
template <typename Function>
  requires Future<std::invoke_result_t<Function&>>
class [[nodiscard]] RetryFuture {
 public:
  using Attempt = std::invoke_result_t<Function&>;
  using Output = OutputOf<Attempt>;
  static_assert(future_internal::StatusLike<Output>,
                "Retry(): the attempts must give absl::Status or absl::StatusOr");

  RetryFuture(RetryOptions options, Function function)
      : policy_(std::move(options)), function_(std::move(function)) {}

  Poll<Output> poll(Context& cx) {
    while (true) {
      if (!attempt_) {
        const Poll<void> begin = policy_.PollBegin(cx);
        if (begin.IsPending()) return kPending;
        if (begin.IsStopped()) return kStopped;
        attempt_.emplace(std::invoke(function_));
      }
      Poll<Output> poll = attempt_->poll(cx);
      if (!poll.IsReady()) return poll;
      attempt_.reset();
      if (poll.value().ok()) {
        policy_.OnSuccess();
        return poll;
      }
      absl::Status last = policy_.OnError(future_internal::StatusOf(poll.value()), cx);
      if (!last.ok()) return Output(std::move(last));
    }
  }

  void VisitAwaited(AwaitVisitor& visitor) const {
    policy_.VisitAwaited(visitor);
    if (attempt_) visitor.Visit(*attempt_);
  }

 private:
  future_internal::RetryPolicy policy_;
  Function function_;  // outlives what it makes
  std::optional<Attempt> attempt_;
};

// function(), and again while that is worth it.
template <typename Function>
RetryFuture<Function> Retry(RetryOptions options, Function function) {
  return RetryFuture<Function>(std::move(options), std::move(function));
}

}  // namespace weft

#endif  // WEFT_FUTURE_RETRY_H_

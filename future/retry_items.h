// future/retry_items.h — a stream that is opened again after an error, when that makes sense and
// not too soon.
//
//   auto news = weft::RetryItems({.max_attempts = 8}, [&] { return Subscribe(server, &cursor); });
//
// The Retry() (retry.h) of streams: the function makes a stream of absl::StatusOr (or Status). Its
// values are handed on; an error closes it, and if that is worth a retry, the function is called
// again after a sleep. Where the new stream begins is the function's affair: items that were handed
// on are not taken back. A stream that has given a value was a success: attempts are counted, and
// backoffs grow, from there on. The error to give up with is the last item before the end.
//
//   Thread safety    As the streams and the function.
//   Errors           An exception of a stream or of the function is passed on, not retried.
//   Cancellation     A stream that runs sees the stop request, and what it still gives is handed
//                    on; a sleep ends at once; no stream is opened. Safe to drop if they are.
//   Complexity       No allocation, but for the message of the last error. Needs an executor: it
//                    sleeps by its timers.
//   Lifetime         The function outlives the streams that it makes: a capturing lambda that is a
//                    coroutine is safe here. Not movable after the first poll.
#ifndef WEFT_FUTURE_RETRY_ITEMS_H_
#define WEFT_FUTURE_RETRY_ITEMS_H_

#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "future/await_chain.h"
#include "future/context.h"
#include "future/internal/status_traits.h"
#include "future/poll.h"
#include "future/retry.h"
#include "future/stream.h"

namespace weft {

// What RetryItems() makes: see the head of the file.
template <typename Function>
  requires Stream<std::invoke_result_t<Function&>>
class [[nodiscard]] RetryItemsStream {
 public:
  using Attempt = std::invoke_result_t<Function&>;
  using Item = ItemOf<Attempt>;
  static_assert(future_internal::StatusLike<Item>,
                "RetryItems(): the items must be absl::Status or absl::StatusOr");

  RetryItemsStream(RetryOptions options, Function function)
      : policy_(std::move(options)), function_(std::move(function)) {}

  Poll<std::optional<Item>> poll_next(Context& cx) {
    if (has_given_up_) return std::optional<Item>();
    while (true) {
      if (!attempt_) {
        const Poll<void> begin = policy_.PollBegin(cx);
        if (begin.IsPending()) return kPending;
        if (begin.IsStopped()) return kStopped;
        attempt_.emplace(std::invoke(function_));
        has_succeeded_ = false;
      }
      if (error_.ok()) {
        auto poll = attempt_->poll_next(cx);
        if (!poll.IsReady() || !poll.value().has_value()) return poll;
        if (poll.value()->ok()) {
          if (!std::exchange(has_succeeded_, true)) policy_.OnSuccess();
          return poll;
        }
        error_ = future_internal::StatusOf(*poll.value());
      }
      if (CloseFuture<Attempt>(*attempt_).poll(cx).IsPending()) return kPending;
      attempt_.reset();
      absl::Status last = policy_.OnError(std::exchange(error_, absl::OkStatus()), cx);
      if (!last.ok()) {
        has_given_up_ = true;
        return std::optional<Item>(std::move(last));
      }
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
  bool has_succeeded_ = false;  // the attempt has given a value
  absl::Status error_;          // of an attempt that is being closed
  bool has_given_up_ = false;
};

// The values of function()'s stream, and of another one after an error while that is worth it.
template <typename Function>
RetryItemsStream<Function> RetryItems(RetryOptions options, Function function) {
  return RetryItemsStream<Function>(std::move(options), std::move(function));
}

}  // namespace weft

#endif  // WEFT_FUTURE_RETRY_ITEMS_H_

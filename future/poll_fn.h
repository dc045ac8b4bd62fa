// future/poll_fn.h — a future made of a function, and the smallest futures: Ready, Yield, and
// questions to the context.
//
//   int seven = co_await weft::PollFn([&](weft::Context& cx) -> weft::Poll<int> { ... });
#ifndef WEFT_FUTURE_POLL_FN_H_
#define WEFT_FUTURE_POLL_FN_H_

#include <concepts>
#include <optional>
#include <type_traits>
#include <utility>

#include "future/cancel.h"
#include "future/context.h"
#include "future/future.h"
#include "future/poll.h"

namespace weft {

namespace future_internal {
class YieldNowAwaiter;
}

// Polls by calling `function(Context&)`, which returns a Poll<T>. Cancellation: the function's.
// Safe to drop if what the function captures is.
template <typename Function>
class [[nodiscard]] PollFn {
 public:
  using Output = typename std::invoke_result_t<Function&, Context&>::Value;

  explicit PollFn(Function function) : function_(std::move(function)) {}

  Poll<Output> poll(Context& cx) { return function_(cx); }

 private:
  Function function_;
};

template <typename Function>
PollFn(Function) -> PollFn<Function>;

// A future that is ready at its first poll. Cancellation: none, it is ready also when a stop is
// requested. Safe to drop.
template <typename T = void>
class [[nodiscard]] Ready {
 public:
  using Output = T;

  explicit Ready(T value) : value_(std::move(value)) {}

  Poll<T> poll(Context&) { return std::move(value_); }

 private:
  T value_;
};

template <>
class [[nodiscard]] Ready<void> {
 public:
  using Output = void;

  Poll<void> poll(Context&) { return Poll<void>::Ready(); }
};

// Never ready. Cancellation: stops. Safe to drop.
template <typename T = void>
class [[nodiscard]] Never {
 public:
  using Output = T;

  Poll<T> poll(Context& cx) {
    if (cx.StopRequested()) return kStopped;
    return kPending;
  }
};

// Gives way once: the task goes behind all others that are ready. Where a worker has no other, a
// coroutine goes on at once, as it would then. Cancellation: stops. Safe to drop.
class [[nodiscard]] YieldNow {
 public:
  using Output = void;
  using FrameAwaiter = future_internal::YieldNowAwaiter;  // co_await does the same by a short way

  Poll<void> poll(Context& cx) {
    if (cx.StopRequested()) return kStopped;
    if (has_yielded_) return Poll<void>::Ready();
    has_yielded_ = true;
    cx.PollAgain();
    return kPending;
  }

 private:
  bool has_yielded_ = false;
};

// Continues at once. Cancellation: stops. For loops that compute without waiting.
class [[nodiscard]] CheckStop {
 public:
  using Output = void;

  Poll<void> poll(Context& cx) {
    if (cx.StopRequested()) return kStopped;
    return Poll<void>::Ready();
  }
};

// `co_await CurrentToken()`: the token of the running task. Cancellation: none, ready at once.
class [[nodiscard]] CurrentToken {
 public:
  using Output = CancelToken;

  Poll<CancelToken> poll(Context& cx) { return CancelToken(cx.token()); }
};

// `co_await CurrentExecutor()`: the executor of the running task; never null. Cancellation: none,
// ready at once.
class [[nodiscard]] CurrentExecutor {
 public:
  using Output = Executor*;

  Poll<Executor*> poll(Context& cx) { return &cx.executor(); }
};

}  // namespace weft

#endif  // WEFT_FUTURE_POLL_FN_H_

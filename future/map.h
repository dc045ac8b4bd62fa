// future/map.h — a future whose value is passed through a function.
//
//   int length = co_await weft::Map(ReadLine(), [](std::string line) { return int(line.size()); });
//
// Holds the future inline; allocates nothing.
#ifndef WEFT_FUTURE_MAP_H_
#define WEFT_FUTURE_MAP_H_

#include <functional>
#include <type_traits>
#include <utility>

#include "future/await_chain.h"
#include "future/context.h"
#include "future/future.h"
#include "future/poll.h"

namespace weft {
namespace future_internal {

// What `Function` returns when it is given a T, or nothing for void.
template <typename Function, typename T>
struct InvokeOn : std::invoke_result<Function, T> {};
template <typename Function>
struct InvokeOn<Function, void> : std::invoke_result<Function> {};

}  // namespace future_internal

// What Map() makes. Exceptions of the function end it like those of the future. Cancellation: the
// future's; the function is not called when it stops. Safe to drop if the future is.
template <Future F, typename Function>
class [[nodiscard]] MapFuture {
 public:
  using Output = typename future_internal::InvokeOn<Function, OutputOf<F>>::type;

  MapFuture(F future, Function function)
      : future_(std::move(future)), function_(std::move(function)) {}

  Poll<Output> poll(Context& cx) {
    Poll<OutputOf<F>> poll = future_.poll(cx);
    if (poll.IsPending()) return kPending;
    if (poll.IsStopped()) return kStopped;
    if constexpr (std::is_void_v<Output>) {
      Invoke(poll);
      return Poll<void>::Ready();
    } else {
      return Invoke(poll);
    }
  }

  void VisitAwaited(AwaitVisitor& visitor) const { visitor.Visit(future_); }

 private:
  Output Invoke(Poll<OutputOf<F>>& poll) {
    if constexpr (std::is_void_v<OutputOf<F>>) {
      return std::invoke(std::move(function_));
    } else {
      return std::invoke(std::move(function_), std::move(poll).value());
    }
  }

  F future_;
  Function function_;
};

// A future of function(value); of function() if `future` has no value.
template <Future F, typename Function>
MapFuture<F, Function> Map(F future, Function function) {
  return MapFuture<F, Function>(std::move(future), std::move(function));
}

}  // namespace weft

#endif  // WEFT_FUTURE_MAP_H_

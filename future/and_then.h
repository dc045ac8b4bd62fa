// future/and_then.h — one future after another, the second made from the first one's value.
//
//   absl::StatusOr<Page> page = co_await weft::AndThen(Connect(address), [](Connection connection)
//   {
//     return Fetch(std::move(connection));
//   });
//
// If the first gives an absl::Status or absl::StatusOr<T>, the function gets the value (nothing for
// a Status) and an error skips it. Holds both inline; allocates nothing.
#ifndef WEFT_FUTURE_AND_THEN_H_
#define WEFT_FUTURE_AND_THEN_H_

#include <functional>
#include <type_traits>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "future/await_chain.h"
#include "future/context.h"
#include "future/future.h"
#include "future/internal/status_traits.h"
#include "future/poll.h"

namespace weft {
namespace future_internal {

// What `Function` returns after a success of T.
template <typename Function, typename T>
struct ContinueOn : std::invoke_result<Function, T> {};
template <typename Function, typename T>
struct ContinueOn<Function, absl::StatusOr<T>> : std::invoke_result<Function, T> {};
template <typename Function>
struct ContinueOn<Function, absl::Status> : std::invoke_result<Function> {};
template <typename Function>
struct ContinueOn<Function, void> : std::invoke_result<Function> {};

}  // namespace future_internal

// What AndThen() makes. Cancellation: that of the future which is running. The first future is
// destroyed when it has finished, before the second is polled. Safe to drop if both are.
template <Future F, typename Function>
class [[nodiscard]] AndThenFuture {
 public:
  using Second = typename future_internal::ContinueOn<Function, OutputOf<F>>::type;
  using Output = OutputOf<Second>;

  AndThenFuture(F first, Function function)
      : stage_(std::in_place_index<0>, std::move(first)), function_(std::move(function)) {}

  Poll<Output> poll(Context& cx) {
    if (stage_.index() == 0) {
      Poll<OutputOf<F>> poll = std::get<0>(stage_).poll(cx);
      if (poll.IsPending()) return kPending;
      if (poll.IsStopped()) return kStopped;
      if constexpr (future_internal::StatusLike<OutputOf<F>>) {
        if (!poll.value().ok()) return Output(future_internal::StatusOf(poll.value()));
      }
      stage_.template emplace<1>(Continue(poll));
    }
    return std::get<1>(stage_).poll(cx);
  }

  void VisitAwaited(AwaitVisitor& visitor) const {
    if (const auto* const first = std::get_if<0>(&stage_)) visitor.Visit(*first);
    if (const auto* const second = std::get_if<1>(&stage_)) visitor.Visit(*second);
  }

 private:
  Second Continue(Poll<OutputOf<F>>& poll) {
    using T = OutputOf<F>;
    if constexpr (std::is_void_v<T> || std::is_same_v<T, absl::Status>) {
      return std::invoke(std::move(function_));
    } else if constexpr (future_internal::StatusLike<T>) {
      return std::invoke(std::move(function_), *std::move(poll).value());
    } else {
      return std::invoke(std::move(function_), std::move(poll).value());
    }
  }

  std::variant<F, Second> stage_;
  Function function_;
};

// Runs `first`, then the future that function(value) returns.
template <Future F, typename Function>
AndThenFuture<F, Function> AndThen(F first, Function function) {
  return AndThenFuture<F, Function>(std::move(first), std::move(function));
}

}  // namespace weft

#endif  // WEFT_FUTURE_AND_THEN_H_

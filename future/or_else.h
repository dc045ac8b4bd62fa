// future/or_else.h — a second future where the first has failed.
//
//   auto config = co_await weft::OrElse(Fetch(url), [](absl::Status) { return ReadFile(path); });
//   auto page = co_await weft::OrElse(weft::Try(Parse(text)), [](weft::Tried<Page> failure) {
//     return weft::Ready(EmptyPage());
//   });
//
// The first gives an absl::Status or absl::StatusOr<T>, and the function gets the error; or it is a
// Try() (try.h), and the function gets its result, so that exceptions are failures too. After a
// success the function is not called. The result is that of the second future; a success of the
// first must convert to it. The counterpart is AndThen (and_then.h).
//
//   Errors           An exception of the first, unless inside Try(), is not caught. Exceptions of
//                    the function and of the second are passed on.
//   Cancellation     That of the future which is running; a stop is no failure and calls nothing.
//                    The first is destroyed before the second is polled. Safe to drop if both are.
//   Complexity       No allocation (the error apart).
#ifndef WEFT_FUTURE_OR_ELSE_H_
#define WEFT_FUTURE_OR_ELSE_H_

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
#include "future/try.h"

namespace weft {
namespace future_internal {

// How OrElse() sees what the first future gives. Failure: what the function gets. TakeSuccess<To>:
// the end of the whole after a success.
template <typename T>
struct FailureTraits;
template <StatusLike T>
struct FailureTraits<T> {
  using Failure = absl::Status;
  static Failure TakeFailure(T&& end) { return StatusOf(end); }
  template <typename To>
  static Poll<To> TakeSuccess(T&& end) {
    if constexpr (std::is_void_v<To>) {
      return Poll<void>::Ready();
    } else if constexpr (StatusLike<To>) {
      return To(std::move(end));
    } else {
      return To(ValueOf(std::move(end)));
    }
  }
};
template <typename T>
struct FailureTraits<Tried<T>> {
  using Failure = Tried<T>;
  static Failure TakeFailure(Tried<T>&& end) { return std::move(end); }
  template <typename To>
  static Poll<To> TakeSuccess(Tried<T>&& end) {
    if constexpr (std::is_void_v<To>) {
      return Poll<void>::Ready();
    } else if constexpr (std::is_void_v<T>) {
      return To();
    } else {
      return To(std::move(end).value());
    }
  }
};

}  // namespace future_internal

// What OrElse() makes: see the head of the file.
template <Future F, typename Function>
class [[nodiscard]] OrElseFuture {
  using Traits = future_internal::FailureTraits<OutputOf<F>>;

 public:
  using Second = std::invoke_result_t<Function, typename Traits::Failure>;
  using Output = OutputOf<Second>;

  OrElseFuture(F first, Function function)
      : function_(std::move(function)), stage_(std::in_place_index<0>, std::move(first)) {}

  Poll<Output> poll(Context& cx) {
    if (stage_.index() == 0) {
      Poll<OutputOf<F>> poll = std::get<0>(stage_).poll(cx);
      if (poll.IsPending()) return kPending;
      if (poll.IsStopped()) return kStopped;
      if (poll.value().ok()) {
        return Traits::template TakeSuccess<Output>(std::move(poll).value());
      }
      stage_.template emplace<1>(
          std::invoke(std::move(function_), Traits::TakeFailure(std::move(poll).value())));
    }
    return std::get<1>(stage_).poll(cx);
  }

  void VisitAwaited(AwaitVisitor& visitor) const {
    if (const auto* const first = std::get_if<0>(&stage_)) visitor.Visit(*first);
    if (const auto* const second = std::get_if<1>(&stage_)) visitor.Visit(*second);
  }

 private:
  Function function_;
  std::variant<F, Second> stage_;
};

// Runs `first`; if it fails, then the future that function(failure) returns.
template <Future F, typename Function>
OrElseFuture<F, Function> OrElse(F first, Function function) {
  return OrElseFuture<F, Function>(std::move(first), std::move(function));
}

}  // namespace weft

#endif  // WEFT_FUTURE_OR_ELSE_H_

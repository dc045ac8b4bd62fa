// future/try.h — how a future ended, as a value: an error or an exception does not leave early.
//
//   weft::Tried<Page> page = co_await weft::Try(Fetch(url));
//   if (!page.ok()) Log(page.status());
//
// For whoever must look at every end (logging, cleaning up, trying something else, see or_else.h).
// A stop is no end to be looked at: it stays a stop.
//
//   Errors           None: what the future throws is in the result.
//   Cancellation     The future's. Safe to drop if it is.
//   Complexity       No allocation.
#ifndef WEFT_FUTURE_TRY_H_
#define WEFT_FUTURE_TRY_H_

#include <exception>
#include <type_traits>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "base/check.h"
#include "future/await_chain.h"
#include "future/context.h"
#include "future/future.h"
#include "future/internal/status_traits.h"
#include "future/poll.h"

namespace weft {
namespace future_internal {

// absl::UnknownError with what the exception says. Precondition: not null.
absl::Status StatusOfException(const std::exception_ptr& exception);

}  // namespace future_internal

// A value or an exception. The value of Tried<void> is std::monostate; that of a future of
// absl::Status or absl::StatusOr may be an error. As movable and copyable as T.
template <typename T>
class [[nodiscard]] Tried {
 public:
  explicit Tried(NonVoid<T> value) : end_(std::in_place_index<0>, std::move(value)) {}
  explicit Tried(std::exception_ptr exception)
      : end_(std::in_place_index<1>, std::move(exception)) {}

  // Whether the future succeeded: there is a value, and it is not an error.
  bool ok() const {
    if (end_.index() != 0) return false;
    if constexpr (future_internal::StatusLike<T>) return std::get<0>(end_).ok();
    return true;
  }

  // What went wrong: the error of the value, or absl::UnknownError with what the exception says;
  // OK if nothing did.
  absl::Status status() const {
    if (end_.index() != 0) return future_internal::StatusOfException(std::get<1>(end_));
    if constexpr (future_internal::StatusLike<T>) {
      return future_internal::StatusOf(std::get<0>(end_));
    }
    return absl::OkStatus();
  }

  // The exception; null if there is a value.
  std::exception_ptr exception() const {
    return end_.index() == 0 ? std::exception_ptr() : std::get<1>(end_);
  }

  // The value. Precondition (checked): there is no exception.
  NonVoid<T>& value() & {
    WEFT_CHECK(end_.index() == 0) << "Tried::value(): expected a value, found an exception ("
                                  << status().message()
                                  << "); test ok() first, or rethrow it by Take()";
    return std::get<0>(end_);
  }
  NonVoid<T>&& value() && { return std::move(value()); }

  // The value, or the exception thrown: as if the future had been awaited without Try().
  T Take() && {
    if (end_.index() != 0) std::rethrow_exception(std::get<1>(end_));
    if constexpr (!std::is_void_v<T>) return std::get<0>(std::move(end_));
  }

 private:
  std::variant<NonVoid<T>, std::exception_ptr> end_;
};

// What Try() makes: see the head of the file.
template <Future F>
class [[nodiscard]] TryFuture {
 public:
  using Output = Tried<OutputOf<F>>;

  explicit TryFuture(F future) : future_(std::move(future)) {}

  Poll<Output> poll(Context& cx) {
    try {
      Poll<OutputOf<F>> poll = future_.poll(cx);
      if (poll.IsPending()) return kPending;
      if (poll.IsStopped()) return kStopped;
      if constexpr (std::is_void_v<OutputOf<F>>) {
        return Output(std::monostate());
      } else {
        return Output(std::move(poll).value());
      }
    } catch (...) {
      return Output(std::current_exception());
    }
  }

  void VisitAwaited(AwaitVisitor& visitor) const { visitor.Visit(future_); }

 private:
  F future_;
};

// `future`, and how it ended.
template <Future F>
TryFuture<F> Try(F future) {
  return TryFuture<F>(std::move(future));
}

}  // namespace weft

#endif  // WEFT_FUTURE_TRY_H_

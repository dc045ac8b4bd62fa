// future/promise.h — a value that somebody else will set: the way in for what is no future.
//
//   auto [promise, future] = weft::MakePromise<Page>();
//   library->Fetch(url, [p = std::move(promise)](Page page) mutable { std::move(p).Set(page); });
//   absl::StatusOr<Page> page = co_await std::move(future);
//
// The promise is set at most once, from any thread, also one that knows nothing of tasks: a
// callback, a signal handler's thread, another runtime. A promise that goes without being set gives
// absl::AbortedError. //channel:oneshot is the same with a receiver that is no future: it asks
// again after a stop, closes, and tells a missing value from an error.
//
//   Errors           What Set() was given: the result is absl::StatusOr<T>, absl::Status for void
//                    (not nested if T is one of them).
//   Thread safety    The two ends may be on different threads; each end from one thread at a time.
//   Memory ordering  What X did before Set() is visible to Y after the poll that gives the value.
//   Cancellation     PromiseFuture stops at once, unless its value is there. Safe to drop; a value
//                    inside is destroyed, and a later Set() gets its value back.
//   Complexity       O(1), lock-free; one allocation for both ends.
#ifndef WEFT_FUTURE_PROMISE_H_
#define WEFT_FUTURE_PROMISE_H_

#include <concepts>
#include <optional>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/check.h"
#include "future/context.h"
#include "future/internal/oneshot_cell.h"
#include "future/internal/status_traits.h"
#include "future/poll.h"

namespace weft {

template <typename T>
struct PromiseEnds;

// Sets the value. Move-only.
template <typename T>
class Promise {
 public:
  // What the future gives.
  using Result = typename future_internal::StatusTraits<T>::WithStatus;

  Promise(Promise&& other) noexcept : cell_(std::exchange(other.cell_, nullptr)) {}
  Promise& operator=(Promise&& other) noexcept {
    std::swap(cell_, other.cell_);
    return *this;
  }
  ~Promise() {
    if (cell_ != nullptr) cell_->Abandon();
  }

  // Ends the future with `result`: a value or an error. Gives it back if the future is gone;
  // whoever does not mind ignores that. Precondition (checked): not set before, not moved from.
  std::optional<Result> Set(Result result) && {
    WEFT_CHECK(cell_ != nullptr)
        << "Promise::Set(): expected an unset promise, found one that was set or moved away";
    if (std::exchange(cell_, nullptr)->Send(result)) return std::nullopt;
    return result;
  }
  std::optional<Result> Set() &&
    requires std::same_as<Result, absl::Status>
  {
    return std::move(*this).Set(absl::OkStatus());
  }

  // Whether nobody waits for the value any more: computing it is a waste. False once set.
  bool IsUnwanted() const { return cell_ != nullptr && cell_->IsClosed(); }

 private:
  friend struct PromiseEnds<T>;
  explicit Promise(future_internal::OneshotCell<Result>* cell) : cell_(cell) {}

  future_internal::OneshotCell<Result>* cell_;  // null when set or moved from
};

// The value of a Promise. Move-only.
template <typename T>
class [[nodiscard]] PromiseFuture {
 public:
  using Output = typename Promise<T>::Result;

  PromiseFuture(PromiseFuture&& other) noexcept : cell_(std::exchange(other.cell_, nullptr)) {}
  PromiseFuture& operator=(PromiseFuture&& other) noexcept {
    std::swap(cell_, other.cell_);
    return *this;
  }
  ~PromiseFuture() {
    if (cell_ != nullptr) cell_->Leave();
  }

  Poll<Output> poll(Context& cx) {
    using future_internal::OneshotArrival;
    switch (cx.StopRequested() ? cell_->Look() : cell_->Await(cx.waker())) {
      case OneshotArrival::kNotYet:
        if (!cx.StopRequested()) return kPending;
        cell_->ForgetWaker();
        return kStopped;
      case OneshotArrival::kValue:
        return cell_->Take();
      case OneshotArrival::kNever:
        break;
    }
    return Output(absl::AbortedError("the promise went without being set"));
  }

 private:
  friend struct PromiseEnds<T>;
  explicit PromiseFuture(future_internal::OneshotCell<Output>* cell) : cell_(cell) {}

  future_internal::OneshotCell<Output>* cell_;  // null when moved from
};

// Both ends; take it apart with a structured binding.
template <typename T>
struct PromiseEnds {
  PromiseEnds() : PromiseEnds(new future_internal::OneshotCell<typename Promise<T>::Result>()) {}

  Promise<T> promise;
  PromiseFuture<T> future;

 private:
  explicit PromiseEnds(future_internal::OneshotCell<typename Promise<T>::Result>* cell)
      : promise(cell), future(cell) {}
};

// A new promise and its future.
template <typename T = void>
PromiseEnds<T> MakePromise() {
  return PromiseEnds<T>();
}

}  // namespace weft

#endif  // WEFT_FUTURE_PROMISE_H_

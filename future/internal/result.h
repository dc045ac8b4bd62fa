// future/internal/result.h — what a finished future left behind.
#ifndef WEFT_FUTURE_INTERNAL_RESULT_H_
#define WEFT_FUTURE_INTERNAL_RESULT_H_

#include <exception>
#include <type_traits>
#include <utility>
#include <variant>

#include "future/future.h"
#include "future/poll.h"

namespace weft::future_internal {

// A value, an exception, "stopped", or nothing yet: then an Unset.
template <typename T, typename Unset = std::monostate>
class Result {
 public:
  Result() = default;
  explicit Result(Unset unset) : state_(std::in_place_index<0>, std::move(unset)) {}

  template <typename... Args>
  void SetValue(Args&&... args) {
    state_.template emplace<1>(std::forward<Args>(args)...);
  }
  void SetException(std::exception_ptr exception) {
    state_.template emplace<2>(std::move(exception));
  }
  void SetStopped() { state_.template emplace<3>(); }

  bool IsSet() const { return state_.index() != 0; }
  // Precondition: !IsSet().
  const Unset& unset() const { return std::get<0>(state_); }
  bool HasValue() const { return state_.index() == 1; }
  bool HasException() const { return state_.index() == 2; }
  bool IsStopped() const { return state_.index() == 3; }

  // Returns the value or rethrows the exception. Precondition: there is one of the two.
  T Take() {
    if (HasException()) std::rethrow_exception(std::get<2>(std::move(state_)));
    if constexpr (!std::is_void_v<T>) return std::get<1>(std::move(state_));
  }

  // The exception. Precondition: HasException().
  const std::exception_ptr& exception() const { return std::get<2>(state_); }

  // How the future ended, as its poller would have seen it. Precondition: IsSet().
  Poll<T> TakePoll() {
    if (IsStopped()) return kStopped;
    if constexpr (std::is_void_v<T>) {
      Take();
      return Poll<void>::Ready();
    } else {
      return Take();
    }
  }

  // The value, monostate for void. Precondition: HasValue().
  NonVoid<T>& value() { return std::get<1>(state_); }

  // Polls `future` and keeps how it ended. kPending leaves the result unset. An exception counts as
  // kReady.
  template <typename F>
  PollState PollFrom(F& future, Context& cx) noexcept {
    try {
      auto poll = future.poll(cx);
      if (poll.IsStopped()) SetStopped();
      if (poll.IsReady()) {
        if constexpr (std::is_void_v<T>) {
          SetValue();
        } else {
          SetValue(std::move(poll).value());
        }
      }
      return poll.state();
    } catch (...) {
      SetException(std::current_exception());
      return PollState::kReady;
    }
  }

 private:
  struct Stopped {};
  std::variant<Unset, NonVoid<T>, std::exception_ptr, Stopped> state_;
};

}  // namespace weft::future_internal

#endif  // WEFT_FUTURE_INTERNAL_RESULT_H_

// future/internal/result.h — what a finished future left behind.
#ifndef WEFT_FUTURE_INTERNAL_RESULT_H_
#define WEFT_FUTURE_INTERNAL_RESULT_H_

#include <exception>
#include <new>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/check.h"
#include "future/future.h"
#include "future/poll.h"

namespace weft::future_internal {

// A value, an exception, "stopped", or nothing yet: then an Unset. Movable; moving leaves what was
// moved from.
template <typename T, typename Unset = std::monostate>
class Result {
 public:
  using Value = NonVoid<T>;
  static_assert(std::is_trivially_copyable_v<Unset>);

  Result() noexcept : unset_() {}
  explicit Result(Unset unset) noexcept : unset_(unset) {}
  Result(Result&& other) noexcept(kMovesSafely) : unset_() { MoveFrom(other); }
  Result& operator=(Result&& other) noexcept(kMovesSafely) {
    if (this != &other) {
      Reset();
      MoveFrom(other);
    }
    return *this;
  }
  ~Result() { Reset(); }

  // Precondition: there is no exception.
  template <typename... Args>
  void SetValue(Args&&... args) {
    WEFT_DCHECK(!HasException()) << "Result::SetValue(): there is an exception";
    if constexpr (!std::is_trivially_destructible_v<Value>) {
      if (IsSet()) [[unlikely]]
        Reset();
    }
    Put(std::forward<Args>(args)...);
  }
  void SetException(std::exception_ptr exception) {
    Reset();
    ::new (&exception_) std::exception_ptr(std::move(exception));
    state_ = State::kException;
  }
  void SetStopped() {
    Reset();
    state_ = State::kStopped;
  }

  bool IsSet() const { return state_ != State::kUnset; }
  // Precondition: !IsSet().
  const Unset& unset() const { return unset_; }
  bool HasValue() const { return state_ == State::kValue; }
  bool HasException() const { return state_ == State::kException; }
  bool IsStopped() const { return state_ == State::kStopped; }

  // Returns the value or rethrows the exception. Precondition: there is one of the two.
  T Take() {
    if (HasException()) [[unlikely]]
      Rethrow();
    if constexpr (!std::is_void_v<T>) return std::move(value());
  }

  // The exception. Precondition: HasException().
  const std::exception_ptr& exception() const { return exception_; }

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
  Value& value() {
    WEFT_DCHECK(HasValue()) << "Result::value(): there is none";
    return value_;
  }

  // A future that has PollInto() leaves its outcome here by itself.
  template <typename F>
    requires requires(F& future, Result& result, Context& cx) { future.PollInto(result, cx); }
  [[gnu::always_inline]] PollState PollFrom(F& future, Context& cx) noexcept {
    return future.PollInto(*this, cx);
  }

  // Polls `future` and keeps how it ended. kPending leaves the result unset. An exception counts as
  // kReady. Precondition: unset.
  template <typename F>
  PollState PollFrom(F& future, Context& cx) noexcept {
    try {
      auto poll = future.poll(cx);
      if (poll.IsStopped()) state_ = State::kStopped;
      if (poll.IsReady()) {
        if constexpr (std::is_void_v<T>) {
          Put();
        } else {
          Put(std::move(poll).value());
        }
      }
      return poll.state();
    } catch (...) {
      SetException(std::current_exception());
      return PollState::kReady;
    }
  }

 private:
  enum class State : unsigned char { kUnset, kValue, kException, kStopped };
  static constexpr bool kMovesSafely = std::is_nothrow_move_constructible_v<Value>;

  // Out of line, since every co_await looks for it.
  [[noreturn, gnu::cold, gnu::noinline]] void Rethrow() {
    std::rethrow_exception(std::move(exception_));
  }

  // Precondition of both: unset.
  template <typename... Args>
  void Put(Args&&... args) {
    ::new (&value_) Value(std::forward<Args>(args)...);
    state_ = State::kValue;
  }
  void MoveFrom(Result& other) {
    if (other.HasValue()) {
      ::new (&value_) Value(std::move(other.value_));
    } else if (other.HasException()) {
      ::new (&exception_) std::exception_ptr(std::move(other.exception_));
    } else if (!other.IsSet()) {
      ::new (&unset_) Unset(other.unset_);
    }
    state_ = other.state_;
  }
  void Reset() {
    if (HasValue()) {
      value_.~Value();
    } else if (HasException()) {
      exception_.~exception_ptr();
    }
    state_ = State::kUnset;
  }

  union {
    Unset unset_;
    Value value_;
    std::exception_ptr exception_;
  };
  State state_ = State::kUnset;
};

}  // namespace weft::future_internal

#endif  // WEFT_FUTURE_INTERNAL_RESULT_H_

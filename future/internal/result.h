// future/internal/result.h — what a finished future left behind.
#ifndef WEFT_FUTURE_INTERNAL_RESULT_H_
#define WEFT_FUTURE_INTERNAL_RESULT_H_

#include <exception>
#include <new>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "future/future.h"
#include "future/poll.h"

namespace weft::future_internal {

enum class ResultState : unsigned char { kUnset, kValue, kException, kStopped };

// Where a Result keeps its state, if not with something else.
class OwnState {
 public:
  ResultState state() const { return state_; }
  void SetState(ResultState state) { state_ = state; }
  // Precondition: kUnset.
  void SetFirstState(ResultState state) { state_ = state; }

 private:
  ResultState state_ = ResultState::kUnset;
};

// A value, an exception, "stopped", or nothing yet. Movable; moving leaves what was moved from.
template <typename T, typename Base = OwnState>
class Result : public Base {
  using State = ResultState;

 public:
  using Value = NonVoid<T>;

  Result() noexcept : unset_(nullptr) {}
  // Unset, or presumed to become a value: as the base says. Not moved before it is set.
  template <typename... Args>
  explicit Result(std::in_place_t, Args&&... base) noexcept : Base(std::forward<Args>(base)...) {}
  Result(Result&& other) noexcept(kMovesSafely) : unset_(nullptr) { MoveFrom(other); }
  Result& operator=(Result&& other) noexcept(kMovesSafely) {
    if (this != &other) {
      Reset();
      MoveFrom(other);
    }
    return *this;
  }
  ~Result() { Destroy(); }

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
  // The same, but leaves the state to the caller. Precondition: no value.
  template <typename... Args>
  void SetValueOnly(Args&&... args) {
    ::new (&value_) Value(std::forward<Args>(args)...);
  }
  void SetException(std::exception_ptr exception) {
    Reset();
    ::new (&exception_) std::exception_ptr(std::move(exception));
    this->SetFirstState(State::kException);
  }
  void SetStopped() {
    Reset();
    this->SetFirstState(State::kStopped);
  }
  // Moves the value or the exception of another result; if that throws, what it throws.
  // Precondition: the other one has one of them, and this one is unset.
  template <typename OtherBase>
  void SetFrom(Result<T, OtherBase>& other) noexcept {
    if (!other.HasValue()) [[unlikely]]
      return SetException(other.exception());
    try {
      Put(std::move(other.value()));
    } catch (...) {
      SetException(std::current_exception());
    }
  }

  bool IsSet() const { return this->state() != State::kUnset; }
  bool HasValue() const { return this->state() == State::kValue; }
  bool HasException() const { return this->state() == State::kException; }
  bool IsStopped() const { return this->state() == State::kStopped; }

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
      if (poll.IsStopped()) this->SetFirstState(State::kStopped);
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

 protected:
  // Until it is set, keeps a pointer: to whom the result will come from.
  explicit Result(void* unset) noexcept : unset_(unset) {}
  void* unset() const { return unset_; }

 private:
  static constexpr bool kMovesSafely = std::is_nothrow_move_constructible_v<Value>;

  // Out of line, since every co_await looks for it.
  [[noreturn, gnu::cold, gnu::noinline]] void Rethrow() {
    std::rethrow_exception(std::move(exception_));
  }

  // Precondition of both: unset.
  template <typename... Args>
  void Put(Args&&... args) {
    ::new (&value_) Value(std::forward<Args>(args)...);
    this->SetFirstState(State::kValue);
  }
  void MoveFrom(Result& other) {
    if (other.HasValue()) {
      ::new (&value_) Value(std::move(other.value_));
    } else if (other.HasException()) {
      ::new (&exception_) std::exception_ptr(std::move(other.exception_));
    } else if (!other.IsSet()) {
      unset_ = other.unset_;
    }
    this->SetState(other.state());
  }
  void Reset() {
    Destroy();
    this->SetState(State::kUnset);
  }
  void Destroy() {
    if (HasValue()) {
      value_.~Value();
    } else if (HasException()) {
      exception_.~exception_ptr();
    }
  }

  union {
    void* unset_;
    Value value_;
    std::exception_ptr exception_;
  };
};

// A result that keeps its future in its own place until there is one.
template <typename F>
class ResultFrom : public Result<OutputOf<F>> {
 public:
  explicit ResultFrom(F* future) noexcept
      : Result<OutputOf<F>>(const_cast<std::remove_const_t<F>*>(future)) {}
  // Precondition: !IsSet().
  F& future() const { return *static_cast<F*>(this->unset()); }
};

}  // namespace weft::future_internal

#endif  // WEFT_FUTURE_INTERNAL_RESULT_H_

// future/poll.h — the answer of a future that was asked once: not yet, a value, or stopped.
//
//   kPending   the future has kept the waker and will use it when asking again makes sense.
//   a value    the future is finished; asking again is a caller's bug.
//   kStopped   the future was cancelled and has let go of everything; there is no value and there
//              never will be. Not an error: an awaiting coroutine does not see it, it is unwound.
#ifndef WEFT_FUTURE_POLL_H_
#define WEFT_FUTURE_POLL_H_

#include <concepts>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/check.h"

namespace weft {

// The three answers without the value.
enum class PollState : unsigned char { kPending, kReady, kStopped };

// Converts to the pending answer of every Poll<T>.
struct PendingTag {};
inline constexpr PendingTag kPending;

// Converts to the stopped answer of every Poll<T>.
struct StoppedTag {};
inline constexpr StoppedTag kStopped;

// Stands for `void` where a value is needed (tuples, variants).
template <typename T>
using NonVoid = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

// The answer with its value. Thread-compatible; as movable and copyable as T.
template <typename T>
class [[nodiscard]] Poll {
 public:
  using Value = T;

  // NOTE: implicit on purpose: `return kPending;`, `return kStopped;` and `return value;`.
  Poll(PendingTag) : state_(PollState::kPending) {}
  Poll(StoppedTag) : state_(PollState::kStopped) {}
  template <typename U = T>
    requires std::constructible_from<T, U&&> && (!std::same_as<std::remove_cvref_t<U>, Poll>) &&
                 (!std::same_as<std::remove_cvref_t<U>, PendingTag>) &&
                 (!std::same_as<std::remove_cvref_t<U>, StoppedTag>)
  Poll(U&& value) : state_(PollState::kReady), value_(std::forward<U>(value)) {}

  PollState state() const { return state_; }
  bool IsPending() const { return state_ == PollState::kPending; }
  bool IsReady() const { return state_ == PollState::kReady; }
  bool IsStopped() const { return state_ == PollState::kStopped; }

  // The value. Precondition (checked): IsReady().
  T& value() & {
    WEFT_CHECK(IsReady()) << "Poll::value(): the future is pending or stopped and has no value";
    return *value_;
  }
  T&& value() && { return std::move(value()); }

 private:
  PollState state_;
  std::optional<T> value_;
};

// The answer of a future without a value: kPending, kStopped or Poll<void>::Ready().
template <>
class [[nodiscard]] Poll<void> {
 public:
  using Value = void;

  Poll(PendingTag) : state_(PollState::kPending) {}
  Poll(StoppedTag) : state_(PollState::kStopped) {}
  static Poll Ready() { return Poll(PollState::kReady); }

  PollState state() const { return state_; }
  bool IsPending() const { return state_ == PollState::kPending; }
  bool IsReady() const { return state_ == PollState::kReady; }
  bool IsStopped() const { return state_ == PollState::kStopped; }

  // Checks IsReady(); the counterpart of Poll<T>::value() for generic code.
  void value() const {
    WEFT_CHECK(IsReady()) << "Poll::value(): the future is pending or stopped and has no value";
  }

 private:
  explicit Poll(PollState state) : state_(state) {}

  PollState state_;
};

}  // namespace weft

#endif  // WEFT_FUTURE_POLL_H_

// mpmc/pop_result.h — what a pop from a queue answers: a value, or why there is none.
#ifndef WEFT_MPMC_POP_RESULT_H_
#define WEFT_MPMC_POP_RESULT_H_

#include <cstdlib>
#include <optional>
#include <utility>

#include "base/check.h"

namespace weft {

// How a pop ended. Each operation says which of these it answers.
enum class PopOutcome {
  kOk,        // The caller owns a value.
  kEmpty,     // There was no value.
  kBusy,      // A weak pop found no finished value: the queue is empty, or another thread is slow.
  kClosed,    // The queue is closed and drained: there will never be a value again.
  kDeadline,  // There was no value until the deadline.
  kStop,      // There was no value until the caller was asked to stop.
};

// A value, or the reason why there is none. Reads like a std::optional and converts to one.
// Thread-compatible.
template <typename T>
class PopResult {
 public:
  // A pop that took `value`.
  explicit PopResult(T value) : outcome_(PopOutcome::kOk), value_(std::move(value)) {}

  // A pop that took nothing. Precondition (checked in debug builds): outcome != kOk.
  static PopResult None(PopOutcome outcome) {
    WEFT_DCHECK(outcome != PopOutcome::kOk)
        << "PopResult::None(): expected a reason why there is no value, found kOk";
    return PopResult(outcome);
  }

  // How the pop ended.
  PopOutcome outcome() const { return outcome_; }

  // Whether there is a value.
  bool ok() const { return value_.has_value(); }
  bool has_value() const { return value_.has_value(); }
  explicit operator bool() const { return value_.has_value(); }

  // The value. Precondition (checked): ok().
  T& operator*() & { return Checked(); }
  const T& operator*() const& { return const_cast<PopResult*>(this)->Checked(); }
  T&& operator*() && { return std::move(Checked()); }
  T* operator->() { return &Checked(); }
  const T* operator->() const { return &const_cast<PopResult*>(this)->Checked(); }

  // The value, without the reason why there is none.
  operator std::optional<T>() && { return std::move(value_); }

  // Compares as a std::optional does.
  template <typename U>
  friend bool operator==(const PopResult& result, const U& value) {
    return result.value_ == value;
  }
  friend bool operator==(const PopResult& result, std::nullopt_t) { return !result.ok(); }

 private:
  explicit PopResult(PopOutcome outcome) : outcome_(outcome) {}

  T& Checked() {
    WEFT_CHECK(value_.has_value()) << "PopResult: expected a pop that took a value, found outcome "
                                   << static_cast<int>(outcome_) << "; test ok() first";
    return *value_;
  }

  PopOutcome outcome_;
  std::optional<T> value_;
};

}  // namespace weft

#endif  // WEFT_MPMC_POP_RESULT_H_

// channel/outcome.h — how the operations of a channel end.
#ifndef WEFT_CHANNEL_OUTCOME_H_
#define WEFT_CHANNEL_OUTCOME_H_

#include <optional>
#include <utility>

#include "base/check.h"

namespace weft {

// How a send ended.
enum class SendOutcome : unsigned char {
  kOk,      // The channel owns the value.
  kFull,    // There was no room; only TrySend() answers this. The sender owns the value.
  kClosed,  // The channel is closed. The sender owns the value.
};

// How a TryReceive() ended.
enum class ReceiveOutcome : unsigned char {
  kOk,      // There is a value.
  kEmpty,   // There is no value now; one may come.
  kClosed,  // The channel is closed and drained; no value will come.
};

// The end of a send that was given its value: when it is not kOk, the value is here.
template <typename T>
class [[nodiscard]] SendResult {
 public:
  // The channel took the value.
  static SendResult Ok() { return SendResult(SendOutcome::kOk); }
  // The channel refused it. Precondition: `outcome` is not kOk.
  static SendResult Rejected(SendOutcome outcome, T value) {
    SendResult result(outcome);
    result.rejected_.emplace(std::move(value));
    return result;
  }

  SendOutcome outcome() const { return outcome_; }
  bool ok() const { return outcome_ == SendOutcome::kOk; }

  // Moves the rejected value out. Precondition (checked): !ok().
  T TakeRejected() && {
    WEFT_CHECK(rejected_.has_value())
        << "SendResult::TakeRejected(): expected a rejected send, found an accepted one; test ok() "
           "first";
    return *std::move(rejected_);
  }

 private:
  explicit SendResult(SendOutcome outcome) : outcome_(outcome) {}

  SendOutcome outcome_;
  std::optional<T> rejected_;
};

// The end of a TryReceive().
template <typename T>
struct [[nodiscard]] TryReceiveResult {
  ReceiveOutcome outcome;
  std::optional<T> value;  // Engaged exactly when outcome is kOk.
};

}  // namespace weft

#endif  // WEFT_CHANNEL_OUTCOME_H_

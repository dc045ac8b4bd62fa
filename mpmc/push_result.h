// mpmc/push_result.h — what a push into a bounded queue answers: accepted, or the value back.
#ifndef WEFT_MPMC_PUSH_RESULT_H_
#define WEFT_MPMC_PUSH_RESULT_H_

#include <optional>
#include <utility>

#include "base/check.h"

namespace weft {

// How a push ended.
enum class PushOutcome {
  kOk,    // The queue owns the value.
  kFull,  // The queue had no free slot; the caller still owns the value.
};

// The outcome of one push. When it is not kOk it carries the rejected value, so that a push never
// loses what it was given. Thread-compatible.
template <typename T>
class [[nodiscard]] PushResult {
 public:
  // The value was accepted.
  static PushResult Ok() { return PushResult(); }
  // The value was rejected because the queue was full.
  static PushResult Full(T value) { return PushResult(std::move(value)); }

  // Why the push ended.
  PushOutcome outcome() const { return rejected_ ? PushOutcome::kFull : PushOutcome::kOk; }

  // Whether the queue owns the value.
  bool ok() const { return !rejected_; }

  // Moves the rejected value out. Precondition (checked): !ok().
  T TakeRejected() && {
    WEFT_CHECK(rejected_.has_value())
        << "PushResult::TakeRejected(): expected a rejected push, found an accepted one; test "
           "ok() first";
    return *std::move(rejected_);
  }

 private:
  PushResult() = default;
  explicit PushResult(T value) : rejected_(std::move(value)) {}

  std::optional<T> rejected_;
};

}  // namespace weft

#endif  // WEFT_MPMC_PUSH_RESULT_H_

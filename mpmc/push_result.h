// mpmc/push_result.h — what a push into a queue answers: accepted, or why not and the value back.
#ifndef WEFT_MPMC_PUSH_RESULT_H_
#define WEFT_MPMC_PUSH_RESULT_H_

#include <optional>
#include <type_traits>
#include <utility>

#include "base/check.h"

namespace weft {

// How a push ended. Each operation says which of these it answers.
enum class PushOutcome {
  kOk,        // The queue owns the value.
  kFull,      // There was no room.
  kBusy,      // A weak push found its slot not free: the queue is full, or another thread is slow.
  kTooLarge,  // The value alone exceeds the bound; it will never fit.
  kClosed,    // The queue is closed and takes nothing more.
  kDeadline,  // There was no room until the deadline.
  kStop,      // There was no room until the caller was asked to stop.
};

// The outcome of one push. When it is not kOk it carries the refused value, so that a push never
// loses what it was given. Thread-compatible.
template <typename T>
class [[nodiscard]] PushResult {
 public:
  // The value was accepted.
  static PushResult Ok() { return PushResult(); }
  // The value was refused. Precondition (checked in debug builds): outcome != kOk.
  static PushResult Refused(PushOutcome outcome, T value) {
    WEFT_DCHECK(outcome != PushOutcome::kOk)
        << "PushResult::Refused(): expected a reason to refuse, found kOk";
    return PushResult(outcome, std::move(value));
  }

  PushResult(PushResult&&) = default;
  // So that a value that is refused can be tried again in a loop; T need not be assignable.
  PushResult& operator=(PushResult&& other) noexcept(std::is_nothrow_move_constructible_v<T>) {
    if (this == &other) return *this;
    outcome_ = other.outcome_;
    rejected_.reset();
    if (other.rejected_.has_value()) rejected_.emplace(*std::move(other.rejected_));
    return *this;
  }
  ~PushResult() = default;

  // How the push ended.
  PushOutcome outcome() const { return outcome_; }

  // Whether the queue owns the value.
  bool ok() const { return outcome_ == PushOutcome::kOk; }

  // Moves the refused value out. Precondition (checked): !ok().
  T TakeRejected() && {
    WEFT_CHECK(rejected_.has_value())
        << "PushResult::TakeRejected(): expected a rejected push, found an accepted one; test "
           "ok() first";
    return *std::move(rejected_);
  }

 private:
  PushResult() = default;
  PushResult(PushOutcome outcome, T value) : outcome_(outcome), rejected_(std::move(value)) {}

  PushOutcome outcome_ = PushOutcome::kOk;
  std::optional<T> rejected_;
};

// The outcome of a push that makes room. Thread-compatible.
template <typename T>
struct [[nodiscard]] OverwriteResult {
  // kOk or kClosed.
  PushOutcome outcome = PushOutcome::kOk;
  // kOk: the oldest value, if the queue was full.
  std::optional<T> displaced;
  // kClosed: the value that was to be pushed.
  std::optional<T> rejected;

  bool ok() const { return outcome == PushOutcome::kOk; }
};

}  // namespace weft

#endif  // WEFT_MPMC_PUSH_RESULT_H_

// channel/internal/oneshot_state.h — the state that the two ends of a oneshot share.
#ifndef WEFT_CHANNEL_INTERNAL_ONESHOT_STATE_H_
#define WEFT_CHANNEL_INTERNAL_ONESHOT_STATE_H_

#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "future/context.h"
#include "future/poll.h"
#include "future/waker.h"

namespace weft::channel_internal {

// One value on its way, the task that waits for it, and which ends are still interested. Wakers and
// values leave under the lock and are woken and destroyed after it.
template <typename T>
class OneshotState {
 public:
  // Moves from `value` if the receiver still wants it; returns whether it did.
  bool Send(T& value) {
    Waker waker;
    {
      MutexLock lock(&mu_);
      sender_is_gone_ = true;
      if (receiver_is_gone_) return false;
      value_.emplace(std::move(value));
      waker = std::move(waker_);
    }
    std::move(waker).Wake();
    return true;
  }

  void SenderGone() {
    Waker waker;
    {
      MutexLock lock(&mu_);
      sender_is_gone_ = true;
      waker = std::move(waker_);
    }
    std::move(waker).Wake();
  }

  // The receiver wants no value any more; one that is there stays. Wakes a Receive() that waits:
  // nothing will come.
  void CloseReceiver() {
    Waker waker;
    {
      MutexLock lock(&mu_);
      receiver_is_gone_ = true;
      waker = std::move(waker_);
    }
    std::move(waker).Wake();
  }

  // The receiver is gone, and the value with it.
  void ReceiverGone() {
    std::optional<T> leftover;
    Waker old;
    MutexLock lock(&mu_);
    receiver_is_gone_ = true;
    leftover = TakeValue();
    old = std::move(waker_);
  }

  bool ReceiverIsGone() const {
    MutexLock lock(&mu_);
    return receiver_is_gone_;
  }

  // A stopped poll takes nothing.
  Poll<std::optional<T>> PollReceive(Context& cx) {
    Waker old;
    MutexLock lock(&mu_);
    if (cx.StopRequested()) {
      old = std::move(waker_);
      return kStopped;
    }
    if (value_.has_value() || WillNeverCome()) return TakeValue();
    if (!waker_.WillWake(cx.waker())) old = std::exchange(waker_, cx.waker().Clone());
    return kPending;
  }

  // Takes the value if it is there; returns whether one may still come.
  bool TryReceive(std::optional<T>& value) {
    MutexLock lock(&mu_);
    const bool may_come = !WillNeverCome();
    value = TakeValue();
    return may_come;
  }

  void ForgetWaker() {
    Waker old;
    MutexLock lock(&mu_);
    old = std::move(waker_);
  }

 private:
  bool WillNeverCome() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return sender_is_gone_ || receiver_is_gone_;
  }

  std::optional<T> TakeValue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    std::optional<T> value(std::move(value_));
    value_.reset();
    return value;
  }

  mutable Mutex mu_;
  std::optional<T> value_ ABSL_GUARDED_BY(mu_);
  Waker waker_ ABSL_GUARDED_BY(mu_);  // Of the task that waits; does nothing when none does.
  bool sender_is_gone_ ABSL_GUARDED_BY(mu_) = false;
  bool receiver_is_gone_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace weft::channel_internal

#endif  // WEFT_CHANNEL_INTERNAL_ONESHOT_STATE_H_

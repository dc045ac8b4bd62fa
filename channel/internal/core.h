// channel/internal/core.h — the state that the handles of one channel share.
//
// Everything happens under one mutex; who is served under it is woken after it (future/waiter.h).
//
// Values never leave the queue before somebody takes them: a waiting receiver is granted the right
// to one value (reserved_), not the value. A cancelled receiver gives the right to the next one, so
// the order of values does not change and none is lost. A waiting sender's value, on the other
// hand, is moved from the sender's frame into the queue as soon as there is room.
//
// Invariant, restored by Settle() before every unlock:
//   (I1) senders wait   => the queue is full
//   (I2) receivers wait => every value in the queue is reserved for a receiver that was granted one
//   (I3) receivers wait => the channel is open, or values are still reserved
// Hence a value for which nobody waits is taken, and room for which nobody waits is used, at once;
// and who comes later never overtakes a waiter.
#ifndef WEFT_CHANNEL_INTERNAL_CORE_H_
#define WEFT_CHANNEL_INTERNAL_CORE_H_

#include <cstddef>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "base/check.h"
#include "base/intrusive_list.h"
#include "base/mutex.h"
#include "channel/internal/ring_buffer.h"
#include "channel/internal/waiter.h"
#include "channel/outcome.h"
#include "future/context.h"
#include "future/poll.h"
#include "future/waiter.h"
#include "future/waker.h"

namespace weft::channel_internal {

// See the top of this file. `capacity` may be kUnbounded.
template <typename T>
class Core {
 public:
  static constexpr std::size_t kUnbounded = ~std::size_t{0};

  explicit Core(std::size_t capacity)
      : capacity_(capacity),
        items_(capacity == kUnbounded ? Retention::kShrinks : Retention::kKeeps) {
    WEFT_CHECK(capacity > 0)
        << "MakeChannel(capacity): expected room for at least one value, found "
           "0; a channel without a buffer is not offered";
  }
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  SendOutcome TrySend(T& value) {
    WakingLock<Waiter> lock(&mu_, &served_);
    if (closed_) return SendOutcome::kClosed;
    if (!HasRoom()) return SendOutcome::kFull;
    items_.PushBack(std::move(value));
    Settle();
    return SendOutcome::kOk;
  }

  // Polls a send of `value`, which is moved from only when the answer is, or will be, kOk.
  Poll<SendOutcome> PollSend(Waiter& waiter, T& value, Context& cx) {
    Waker old;
    WakingLock<Waiter> lock(&mu_, &served_);
    switch (waiter.state) {
      case WaitState::kIdle:
        if (cx.StopRequested()) return kStopped;
        if (closed_) return SendOutcome::kClosed;
        if (HasRoom()) {
          items_.PushBack(std::move(value));
          Settle();
          return SendOutcome::kOk;
        }
        waiter.value = &value;
        StartWaiting(senders_, waiter, cx);
        return kPending;
      case WaitState::kWaiting:
        if (cx.StopRequested()) {
          old = StopWaiting(waiter);
          return kStopped;
        }
        old = UpdateWaker(waiter, cx);
        return kPending;
      case WaitState::kGranted:
        old = StopWaiting(waiter);
        return SendOutcome::kOk;
      case WaitState::kReleased:
        old = StopWaiting(waiter);
        return SendOutcome::kClosed;
    }
    return kPending;  // Not reached: all states return above.
  }

  // Withdraws a send whose future is destroyed.
  void DropSend(Waiter& waiter) {
    Waker old;
    MutexLock lock(&mu_);
    old = StopWaiting(waiter);
  }

  ReceiveOutcome TryReceive(std::optional<T>& value) {
    WakingLock<Waiter> lock(&mu_, &served_);
    if (HasUnreserved()) {
      value.emplace(items_.PopFront());
      Settle();
      return ReceiveOutcome::kOk;
    }
    return closed_ && items_.IsEmpty() ? ReceiveOutcome::kClosed : ReceiveOutcome::kEmpty;
  }

  Poll<std::optional<T>> PollReceive(Waiter& waiter, Context& cx) {
    Waker old;
    WakingLock<Waiter> lock(&mu_, &served_);
    switch (waiter.state) {
      case WaitState::kIdle:
        if (cx.StopRequested()) return kStopped;
        if (HasUnreserved()) return Take();
        if (closed_ && items_.IsEmpty()) return std::optional<T>();
        StartWaiting(receivers_, waiter, cx);
        return kPending;
      case WaitState::kWaiting:
        if (cx.StopRequested()) {
          old = StopWaiting(waiter);
          return kStopped;
        }
        old = UpdateWaker(waiter, cx);
        return kPending;
      case WaitState::kGranted:
        old = StopWaiting(waiter);
        --reserved_;
        if (cx.StopRequested()) {
          Settle();
          return kStopped;
        }
        return Take();
      case WaitState::kReleased:
        old = StopWaiting(waiter);
        return std::optional<T>();
    }
    return kPending;  // Not reached: all states return above.
  }

  // Withdraws a receive whose future is destroyed.
  void DropReceive(Waiter& waiter) {
    Waker old;
    WakingLock<Waiter> lock(&mu_, &served_);
    const bool was_granted = waiter.state == WaitState::kGranted;
    old = StopWaiting(waiter);
    if (!was_granted) return;
    --reserved_;
    Settle();
  }

  void Close() {
    WakingLock<Waiter> lock(&mu_, &served_);
    CloseLocked();
  }

  bool IsClosed() const {
    MutexLock lock(&mu_);
    return closed_;
  }

  std::size_t size() const {
    MutexLock lock(&mu_);
    return items_.size();
  }

  std::size_t capacity() const { return capacity_; }

  void AddSender() {
    MutexLock lock(&mu_);
    ++sender_handles_;
  }

  void AddReceiver() {
    MutexLock lock(&mu_);
    ++receiver_handles_;
  }

  // The last sender closes the channel.
  void RemoveSender() {
    WakingLock<Waiter> lock(&mu_, &served_);
    if (--sender_handles_ > 0) return;
    WEFT_CHECK(senders_.IsEmpty())
        << "~Sender(): the last Sender of a channel goes while a Send() of it waits; a Sender must "
           "outlive its Send() futures";
    CloseLocked();
  }

  // The last receiver closes the channel, and the values go with it.
  void RemoveReceiver() {
    std::optional<RingBuffer<T>> leftovers;  // Destroyed after the lock: T's destructor is foreign.
    WakingLock<Waiter> lock(&mu_, &served_);
    if (--receiver_handles_ > 0) return;
    WEFT_CHECK(receivers_.IsEmpty() && reserved_ == 0)
        << "~Receiver(): the last Receiver of a channel goes while a Receive() of it waits; a "
           "Receiver must outlive its Receive() futures";
    CloseLocked();
    leftovers.emplace(std::move(items_));
  }

 private:
  bool HasRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return items_.size() < capacity_; }
  bool HasUnreserved() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return items_.size() > reserved_;
  }

  std::optional<T> Take() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    std::optional<T> value(items_.PopFront());
    Settle();
    return value;
  }

  // Restores the invariant after any change.
  void Settle() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    while (!senders_.IsEmpty() && HasRoom()) {
      Waiter& sender = *senders_.PopFront();
      items_.PushBack(std::move(*static_cast<T*>(sender.value)));
      Serve(sender, WaitState::kGranted, served_);
    }
    while (!receivers_.IsEmpty() && HasUnreserved()) {
      ++reserved_;
      Serve(*receivers_.PopFront(), WaitState::kGranted, served_);
    }
    if (closed_ && items_.IsEmpty()) {
      while (Waiter* receiver = receivers_.PopFront()) {
        Serve(*receiver, WaitState::kReleased, served_);
      }
    }
  }

  void CloseLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (closed_) return;
    closed_ = true;
    while (Waiter* sender = senders_.PopFront()) Serve(*sender, WaitState::kReleased, served_);
    Settle();
  }

  const std::size_t capacity_;

  mutable Mutex mu_;
  RingBuffer<T> items_ ABSL_GUARDED_BY(mu_);
  std::size_t reserved_ ABSL_GUARDED_BY(mu_) = 0;  // Receivers that were granted a value.
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  std::size_t sender_handles_ ABSL_GUARDED_BY(mu_) = 0;
  std::size_t receiver_handles_ ABSL_GUARDED_BY(mu_) = 0;
  IntrusiveList<Waiter> senders_ ABSL_GUARDED_BY(mu_);
  IntrusiveList<Waiter> receivers_ ABSL_GUARDED_BY(mu_);
  IntrusiveList<Waiter> served_ ABSL_GUARDED_BY(mu_);  // To be woken by the WakingLock.
};

}  // namespace weft::channel_internal

#endif  // WEFT_CHANNEL_INTERNAL_CORE_H_

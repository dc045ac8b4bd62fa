#include "sync/notify.h"

#include <cstdint>

#include "base/check.h"
#include "base/mutex.h"
#include "future/context.h"
#include "future/poll.h"
#include "future/waiter.h"
#include "future/waker.h"
#include "sync/internal/waiter.h"

namespace weft {

using sync_internal::Waiter;

void Notify::NotifyOne() {
  WakingLock<Waiter> lock(&mu_, &served_);
  NotifyOneLocked();
}

void Notify::NotifyOneLocked() {
  if (Waiter* const first = waiters_.PopFront()) {
    Serve(*first, WaitState::kGranted, served_);
  } else {
    has_token_ = true;
  }
}

void Notify::NotifyAll() {
  WakingLock<Waiter> lock(&mu_, &served_);
  ++broadcasts_;
  while (Waiter* const waiter = waiters_.PopFront()) Serve(*waiter, WaitState::kReleased, served_);
}

uint64_t Notify::Broadcasts() const {
  MutexLock lock(&mu_);
  return broadcasts_;
}

Poll<void> Notify::PollWait(Waiter& waiter, uint64_t broadcasts_before, Context& cx) {
  Waker old;
  WakingLock<Waiter> lock(&mu_, &served_);
  const bool stop = cx.StopRequested();
  switch (waiter.state) {
    case WaitState::kIdle:
      if (stop) return kStopped;
      if (broadcasts_ != broadcasts_before) return Poll<void>::Ready();
      if (has_token_) {
        has_token_ = false;
        return Poll<void>::Ready();
      }
      StartWaiting(waiters_, waiter, cx);
      return kPending;
    case WaitState::kWaiting:
      if (stop) {
        old = StopWaiting(waiter);
        return kStopped;
      }
      old = UpdateWaker(waiter, cx);
      return kPending;
    case WaitState::kGranted:
      old = StopWaiting(waiter);
      if (!stop) return Poll<void>::Ready();
      NotifyOneLocked();
      return kStopped;
    case WaitState::kReleased:
      old = StopWaiting(waiter);
      if (stop) return kStopped;
      return Poll<void>::Ready();
  }
  return kPending;  // Not reached: all states return above.
}

void Notify::Drop(Waiter& waiter) {
  Waker old;
  WakingLock<Waiter> lock(&mu_, &served_);
  const bool was_granted = waiter.state == WaitState::kGranted;
  old = StopWaiting(waiter);
  if (was_granted) NotifyOneLocked();
}

NotifyWait::NotifyWait(NotifyWait&& other) noexcept
    : notify_(other.notify_), broadcasts_before_(other.broadcasts_before_) {
  WEFT_CHECK(!other.is_polled_)
      << "a Notify::Wait() future was moved after its first poll; move it before";
}

NotifyWait::~NotifyWait() {
  if (is_waiting_) notify_->Drop(waiter_);
}

Poll<void> NotifyWait::poll(Context& cx) {
  is_polled_ = true;
  const Poll<void> poll = notify_->PollWait(waiter_, broadcasts_before_, cx);
  is_waiting_ = poll.IsPending();
  return poll;
}

}  // namespace weft

#include "future/shared.h"

namespace weft::future_internal {

const Waker::VTable SharedCore::kWakerVTable = {
    [](void* core) { static_cast<SharedCore*>(core)->AddRef(); },
    [](void* core) { static_cast<SharedCore*>(core)->DropRef(); },
    [](void* core) { static_cast<SharedCore*>(core)->OnWake(); }};

void SharedCore::DropHandle() {
  // Edge (1): the last dropper sees what the others did with the future.
  if (handles_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  DestroyFuture();  // its wakers refer to this
  DropRef();
}

void SharedCore::DropRef() {
  // Edge (2): the last dropper sees what the others did with the core.
  if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

PollState SharedCore::Poll(SharedAwaiter& awaiter, Context& cx) {
  Waker dropped;  // after the lock
  bool is_stopping;
  {
    WakingLock<SharedAwaiter> lock(&mutex_, &served_);
    if (!awaiter.is_active) {
      awaiter.is_active = true;
      ++active_;
    }
    if (phase_ == Phase::kEnded) {
      dropped = Remove(awaiter);
      return PollState::kReady;
    }
    if (cx.StopRequested()) {
      if (active_ > 1 || phase_ == Phase::kUnstarted) {
        dropped = Remove(awaiter);
        WakeOneIfDue();
        return PollState::kStopped;
      }
      is_due_ = is_due_ || !is_stopping_;
      is_stopping_ = true;
    }
    dropped = KeepWaiting(awaiter, cx);
    if (phase_ == Phase::kPolling || !is_due_) return PollState::kPending;
    phase_ = Phase::kPolling;
    is_due_ = false;
    is_stopping = is_stopping_;
  }
  const bool has_ended = PollOutsideOfTheLock(cx, is_stopping);
  Waker own;  // after the lock
  WakingLock<SharedAwaiter> lock(&mutex_, &served_);
  if (!has_ended) {
    phase_ = Phase::kIdle;
    WakeOneIfDue();
    return PollState::kPending;
  }
  phase_ = Phase::kEnded;
  own = Remove(awaiter);
  while (SharedAwaiter* const other = waiting_.PopFront()) {
    Serve(*other, WaitState::kReleased, served_);
  }
  return PollState::kReady;
}

void SharedCore::Leave(SharedAwaiter& awaiter) {
  Waker dropped;  // after the lock
  WakingLock<SharedAwaiter> lock(&mutex_, &served_);
  if (!awaiter.is_active) return;
  dropped = Remove(awaiter);
  WakeOneIfDue();
}

void SharedCore::OnWake() {
  WakingLock<SharedAwaiter> lock(&mutex_, &served_);
  if (is_due_) return;
  is_due_ = true;
  WakeOneIfDue();
}

bool SharedCore::PollOutsideOfTheLock(Context& cx, bool is_stopping) {
  AddRef();
  const Waker waker(&kWakerVTable, this);
  const Context shielded = cx.Shielded().WithWaker(waker).WithLocals(nullptr);
  Context inner = is_stopping ? shielded.WithStop() : shielded;
  return PollFuture(inner);
}

Waker SharedCore::Remove(SharedAwaiter& awaiter) {
  awaiter.is_active = false;
  --active_;
  return StopWaiting(awaiter);
}

Waker SharedCore::KeepWaiting(SharedAwaiter& awaiter, const Context& cx) {
  if (awaiter.state == WaitState::kWaiting) return UpdateWaker(awaiter, cx);
  Waker old = StopWaiting(awaiter);
  StartWaiting(waiting_, awaiter, cx);
  return old;
}

// Whoever was woken before and has not polled yet will find that the future is due.
void SharedCore::WakeOneIfDue() {
  if (!is_due_ || phase_ != Phase::kIdle) return;
  if (SharedAwaiter* const next = waiting_.PopFront()) {
    Serve(*next, WaitState::kGranted, served_);
  }
}

}  // namespace weft::future_internal

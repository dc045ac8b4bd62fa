#include "sync/internal/permits.h"

#include <cstddef>

#include "base/mutex.h"
#include "future/context.h"
#include "future/poll.h"
#include "future/waiter.h"
#include "future/waker.h"
#include "sync/internal/waiter.h"

namespace weft::sync_internal {

bool Permits::TryAcquire(std::size_t count) {
  MutexLock lock(&mu_);
  if (!CanTake(count)) return false;
  available_ -= count;
  return true;
}

Poll<void> Permits::PollAcquire(Waiter& waiter, Context& cx) {
  Waker old;
  WakingLock<Waiter> lock(&mu_, &served_);
  const bool stop = cx.StopRequested();
  switch (waiter.state) {
    case WaitState::kIdle:
      if (stop) return kStopped;
      if (CanTake(waiter.count)) {
        available_ -= waiter.count;
        return Poll<void>::Ready();
      }
      StartWaiting(waiters_, waiter, cx);
      return kPending;
    case WaitState::kWaiting:
      if (stop) {
        old = StopWaiting(waiter);
        Settle();  // A wide request may have held up narrow ones behind it.
        return kStopped;
      }
      old = UpdateWaker(waiter, cx);
      return kPending;
    case WaitState::kGranted:
    case WaitState::kReleased:
      break;
  }
  old = StopWaiting(waiter);
  if (!stop) return Poll<void>::Ready();
  available_ += waiter.count;
  Settle();
  return kStopped;
}

void Permits::Drop(Waiter& waiter) {
  Waker old;
  WakingLock<Waiter> lock(&mu_, &served_);
  if (waiter.state == WaitState::kGranted) available_ += waiter.count;
  old = StopWaiting(waiter);
  Settle();
}

void Permits::Release(std::size_t count) {
  WakingLock<Waiter> lock(&mu_, &served_);
  available_ += count;
  Settle();
}

std::size_t Permits::available() const {
  MutexLock lock(&mu_);
  return available_;
}

void Permits::Settle() {
  while (!waiters_.IsEmpty() && waiters_.Front()->count <= available_) {
    Waiter& first = *waiters_.PopFront();
    available_ -= first.count;
    Serve(first, WaitState::kGranted, served_);
  }
}

}  // namespace weft::sync_internal

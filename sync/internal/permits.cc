#include "sync/internal/permits.h"

#include <cstddef>

#include "base/mutex.h"
#include "future/context.h"
#include "future/poll.h"
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
  WakeList wakes;
  MutexLock lock(&mu_);
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
        Settle(wakes);  // A wide request may have held up narrow ones behind it.
        return kStopped;
      }
      old = UpdateWaker(waiter, cx);
      return kPending;
    case WaitState::kGranted:
    case WaitState::kBroadcast:
      break;
  }
  waiter.state = WaitState::kIdle;
  if (!stop) return Poll<void>::Ready();
  available_ += waiter.count;
  Settle(wakes);
  return kStopped;
}

void Permits::Drop(Waiter& waiter) {
  Waker old;
  WakeList wakes;
  MutexLock lock(&mu_);
  if (waiter.state == WaitState::kWaiting) {
    old = StopWaiting(waiter);
  } else if (waiter.state == WaitState::kGranted) {
    waiter.state = WaitState::kIdle;
    available_ += waiter.count;
  }
  Settle(wakes);
}

void Permits::Release(std::size_t count) {
  WakeList wakes;
  MutexLock lock(&mu_);
  available_ += count;
  Settle(wakes);
}

std::size_t Permits::available() const {
  MutexLock lock(&mu_);
  return available_;
}

void Permits::Settle(WakeList& wakes) {
  while (!waiters_.IsEmpty() && waiters_.Front()->count <= available_) {
    Waiter& first = *waiters_.PopFront();
    available_ -= first.count;
    Finish(first, WaitState::kGranted, wakes);
  }
}

}  // namespace weft::sync_internal

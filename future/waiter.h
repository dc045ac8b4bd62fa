// future/waiter.h — suspended operations in the lists of what they wait for, and waking them.
//
// For primitives that let tasks wait under one mutex. A waiter lives in a future, hence in the
// frame of the coroutine that waits: waiting and waking allocate nothing. The primitive keeps two
// lists under its mutex: who waits, and who has been served and is still to be woken. WakingLock
// holds the mutex and, when it lets go, wakes the served ones in batches with the mutex released.
//
// A served waiter stays in a list of the primitive until its waker is taken, so whoever polls or
// destroys its future meanwhile takes it out of the right list under the mutex, however many are
// woken at once. What a waiter was granted is settled when it is served, not when it is woken.
#ifndef WEFT_FUTURE_WAITER_H_
#define WEFT_FUTURE_WAITER_H_

#include <utility>

#include "absl/base/thread_annotations.h"
#include "base/intrusive_list.h"
#include "base/mutex.h"
#include "future/context.h"
#include "future/waker.h"

namespace weft {

// The life of one wait. All transitions happen under the mutex of what is waited for.
enum class WaitState : unsigned char {
  kIdle,      // In no list: before the first poll, or finished.
  kWaiting,   // Among those who wait; the waker is set.
  kGranted,   // Served: it got what it waited for, and must pass it on if it is stopped.
  kReleased,  // Served together with all others, say at a close: nothing to pass on.
};

// Base class of a waiter: `struct MyWaiter : WaiterBase<MyWaiter> { ... };`. Written under the
// mutex.
template <typename Self>
struct WaiterBase : IntrusiveListNode<Self> {
  WaitState state = WaitState::kIdle;
  Waker waker;  // Set while waiting, and while served and not yet woken.
};

// Puts `waiter` at the end of `waiting`, to wake the task that polls now.
template <typename W>
void StartWaiting(IntrusiveList<W>& waiting, W& waiter, const Context& cx) {
  waiter.waker = cx.waker().Clone();
  waiter.state = WaitState::kWaiting;
  waiting.PushBack(&waiter);
}

// Takes `waiter` out of whichever list it is in: it is idle, and is not woken unless that is under
// way. Returns its waker, which the caller drops after releasing the mutex.
template <typename W>
[[nodiscard]] Waker StopWaiting(W& waiter) {
  if (waiter.IsLinked()) waiter.Unlink();
  waiter.state = WaitState::kIdle;
  return std::move(waiter.waker);
}

// Makes `waiter`, which waits, wake the task that polls now. Returns the waker that it replaces,
// which the caller drops after releasing the mutex.
template <typename W>
[[nodiscard]] Waker UpdateWaker(W& waiter, const Context& cx) {
  if (waiter.waker.WillWake(cx.waker())) return Waker();
  return std::exchange(waiter.waker, cx.waker().Clone());
}

// Serves `waiter`, which has left the list of those who wait.
template <typename W>
void Serve(W& waiter, WaitState state, IntrusiveList<W>& served) {
  waiter.state = state;
  served.PushBack(&waiter);
}

// Holds a mutex for the length of a scope; then wakes who has been served, by whomever, first
// served first. No waker is called or destroyed under the mutex.
//
//   Complexity  O(served). The mutex is taken again after every kBatch waiters that are woken, and
//               only then: up to kBatch, the mutex is not touched after it has been released.
//   Lifetime    Mutex and list outlive the lock.
template <typename W>
class ABSL_SCOPED_LOCKABLE WakingLock {
 public:
  static constexpr int kBatch = 16;

  // `served` is guarded by `mutex`.
  WakingLock(Mutex* mutex, IntrusiveList<W>* served) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex)
      : mutex_(mutex), served_(served) {
    mutex_->Lock();
  }
  WakingLock(const WakingLock&) = delete;
  WakingLock& operator=(const WakingLock&) = delete;
  ~WakingLock() ABSL_UNLOCK_FUNCTION() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (served_->IsEmpty()) {
      mutex_->Unlock();
      return;
    }
    while (UnlockAndWakeSome()) mutex_->Lock();
  }

 private:
  // Returns whether some are left.
  bool UnlockAndWakeSome() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    Waker batch[kBatch];
    int size = 0;
    while (size < kBatch) {
      W* const waiter = served_->PopFront();
      if (waiter == nullptr) break;
      batch[size++] = std::move(waiter->waker);
    }
    const bool are_left = !served_->IsEmpty();
    mutex_->Unlock();
    for (int i = 0; i < size; ++i) std::move(batch[i]).Wake();
    return are_left;
  }

  Mutex* const mutex_;
  IntrusiveList<W>* const served_;
};

}  // namespace weft

#endif  // WEFT_FUTURE_WAITER_H_

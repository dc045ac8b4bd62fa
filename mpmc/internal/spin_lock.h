// mpmc/internal/spin_lock.h — a lock for the rare steps of an otherwise lock-free structure.
//
// weft::Mutex does not fit here: the model checker must see the lock's orders, and the structures
// hold it for tens of nanoseconds once in a thousand operations.
//
// Happens-before edge of the lock:
//   (1) Unlock() stores false (release) -> Lock() exchanges it for true (acquire).
#ifndef WEFT_MPMC_INTERNAL_SPIN_LOCK_H_
#define WEFT_MPMC_INTERNAL_SPIN_LOCK_H_

#include <atomic>

#include "absl/base/thread_annotations.h"
#include "mpmc/internal/turn_wait.h"

namespace weft::mpmc_internal {

// A test-and-test-and-set lock. Blocking: a preempted holder stops whoever wants it.
template <typename Atomics>
class ABSL_LOCKABLE SpinLock {
 public:
  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() {
    TurnWait<Atomics> wait;
    while (locked_.exchange(true, std::memory_order_acquire)) {  // (1)
      while (locked_.load(std::memory_order_relaxed)) wait.Once();
    }
  }

  void Unlock() ABSL_UNLOCK_FUNCTION() {
    locked_.store(false, std::memory_order_release);  // (1)
  }

 private:
  typename Atomics::template Atomic<bool> locked_{false};
};

// Holds a SpinLock for a scope.
template <typename Atomics>
class ABSL_SCOPED_LOCKABLE SpinLockHolder {
 public:
  explicit SpinLockHolder(SpinLock<Atomics>* lock) ABSL_EXCLUSIVE_LOCK_FUNCTION(lock)
      : lock_(lock) {
    lock_->Lock();
  }
  ~SpinLockHolder() ABSL_UNLOCK_FUNCTION() { lock_->Unlock(); }

  SpinLockHolder(const SpinLockHolder&) = delete;
  SpinLockHolder& operator=(const SpinLockHolder&) = delete;

 private:
  SpinLock<Atomics>* const lock_;
};

}  // namespace weft::mpmc_internal

#endif  // WEFT_MPMC_INTERNAL_SPIN_LOCK_H_

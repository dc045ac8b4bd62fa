// base/mutex.h — std::mutex and std::condition_variable with Clang's thread-safety annotations.
//
// Differs from absl::Mutex in one point that matters to us: ThreadSanitizer sees every edge,
// because the calls go through pthread. Use ABSL_GUARDED_BY(mu_) on what the mutex protects.
//
//   weft::Mutex mu_;
//   int value_ ABSL_GUARDED_BY(mu_) = 0;
//   ...
//   weft::MutexLock lock(&mu_);
//   ++value_;
#ifndef WEFT_BASE_MUTEX_H_
#define WEFT_BASE_MUTEX_H_

#include <condition_variable>
#include <mutex>

#include "absl/base/thread_annotations.h"

namespace weft {

// A mutual-exclusion lock; not recursive. Memory ordering: what X did before its Unlock() is
// visible to Y after the Lock() that follows it.
class ABSL_LOCKABLE Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  // Blocks until the lock is free, and takes it.
  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { mutex_.lock(); }

  // Releases the lock, which this thread must hold.
  void Unlock() ABSL_UNLOCK_FUNCTION() { mutex_.unlock(); }

  // Takes the lock if it is free; returns whether it did. Never blocks.
  bool TryLock() ABSL_EXCLUSIVE_TRYLOCK_FUNCTION(true) { return mutex_.try_lock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

// Holds a Mutex for the length of a scope.
class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex* mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex) : mutex_(mutex) {
    mutex_->Lock();
  }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mutex_->Unlock(); }

 private:
  Mutex* const mutex_;
};

// A condition variable. Waits may return spuriously: wait in a loop over the condition.
class CondVar {
 public:
  CondVar() = default;
  CondVar(const CondVar&) = delete;
  CondVar& operator=(const CondVar&) = delete;

  // Releases `mutex`, blocks until a notification, and takes `mutex` again.
  void Wait(Mutex* mutex) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    std::unique_lock<std::mutex> lock(mutex->mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }

  // Wakes one waiter, if there is one.
  void NotifyOne() { condition_.notify_one(); }

  // Wakes all waiters.
  void NotifyAll() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace weft

#endif  // WEFT_BASE_MUTEX_H_

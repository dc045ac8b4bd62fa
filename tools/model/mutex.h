// tools/model/mutex.h — weft::Mutex (base/mutex.h) over the memory of the model checker (model.h).
//
// For code of which one part runs under a mutex and another does not: the body takes both from its
// seam, as `typename Atomics::Mutex` and `typename Atomics::MutexLock`, with the annotations of
// base/mutex.h, and Atomics::Plain<T> for what the mutex protects. So a path that forgets the lock
// is a data race here. A mutex has no mutants: its orders are not the code's to choose.
#ifndef WEFT_TOOLS_MODEL_MUTEX_H_
#define WEFT_TOOLS_MODEL_MUTEX_H_

#include <source_location>

#include "absl/base/thread_annotations.h"
#include "tools/model/internal/operations.h"

namespace weft::model {

// Every order in which threads may get it is explored. A thread that waits for a mutex that stays
// locked, by itself too, and an Unlock() by a thread that does not hold it fail the execution.
class ABSL_LOCKABLE Mutex {
  using Where = std::source_location;

 public:
  explicit Mutex(Where where = Where::current()) : state_(where) {}
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock(Where where = Where::current()) ABSL_EXCLUSIVE_LOCK_FUNCTION() { state_.Lock(where); }
  void Unlock(Where where = Where::current()) ABSL_UNLOCK_FUNCTION() { state_.Unlock(where); }

  // False if another thread holds it. That orders nothing.
  bool TryLock(Where where = Where::current()) ABSL_EXCLUSIVE_TRYLOCK_FUNCTION(true) {
    return state_.TryLock(where);
  }

 private:
  model_internal::MutexState state_;
};

// Holds a Mutex for the length of a scope.
class ABSL_SCOPED_LOCKABLE MutexLock {
  using Where = std::source_location;

 public:
  explicit MutexLock(Mutex* mutex, Where where = Where::current())
      ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex)
      : mutex_(mutex), where_(where) {
    mutex_->Lock(where);
  }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mutex_->Unlock(where_); }

 private:
  Mutex* const mutex_;
  const Where where_;
};

}  // namespace weft::model

#endif  // WEFT_TOOLS_MODEL_MUTEX_H_

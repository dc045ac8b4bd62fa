// sync/async_mutex.h — one task at a time, also across a wait.
//
//   weft::AsyncMutex mutex;
//   weft::AsyncMutexGuard guard = co_await mutex.Lock();
//   co_await connection.Write(...);            // others wait, their threads do not
//
// Use it when the critical section awaits something. When it does not, weft::Mutex is cheaper and
// right: it is never held across a wait. Not recursive: a task that locks twice waits for itself.
//
// Guarantees
//   Fairness         First come, first served: an unlock hands the mutex to the first waiter.
//   Cancellation     Lock(): kStopped, not holding the mutex; a hand-over that came meanwhile goes
//                    to the next waiter. Safe to drop.
//   Memory ordering  What X did before its guard went is visible to Y after the Lock() that
//                    followed.
//   Thread safety    All methods may be called from any thread. A guard may be dropped on another
//                    thread than the one that locked.
//   Complexity       O(1); waiting allocates nothing. Nothing is woken under the inner lock.
//   Lifetime         The mutex outlives its guards and futures (guards checked).
//
// Example: async_mutex_example.cc
#ifndef WEFT_SYNC_ASYNC_MUTEX_H_
#define WEFT_SYNC_ASYNC_MUTEX_H_

#include <cstddef>
#include <optional>
#include <utility>

#include "base/check.h"
#include "sync/internal/acquire_future.h"
#include "sync/internal/permits.h"

namespace weft {

class AsyncMutex;

// Holds an AsyncMutex and unlocks it when it is destroyed. Move-only; thread-compatible.
class [[nodiscard]] AsyncMutexGuard {
 public:
  AsyncMutexGuard(AsyncMutexGuard&& other) noexcept
      : mutex_(std::exchange(other.mutex_, nullptr)) {}
  AsyncMutexGuard& operator=(AsyncMutexGuard&& other) noexcept {
    std::swap(mutex_, other.mutex_);
    return *this;
  }
  ~AsyncMutexGuard() { Unlock(); }

  // Unlocks now. Idempotent.
  void Unlock();

  // Whether it holds the mutex.
  bool OwnsLock() const { return mutex_ != nullptr; }

 private:
  friend class AsyncMutex;
  friend class sync_internal::AcquireFuture<AsyncMutex, AsyncMutexGuard>;
  AsyncMutexGuard(AsyncMutex* mutex, std::size_t) : mutex_(mutex) {}

  AsyncMutex* mutex_;  // Null when unlocked or moved from.
};

// See the top of this file.
class AsyncMutex {
 public:
  using LockFuture = sync_internal::AcquireFuture<AsyncMutex, AsyncMutexGuard>;

  // Starts unlocked.
  AsyncMutex() : permits_(1) {}
  AsyncMutex(const AsyncMutex&) = delete;
  AsyncMutex& operator=(const AsyncMutex&) = delete;
  ~AsyncMutex() {
    WEFT_CHECK(permits_.available() == 1)
        << "~AsyncMutex(): expected an unlocked mutex, found a locked one; it must outlive its "
           "guards";
  }

  // Waits for the mutex.
  LockFuture Lock() { return LockFuture(this, &permits_, 1); }

  // Takes the mutex if it is free and nobody waits.
  std::optional<AsyncMutexGuard> TryLock() {
    if (!permits_.TryAcquire(1)) return std::nullopt;
    return AsyncMutexGuard(this, 1);
  }

 private:
  friend class AsyncMutexGuard;

  sync_internal::Permits permits_;
};

inline void AsyncMutexGuard::Unlock() {
  if (mutex_ != nullptr) std::exchange(mutex_, nullptr)->permits_.Release(1);
}

}  // namespace weft

#endif  // WEFT_SYNC_ASYNC_MUTEX_H_

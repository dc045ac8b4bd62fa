// sync/semaphore.h — let a bounded number of tasks through at a time.
//
//   weft::Semaphore connections(8);
//   weft::SemaphorePermit permit = co_await connections.Acquire();
//   ...                                        // the permit goes back when it goes out of scope
//
// Waiting blocks the task, not its thread. Use AsyncMutex for one at a time.
//
// Guarantees
//   Fairness         First come, first served, whatever the numbers: a wide request is not starved
//                    by narrow ones behind it.
//   Conservation     No permit is lost or made up: each one is free, granted, or in a
//                    SemaphorePermit.
//   Cancellation     Acquire(): kStopped, holding nothing; permits granted meanwhile go to the next
//                    waiter. Safe to drop.
//   Memory ordering  What X did before its permit went back is visible to Y after the Acquire()
//                    that needed it.
//   Thread safety    All methods may be called from any thread.
//   Complexity       O(1) and the waiters that a release serves; waiting allocates nothing. Nothing
//                    is woken under the lock.
//   Lifetime         The semaphore outlives its permits, its futures and the calls of its methods.
//
// Example: semaphore_example.cc
#ifndef WEFT_SYNC_SEMAPHORE_H_
#define WEFT_SYNC_SEMAPHORE_H_

#include <cstddef>
#include <optional>
#include <utility>

#include "sync/internal/acquire_future.h"
#include "sync/internal/permits.h"

namespace weft {

class Semaphore;

// Holds permits of a Semaphore and gives them back when it is destroyed. Move-only;
// thread-compatible.
class [[nodiscard]] SemaphorePermit {
 public:
  SemaphorePermit(SemaphorePermit&& other) noexcept
      : semaphore_(std::exchange(other.semaphore_, nullptr)), count_(other.count_) {}
  SemaphorePermit& operator=(SemaphorePermit&& other) noexcept {
    std::swap(semaphore_, other.semaphore_);
    std::swap(count_, other.count_);
    return *this;
  }
  ~SemaphorePermit() { Release(); }

  // Gives the permits back now. Idempotent.
  void Release();

  // Keeps the permits out of circulation for good.
  void Forget() { semaphore_ = nullptr; }

  // How many permits it holds.
  std::size_t count() const { return semaphore_ == nullptr ? 0 : count_; }

 private:
  friend class Semaphore;
  friend class sync_internal::AcquireFuture<Semaphore, SemaphorePermit>;
  SemaphorePermit(Semaphore* semaphore, std::size_t count) : semaphore_(semaphore), count_(count) {}

  Semaphore* semaphore_;  // Null when released or moved from.
  std::size_t count_;
};

// See the top of this file.
class Semaphore {
 public:
  using AcquireFuture = sync_internal::AcquireFuture<Semaphore, SemaphorePermit>;

  // Starts with `permits` free permits; zero is allowed.
  explicit Semaphore(std::size_t permits) : permits_(permits) {}
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;

  // Waits for `count` permits. More than the semaphore will ever have waits until cancelled.
  AcquireFuture Acquire(std::size_t count = 1) { return AcquireFuture(this, &permits_, count); }

  // Takes `count` permits if they are free and nobody waits before.
  std::optional<SemaphorePermit> TryAcquire(std::size_t count = 1) {
    if (!permits_.TryAcquire(count)) return std::nullopt;
    return SemaphorePermit(this, count);
  }

  // Adds `count` permits to the circulation.
  void AddPermits(std::size_t count) { permits_.Release(count); }

  // Free permits at some moment during the call.
  std::size_t available() const { return permits_.available(); }

 private:
  sync_internal::Permits permits_;
};

inline void SemaphorePermit::Release() {
  if (semaphore_ != nullptr) std::exchange(semaphore_, nullptr)->AddPermits(count_);
}

}  // namespace weft

#endif  // WEFT_SYNC_SEMAPHORE_H_

// sync/internal/permits.h — the counter behind Semaphore and AsyncMutex.
//
// Invariant, restored before every unlock: the first waiter asks for more than there is. Hence
// permits never lie idle while somebody could use them, and nobody overtakes: an acquire that finds
// waiters joins them.
#ifndef WEFT_SYNC_INTERNAL_PERMITS_H_
#define WEFT_SYNC_INTERNAL_PERMITS_H_

#include <cstddef>

#include "absl/base/thread_annotations.h"
#include "base/intrusive_list.h"
#include "base/mutex.h"
#include "future/context.h"
#include "future/poll.h"
#include "sync/internal/waiter.h"

namespace weft::sync_internal {

// See the top of this file. Thread-safe.
class Permits {
 public:
  explicit Permits(std::size_t count) : available_(count) {}
  Permits(const Permits&) = delete;
  Permits& operator=(const Permits&) = delete;

  // Takes `count` permits if they are free and nobody waits.
  bool TryAcquire(std::size_t count);

  // Polls for waiter.count permits. A stopped poll holds none.
  Poll<void> PollAcquire(Waiter& waiter, Context& cx);

  // Withdraws a waiter whose future is destroyed before it has finished.
  void Drop(Waiter& waiter);

  // Gives `count` permits, and serves who waits.
  void Release(std::size_t count);

  // Free permits at some moment during the call.
  std::size_t available() const;

 private:
  bool CanTake(std::size_t count) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return waiters_.IsEmpty() && count <= available_;
  }
  void Settle() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable Mutex mu_;
  std::size_t available_ ABSL_GUARDED_BY(mu_);
  IntrusiveList<Waiter> waiters_ ABSL_GUARDED_BY(mu_);
  IntrusiveList<Waiter> served_ ABSL_GUARDED_BY(mu_);  // To be woken by the WakingLock.
};

}  // namespace weft::sync_internal

#endif  // WEFT_SYNC_INTERNAL_PERMITS_H_

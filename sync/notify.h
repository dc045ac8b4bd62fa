// sync/notify.h — tell waiting tasks that something has changed.
//
//   weft::Notify changed;
//   ...                                        // waiter
//   while (true) {
//     auto wait = changed.Wait();              // first: from here on NotifyAll() counts
//     if (IsReady()) break;                    // then look
//     co_await wait;
//   }
//   ...                                        // notifier
//   MakeReady();
//   changed.NotifyAll();
//
// The counterpart of a condition variable, without a mutex of its own. Carries no data: use
// channel/ to hand values over.
//
// Guarantees
//   NotifyOne        Wakes the first waiter. If nobody waits, it leaves one token for the next
//                    Wait(); tokens do not add up.
//   NotifyAll        Wakes all who wait, and all Wait() futures that were made before and not yet
//                    awaited. Leaves no token.
//   Fairness         First come, first served.
//   Cancellation     Wait(): kStopped. A NotifyOne() that had reached the cancelled waiter goes to
//                    the next one, or becomes the token: it is never lost. Safe to drop.
//   Memory ordering  What X did before a notification is visible to Y after the Wait() that it
//                    ended.
//   Thread safety    All methods may be called from any thread.
//   Complexity       O(1), NotifyAll O(waiters); waiting and waking allocate nothing. Nothing is
//                    woken under the lock.
//   Lifetime         The Notify outlives its futures and the calls of its methods.
//
// Example: notify_example.cc
#ifndef WEFT_SYNC_NOTIFY_H_
#define WEFT_SYNC_NOTIFY_H_

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "base/intrusive_list.h"
#include "base/mutex.h"
#include "future/context.h"
#include "future/poll.h"
#include "sync/internal/waiter.h"

namespace weft {

class NotifyWait;

// See the top of this file.
class Notify {
 public:
  Notify() = default;
  Notify(const Notify&) = delete;
  Notify& operator=(const Notify&) = delete;

  // Wakes the first waiter, or leaves the token.
  void NotifyOne();

  // Wakes everybody who waits now.
  void NotifyAll();

  // A future of the next notification. It joins the waiters at its first poll.
  NotifyWait Wait();

 private:
  friend class NotifyWait;

  uint64_t Broadcasts() const;
  Poll<void> PollWait(sync_internal::Waiter& waiter, uint64_t broadcasts_before, Context& cx);
  void Drop(sync_internal::Waiter& waiter);
  void NotifyOneLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable Mutex mu_;
  bool has_token_ ABSL_GUARDED_BY(mu_) = false;
  uint64_t broadcasts_ ABSL_GUARDED_BY(mu_) = 0;  // Calls of NotifyAll() so far.
  IntrusiveList<sync_internal::Waiter> waiters_ ABSL_GUARDED_BY(mu_);
  IntrusiveList<sync_internal::Waiter> served_ ABSL_GUARDED_BY(mu_);  // To be woken.
};

// The future of Notify::Wait(). Moved only before its first poll (checked).
class [[nodiscard]] NotifyWait {
 public:
  using Output = void;

  NotifyWait(NotifyWait&& other) noexcept;
  NotifyWait& operator=(NotifyWait&&) = delete;
  ~NotifyWait();

  Poll<void> poll(Context& cx);

 private:
  friend class Notify;
  explicit NotifyWait(Notify* notify) : notify_(notify), broadcasts_before_(notify->Broadcasts()) {}

  Notify* notify_;
  uint64_t broadcasts_before_;  // When the future was made.
  sync_internal::Waiter waiter_;
  bool is_polled_ = false;   // Owner only.
  bool is_waiting_ = false;  // Owner only: the last poll answered kPending.
};

inline NotifyWait Notify::Wait() { return NotifyWait(this); }

}  // namespace weft

#endif  // WEFT_SYNC_NOTIFY_H_

// runtime/internal/timers.h — the runtime's timer service: one wheel under one lock.
//
// Any thread arms and cancels. The worker that waits in the reactor says until when (BeginSleep);
// an Arm() for an earlier instant interrupts it. Both happen under the lock, so that no deadline
// falls between the two.
#ifndef WEFT_RUNTIME_INTERNAL_TIMERS_H_
#define WEFT_RUNTIME_INTERNAL_TIMERS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "base/instant.h"
#include "base/mutex.h"
#include "future/executor.h"
#include "future/waker.h"
#include "reactor/reactor.h"
#include "timer/timer_wheel.h"

namespace weft::runtime_internal {

// See the head of the file.
class Timers final : public TimerService {
 public:
  // How late a timer may be when the clock is looked at all the time.
  static constexpr int64_t kTickNanos = FineTimerWheel::kTickNanos;

  // `reactor` is where the poller waits; it must outlive the timers.
  Timers(Instant now, Reactor* reactor) : reactor_(*reactor), wheel_(now) {}
  // Precondition (checked): no timer is armed.
  ~Timers() override;

  // TimerService.
  void Arm(TimerSlot& slot, Instant deadline, Waker waker) override;
  void Cancel(TimerSlot& slot) override;

  // The poller is about to wait: returns until when at most. An Arm() for an earlier instant wakes
  // the reactor from now on.
  Instant BeginSleep();
  // The poller has returned: nobody needs to be woken for an earlier timer.
  void EndSleep();

  // Wakes what is due at `now`. Returns how many timers that were. One load when nothing is due.
  std::size_t FireDue(Instant now);

 private:
  // What a TimerSlot's storage holds while it is armed.
  struct Node : TimerEntry {
    Node(TimerSlot* timer_slot, Waker timer_waker)
        : slot(timer_slot), waker(std::move(timer_waker)) {}
    TimerSlot* slot;
    Waker waker;
  };
  static_assert(sizeof(Node) <= TimerSlot::kStorageBytes);

  static Node* NodeOf(TimerSlot& slot);

  // Ends a node's life; its waker survives.
  static Waker Retire(Node* node);
  Waker Disarm(TimerSlot& slot) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // To be called after each change of the wheel.
  void PublishNextDue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Reactor& reactor_;
  Mutex mutex_;
  FineTimerWheel wheel_ ABSL_GUARDED_BY(mutex_);
  // Until when the poller waits; InfinitePast() while nobody waits or the waiter was woken already.
  Instant sleeping_until_ ABSL_GUARDED_BY(mutex_) = Instant::InfinitePast();
  // The wheel's next deadline, for a look without the lock. Written under the lock; relaxed: a busy
  // worker that reads an old value looks again soon, and the poller asks under the lock.
  std::atomic<int64_t> next_due_nanos_{Instant::InfiniteFuture().nanos()};
};

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_TIMERS_H_

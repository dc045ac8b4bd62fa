// timer/shared_timer_wheel.h — a timing wheel with one owner, whose timers any thread may arm and
// cancel.
//
// One thread owns the wheel: it sleeps, advances and fires. Others arm and cancel timers in it by
// two read-modify-writes, without ever waiting for the owner or making it wait. A wheel that is
// used by one thread alone, or under a lock, is //timer:timer.
//
//   // Owner:                                       // Any thread:
//   while (running) {                               if (wheel.ArmRemotely(&timer, deadline) ==
//     sleeper.SleepUntil(wheel.BeginSleep());           weft::ArmResult::kMustWakeOwner) {
//     wheel.EndSleep();                               sleeper.Wake();
//     wheel.Advance(weft::MonotonicNow());          }
//     while (auto* timer = wheel.PopExpired()) Fire(timer);
//   }
//
// Trade-offs
//   A timer takes 32 bytes. What another thread asks for, the owner does at its next Advance: until
//   then a cancelled timer stays in memory that the owner will look at (see Lifetime).
//
// Guarantees
//   Thread safety    ArmRemotely, CancelRemotely, Retire: any thread, also the owner. One timer may
//                    be cancelled and retired at any time, also while others use it. If two threads
//                    arm it at once, one of the deadlines stands, but the owner may sleep past it.
//                    Everything else: the owner; ownership may pass to another thread by the usual
//                    means (a lock, a join).
//   Exactly once     Each arming that is not replaced by a later one ends in one of two ways: one
//                    PopExpired() returns the timer, or one Cancel, CancelRemotely or Retire
//                    returns true. Never both, never neither.
//   Accuracy, order  As TimerWheel. Timers of one tick that other threads armed between two Advance
//                    expire in no defined order among each other.
//   Wake-ups         If the owner sleeps as BeginSleep() said and a deadline becomes earlier than
//                    that, exactly one ArmRemotely answers kMustWakeOwner. Otherwise none does.
//   Memory ordering  What X did before arming a timer is visible to the owner after the
//                    PopExpired() that returns it. What the owner did before a PopExpired() is
//                    visible after a CancelRemotely() of that timer that returned false.
//   Progress         ArmRemotely, CancelRemotely, Retire: lock-free. Advance: as TimerWheel; it
//                    tries again only when another thread changed the very timer that it settles.
//   Allocation       As TimerWheel; ArmRemotely, CancelRemotely and Retire never.
//   Lifetime         A timer may be destroyed when IsReleased() (checked), and nobody will use it.
//                    After the owner's Cancel() it is at once, unless another thread used it since
//                    the last Advance. After CancelRemotely() returned true it is when the owner
//                    has called Advance. If CancelRemotely() returned false, the owner may be
//                    firing the timer: who then frees it is the owner's to decide. A thread that
//                    cannot wait calls Retire() and leaves the timer to the owner, in each of these
//                    cases. The owner may destroy a timer that it popped although the ArmRemotely()
//                    that armed it has not returned. All timers must be released before the wheel
//                    is destroyed (checked).
#ifndef WEFT_TIMER_SHARED_TIMER_WHEEL_H_
#define WEFT_TIMER_SHARED_TIMER_WHEEL_H_

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"
#include "base/atomics.h"
#include "base/instant.h"
#include "timer/internal/shared_timer_wheel.h"
#include "timer/timer_wheel.h"

namespace weft {

// One timer. Derive from it or hold it as a member. Neither copied nor moved.
class SharedTimer : public timer_internal::SharedTimer<StdAtomics> {
 public:
  // Whether no wheel holds the timer; see Lifetime at the top of the file. Any thread that knows of
  // the arming: one that does not may see the time before it.
  using timer_internal::SharedTimer<StdAtomics>::IsReleased;
};

// The wheel; see the top of the file.
class SharedTimerWheel {
 public:
  static constexpr int64_t kTickNanos = TimerWheel::kTickNanos;
  // A budget that is never spent.
  static constexpr int64_t kUnlimited = TimerWheel::kUnlimited;

  // A wheel whose time starts at `now`.
  explicit SharedTimerWheel(Instant now) : body_(now) {}

  // ---- Any thread.

  // Arms `timer` for `deadline`, wherever it is: idle, armed, or expired and not yet popped. It may
  // expire up to `slack` later; see TimerWheel::Arm.
  ArmResult ArmRemotely(SharedTimer* timer, Instant deadline,
                        absl::Duration slack = absl::ZeroDuration()) {
    return body_.ArmRemotely(timer, deadline, slack);
  }

  // Cancels `timer`. Returns whether it was armed; if true, PopExpired() will not return it. The
  // timer must outlive the next Advance.
  bool CancelRemotely(SharedTimer* timer) { return body_.CancelRemotely(timer); }

  // Cancels `timer` as CancelRemotely() and gives it to the owner, who gets it from PopRetired()
  // after its next Advance. No further call with this timer is allowed (checked). A sleeping owner
  // is not woken.
  bool Retire(SharedTimer* timer) { return body_.Retire(timer); }

  // ---- The owner.

  // As TimerWheel::Reserve.
  void Reserve(size_t timers) { body_.Reserve(timers); }

  // As ArmRemotely(), without a detour through the inbox.
  void Arm(SharedTimer* timer, Instant deadline, absl::Duration slack = absl::ZeroDuration()) {
    body_.Arm(timer, deadline, slack);
  }

  // As CancelRemotely(), without a detour through the inbox.
  bool Cancel(SharedTimer* timer) { return body_.Cancel(timer); }

  // Does what other threads asked for, and then as TimerWheel::Advance. Each timer in the inbox
  // counts as one in the budget.
  AdvanceResult Advance(Instant now, int64_t budget = kUnlimited) {
    return body_.Advance(now, budget);
  }

  // Takes out the next expired timer, or null. It may be armed again or, if no other thread uses
  // it, destroyed.
  SharedTimer* PopExpired() { return static_cast<SharedTimer*>(body_.PopExpired()); }

  // Takes out the next retired timer, or null. It may be destroyed.
  SharedTimer* PopRetired() { return static_cast<SharedTimer*>(body_.PopRetired()); }

  // As TimerWheel::NextDeadline; in the past if other threads asked for something since the last
  // Advance.
  Instant NextDeadline() const { return body_.NextDeadline(); }

  // The owner is about to sleep: returns until when at most, as NextDeadline(). From now on an
  // earlier deadline makes ArmRemotely() answer kMustWakeOwner. That wake-up must not be lost if it
  // comes before the owner sleeps: a parker's token or a reactor's wake-up will do.
  Instant BeginSleep() { return body_.BeginSleep(); }

  // The owner is awake: nobody needs to wake it.
  void EndSleep() { body_.EndSleep(); }

  // How many timers are in the wheel. Of what other threads asked for, what Advance() has done.
  size_t size() const { return body_.size(); }

  SharedTimerStats stats() const { return body_.stats(); }

 private:
  timer_internal::SharedTimerWheel<StdAtomics> body_;
};

}  // namespace weft

#endif  // WEFT_TIMER_SHARED_TIMER_WHEEL_H_

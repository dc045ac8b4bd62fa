// timer/internal/shared_timer_wheel.h — the body of timer/shared_timer_wheel.h, which says what it
// does. README.md, "Design", has the argument.
//
// A timer's word says what is wanted of it: armed for a tick, or not. Whoever wants something else
// changes the word by one compare-exchange, and puts the timer into the inbox unless it lies there.
// The owner takes the inbox and does what the words say. The word decides: a timer fires if the
// owner takes it from armed to nothing, and is cancelled if somebody else does.
//
//   word                       called    in the inbox  in the wheel
//   0                          IDLE      no            no
//   tick, kArmed, kQueued      QUEUED    yes           perhaps, for another tick
//   tick, kArmed               ARMED     no            yes, for this tick; or expired
//   kQueued                    CANCEL    yes           perhaps
//   kQueued, kRetired          RETIRING  yes           perhaps
//   kRetired                   RETIRED   no            no; waits for PopRetired()
//
// The owner alone clears kQueued, and alone goes from ARMED to IDLE. Edges:
//   (1) Whoever puts a timer into the inbox, to the owner who takes the inbox: the link, the word,
//       what the caller did before.
//   (2) Whoever changes a word that has kQueued, to the owner who settles the timer.
//   (3) The owner who has settled a timer or popped it, to whoever changes its word next, or finds
//       it idle: the link may be written again, the timer may be destroyed, and what the owner did
//       before PopExpired() is visible to a Cancel() that came too late.
//   (4) Dekker between whoever wants an earlier deadline and the owner who is about to sleep. One
//       puts the timer into the inbox, then reads sleep_until_; the other writes sleep_until_, then
//       reads the inbox. All four in the one order of sequentially consistent operations.
#ifndef WEFT_TIMER_INTERNAL_SHARED_TIMER_WHEEL_H_
#define WEFT_TIMER_INTERNAL_SHARED_TIMER_WHEEL_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"
#include "base/cache_line.h"
#include "base/check.h"
#include "base/instant.h"
#include "timer/internal/tick_clock.h"
#include "timer/timer_wheel.h"

namespace weft {

// What the caller of ArmRemotely() has to do.
enum class [[nodiscard]] ArmResult : unsigned char {
  kArmed,          // Nothing.
  kMustWakeOwner,  // Wake the owner: it sleeps, and longer than to this deadline.
};

// What a shared wheel has done; see TimerStats. `armed` and `cancelled` count what reached the
// wheel: a timer that was armed and cancelled while it lay in the inbox is in neither.
struct SharedTimerStats : TimerStats {
  uint64_t remote = 0;  // Timers that the owner found in its inbox.
  // Timers that were cancelled or moved by another thread when they had expired already.
  uint64_t overtaken = 0;
};

namespace timer_internal {

template <typename Atomics>
class SharedTimerWheel;

// See timer/shared_timer_wheel.h.
template <typename Atomics>
class SharedTimer : private TimerEntry {
 public:
  SharedTimer() = default;
  ~SharedTimer() {
    WEFT_CHECK(IsReleased()) << "~SharedTimer(): the owner of the wheel still holds the timer; "
                                "wait for IsReleased(), or Retire() it";
  }

  // See timer/shared_timer_wheel.h.
  bool IsReleased() const {
    return word_.load(std::memory_order_acquire) == 0;  // (3)
  }

 private:
  friend class SharedTimerWheel<Atomics>;

  typename Atomics::template Atomic<uint64_t> word_{0};
  // Belongs to whoever puts the timer into the inbox, then to the owner while kQueued or kRetired.
  typename Atomics::template Plain<SharedTimer*> next_{nullptr};
};

// See timer/shared_timer_wheel.h.
template <typename Atomics>
class SharedTimerWheel {
 public:
  using Timer = SharedTimer<Atomics>;
  static constexpr int64_t kUnlimited = TimerWheel::kUnlimited;

  explicit SharedTimerWheel(Instant now) : clock_(now), wheel_(now) {}
  SharedTimerWheel(const SharedTimerWheel&) = delete;
  SharedTimerWheel& operator=(const SharedTimerWheel&) = delete;
  ~SharedTimerWheel() {
    WEFT_CHECK(taken_ == nullptr && retired_ == nullptr &&
               inbox_.load(std::memory_order_relaxed) == nullptr)
        << "~SharedTimerWheel(): timers of other threads wait; Advance() and PopRetired() first";
  }

  // ---- Any thread.

  ArmResult ArmRemotely(Timer* timer, Instant deadline,
                        absl::Duration slack = absl::ZeroDuration()) {
    const uint64_t tick = clock_.Roundest(deadline, slack);
    Word old = timer->word_.load(std::memory_order_relaxed);
    do {
      CheckNotRetired(old, "ArmRemotely");
      // (2), (3). A failure only tries again.
    } while (!timer->word_.compare_exchange_weak(
        old, ArmedFor(tick) | kQueued, std::memory_order_acq_rel, std::memory_order_relaxed));
    if ((old & kQueued) == 0) Push(timer);
    // From here on the owner may have fired the timer, and somebody may have destroyed it.
    return WakeFor(tick);
  }

  bool CancelRemotely(Timer* timer) {
    Word old = timer->word_.load(std::memory_order_acquire);  // (3)
    do {
      if ((old & kArmed) == 0) return false;
      // (2); on success (3) for the link, on failure (3) for the caller.
    } while (!timer->word_.compare_exchange_weak(old, kQueued, std::memory_order_acq_rel,
                                                 std::memory_order_acquire));
    if ((old & kQueued) == 0) Push(timer);
    return true;
  }

  bool Retire(Timer* timer) {
    Word old = timer->word_.load(std::memory_order_relaxed);
    do {
      CheckNotRetired(old, "Retire");
      // (2), (3). A failure only tries again.
    } while (!timer->word_.compare_exchange_weak(old, kQueued | kRetired, std::memory_order_acq_rel,
                                                 std::memory_order_relaxed));
    if ((old & kQueued) == 0) Push(timer);
    return (old & kArmed) != 0;
  }

  // ---- The owner.

  void Reserve(size_t timers) { wheel_.Reserve(timers); }

  void Arm(Timer* timer, Instant deadline, absl::Duration slack = absl::ZeroDuration()) {
    const uint64_t tick = clock_.Roundest(deadline, slack);
    Word old = timer->word_.load(std::memory_order_relaxed);
    do {
      CheckNotRetired(old, "Arm");
      // Relaxed: it is the owner who will read what this writes.
    } while (!timer->word_.compare_exchange_weak(old, ArmedFor(tick) | (old & kQueued),
                                                 std::memory_order_relaxed));
    // One that lies in the inbox, or is on its way there, is armed when it is taken out.
    if ((old & kQueued) == 0) wheel_.ArmForTick(timer, tick);
  }

  bool Cancel(Timer* timer) {
    Word old = timer->word_.load(std::memory_order_relaxed);
    do {
      if ((old & kArmed) == 0) return false;
      // Before the word says that the timer is idle: then it may be destroyed.
      if ((old & kQueued) == 0) wheel_.Cancel(timer);
      // (3). A failure only tries again.
    } while (!timer->word_.compare_exchange_weak(old, old & kQueued, std::memory_order_release,
                                                 std::memory_order_relaxed));
    return true;
  }

  AdvanceResult Advance(Instant now, int64_t budget = kUnlimited) {
    const bool is_empty = SettleInbox(&budget);
    const AdvanceResult result = wheel_.Advance(now, budget);
    return is_empty ? result : AdvanceResult::kMoreToDo;
  }

  Timer* PopExpired() {
    while (TimerEntry* const entry = wheel_.PopExpired()) {
      auto* const timer = static_cast<Timer*>(entry);
      Word old = timer->word_.load(std::memory_order_relaxed);
      // (3). Fails if another thread cancels or moves the timer now; then it lies in the inbox.
      if ((old & kQueued) == 0 &&
          timer->word_.compare_exchange_strong(old, 0, std::memory_order_release,
                                               std::memory_order_relaxed)) {
        ++fired_;
        return timer;
      }
      ++overtaken_;
    }
    return nullptr;
  }

  Timer* PopRetired() {
    Timer* const timer = retired_;
    if (timer == nullptr) return nullptr;
    retired_ = timer->next_.Read();
    timer->word_.store(0, std::memory_order_relaxed);
    return timer;
  }

  Instant NextDeadline() const {
    // Relaxed: a look only. BeginSleep() makes sure.
    if (taken_ != nullptr || inbox_.load(std::memory_order_relaxed) != nullptr) {
      return Instant::InfinitePast();
    }
    return wheel_.NextDeadline();
  }

  Instant BeginSleep() {
    if (taken_ != nullptr || wheel_.HasWork()) return Instant::InfinitePast();
    const uint64_t tick = wheel_.NextTick();
    sleep_until_.store(tick, std::memory_order_seq_cst);                        // (4)
    if (Atomics::Recheck(inbox_.load(std::memory_order_seq_cst) != nullptr)) {  // (4)
      EndSleep();
      return Instant::InfinitePast();
    }
    return clock_.StartOf(tick);
  }

  // Relaxed: whoever reads an old value wakes an owner that is awake.
  void EndSleep() { sleep_until_.store(kAwake, std::memory_order_relaxed); }

  size_t size() const { return wheel_.size(); }

  SharedTimerStats stats() const {
    SharedTimerStats stats{wheel_.stats()};
    stats.fired = fired_;
    stats.remote = remote_;
    stats.overtaken = overtaken_;
    return stats;
  }

 private:
  // {tick, flags}
  using Word = uint64_t;
  static constexpr Word kQueued = 1;
  static constexpr Word kArmed = 2;
  static constexpr Word kRetired = 4;
  static constexpr int kTickShift = 4;
  static_assert(TickClock<TimerWheel::kTickNanos>::kNever >> (64 - kTickShift) == 0);
  static constexpr Word ArmedFor(uint64_t tick) { return tick << kTickShift | kArmed; }
  static constexpr uint64_t TickOf(Word word) { return word >> kTickShift; }

  // sleep_until_ while the owner does not sleep: no tick is earlier.
  static constexpr uint64_t kAwake = 0;

  static void CheckNotRetired(Word word, const char* function) {
    WEFT_CHECK((word & kRetired) == 0) << "SharedTimerWheel::" << function
                                       << "(): the timer was retired; no call but PopRetired() "
                                       << "may follow";
  }

  void Push(Timer* timer) {
    Timer* head = inbox_.load(std::memory_order_relaxed);
    do {
      timer->next_.Write(head);
      // (1), (4). A failure only tries again.
    } while (!inbox_.compare_exchange_weak(head, timer, std::memory_order_seq_cst,
                                           std::memory_order_relaxed));
  }

  // Whether the owner sleeps longer than to `tick`. Of several that ask, one is told to wake it.
  ArmResult WakeFor(uint64_t tick) {
    uint64_t until = sleep_until_.load(std::memory_order_seq_cst);  // (4)
    if (tick >= until) return ArmResult::kArmed;
    // Relaxed: if another value stands there, either somebody else wakes the owner, or the owner
    // has come here again and has seen the inbox (4).
    return sleep_until_.compare_exchange_strong(until, kAwake, std::memory_order_relaxed)
               ? ArmResult::kMustWakeOwner
               : ArmResult::kArmed;
  }

  // Returns whether all timers that others put into the inbox are settled.
  bool SettleInbox(int64_t* budget) {
    if (taken_ == nullptr && inbox_.load(std::memory_order_relaxed) != nullptr) {
      taken_ = inbox_.exchange(nullptr, std::memory_order_acquire);  // (1)
    }
    while (taken_ != nullptr && *budget > 0) {
      Timer* const timer = taken_;
      // Before the word is changed: then another thread may put the timer into the inbox again.
      taken_ = timer->next_.Read();
      __builtin_prefetch(taken_, 1);
      Settle(timer);
      --*budget;
      ++remote_;
    }
    return taken_ == nullptr;
  }

  // Does what the word of a queued timer says. Tries again only if another thread has changed it.
  void Settle(Timer* timer) {
    Word old = timer->word_.load(std::memory_order_relaxed);
    Word settled = 0;
    do {
      settled = old & ~kQueued;
      if ((old & kArmed) != 0) {
        wheel_.ArmForTick(timer, TickOf(old));
      } else {
        wheel_.Cancel(timer);
      }
      // (2), (3). A failure only tries again.
    } while (!timer->word_.compare_exchange_weak(old, settled, std::memory_order_acq_rel,
                                                 std::memory_order_relaxed));
    if ((settled & kRetired) == 0) return;
    timer->next_.Write(retired_);
    retired_ = timer;
  }

  // Written by any thread.
  alignas(kCacheLineSize) typename Atomics::template Atomic<Timer*> inbox_{nullptr};
  // Read by any thread, written rarely: when the owner falls asleep or awakes. The tick until which
  // it sleeps.
  alignas(kCacheLineSize) typename Atomics::template Atomic<uint64_t> sleep_until_{kAwake};
  const TickClock<TimerWheel::kTickNanos> clock_;
  // The owner's.
  alignas(kCacheLineSize) Timer* taken_ = nullptr;  // The part of the inbox that is not settled.
  Timer* retired_ = nullptr;
  uint64_t fired_ = 0;
  uint64_t remote_ = 0;
  uint64_t overtaken_ = 0;
  TimerWheel wheel_;
};

}  // namespace timer_internal
}  // namespace weft

#endif  // WEFT_TIMER_INTERNAL_SHARED_TIMER_WHEEL_H_

// timer/timer_wheel.h — a hierarchical timing wheel as a pure data structure.
//
// Arming, re-arming and cancelling a timer is O(1) and allocates nothing. The wheel reads no clock
// and owns no thread: the caller says what time it is and takes the expired timers out. Use it
// under a runtime or an event loop; use a std::priority_queue for a handful of timers that nearly
// all fire. A wheel whose timers other threads arm and cancel is //timer:shared_timer_wheel.
//
//   struct Sleep : weft::TimerEntry { int id; };
//   weft::TimerWheel wheel(now);
//   wheel.Arm(&sleep, now + absl::Milliseconds(20));
//   ... wait until wheel.NextDeadline() ...
//   wheel.Advance(later);
//   while (weft::TimerEntry* entry = wheel.PopExpired()) Handle(static_cast<Sleep*>(entry));
//
// Trade-offs
//   Time is cut into ticks: of a millisecond in a TimerWheel, of 16.4 us in a FineTimerWheel. To
//   fire timers is cheaper with the former, where so many are armed that they share a millisecond.
//   A wheel takes 52 KB (fine: 62), and besides a timer of 16 bytes a cell of 8 to 41 (Reserve).
//   The memory for cells grows and is kept.
//
// Guarantees
//   Thread safety   Thread-compatible: an owner that shares it brings its own lock.
//   Accuracy        A timer never expires before its deadline d, and expires by the first
//                   Advance(now) with now >= d + max(one tick, slack). A late Advance loses
//                   nothing; there is no deadline too distant.
//   Order           Timers expire in the order of their ticks, and those of one tick in the order
//                   in which they were armed.
//   Termination     What is armed after an Advance is not expired before the next Advance, even if
//                   its deadline is past: a loop over PopExpired() that re-arms ends.
//   Complexity      Arm, Cancel: O(1) amortised; at most some dozens of other timers are moved in
//                   one call. NextDeadline: O(1). PopExpired: O(1) amortised over cancellations of
//                   expired timers. Advance: O(timers moved down a level + occupied slots passed),
//                   or what its budget says; empty time costs nothing. A timer moves down at most
//                   five times (fine: six).
//   Allocation      None in Cancel, PopExpired and NextDeadline. Advance adds memory when less than
//                   an eighth of it is free; Arm does only when none is. None at all up to the
//                   number of timers that was given to Reserve().
//   Lifetime        The wheel never touches a timer after PopExpired() returned it or Cancel() took
//                   it out. A timer must be cancelled before it is destroyed (checked in debug
//                   builds), and all of them before the wheel is (checked).
#ifndef WEFT_TIMER_TIMER_WHEEL_H_
#define WEFT_TIMER_TIMER_WHEEL_H_

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "absl/time/time.h"
#include "base/check.h"
#include "base/instant.h"
#include "timer/internal/cell_ring.h"
#include "timer/internal/chunk_pool.h"
#include "timer/internal/occupancy.h"
#include "timer/internal/tick_clock.h"

namespace weft {

namespace timer_internal {
template <typename Atomics>
class SharedTimerWheel;
}  // namespace timer_internal

// One timer. Derive from it or hold it as a member. Neither copied nor moved. Its address must fit
// in 48 bits (checked), as addresses of Linux programs do that use no pointer tags.
class TimerEntry : private timer_internal::TimerNode {
 public:
  TimerEntry() = default;
  TimerEntry(const TimerEntry&) = delete;
  TimerEntry& operator=(const TimerEntry&) = delete;
  ~TimerEntry() {
    WEFT_DCHECK(!IsArmed()) << "~TimerEntry(): the timer is armed; Cancel() it first";
  }

  // Whether the timer is in a wheel: armed, or expired and not yet popped.
  bool IsArmed() const { return cell != nullptr; }

 private:
  template <int64_t kTick>
  friend class BasicTimerWheel;
};

// What a wheel has done since it was made.
struct TimerStats {
  uint64_t armed = 0;      // Calls of Arm().
  uint64_t cancelled = 0;  // Calls of Cancel() that returned true.
  uint64_t fired = 0;      // Timers that PopExpired() returned.
  uint64_t cascaded = 0;   // Moves of a timer from one level to a lower one.
  // Calls of Advance() at NextDeadline() or later that expired nothing: the earliest timer had been
  // cancelled.
  uint64_t early_wakes = 0;
  // How many ticks after its own the latest timer was expired. Timers whose deadline was past when
  // they were armed do not count.
  uint64_t max_lateness_ticks = 0;
  // Calls of Arm() that had to allocate, because neither Reserve() nor Advance() had.
  uint64_t allocations_in_arm = 0;
};

// Whether Advance() did all that it was called for.
enum class AdvanceResult : unsigned char {
  kCaughtUp,  // All that is due can be popped.
  kMoreToDo,  // The budget was spent: call again with the same time or a later one.
};

// The wheel; see the top of the file. Use it as one of the two that are named below.
template <int64_t kTick>
class BasicTimerWheel {
 public:
  // The length of a tick, which is the accuracy of the wheel.
  static constexpr int64_t kTickNanos = kTick;
  // A budget that is never spent.
  static constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max();

  // A wheel whose time starts at `now`. Deadlines before it count as due at once.
  explicit BasicTimerWheel(Instant now);
  BasicTimerWheel(const BasicTimerWheel&) = delete;
  BasicTimerWheel& operator=(const BasicTimerWheel&) = delete;
  // Precondition (checked): no timer is armed.
  ~BasicTimerWheel();

  // Allocates what `timers` timers need at worst, 41 bytes for each and 1024 for each of the slots
  // that they may lie in: up to that many can be armed at once without any further allocation.
  void Reserve(size_t timers);

  // Arms `entry` for `deadline`. An armed one is moved to the new deadline, behind all that are
  // armed for the same tick. A deadline that is past expires at the next Advance; InfiniteFuture()
  // never.
  void Arm(TimerEntry* entry, Instant deadline) { ArmForTick(entry, clock_.AtOrAfter(deadline)); }

  // The same for a timer that may expire up to `slack` later. Of the ticks that are allowed the
  // wheel takes the roundest, so that timers with slack meet in few of them and wake the caller
  // together.
  void Arm(TimerEntry* entry, Instant deadline, absl::Duration slack) {
    ArmForTick(entry, clock_.Roundest(deadline, slack));
  }

  // Takes `entry` out. Returns whether it was armed; if true, PopExpired() will not return it.
  bool Cancel(TimerEntry* entry) {
    if (!EraseYoungest(entry)) {
      if (!entry->IsArmed()) return false;
      Erase(entry);
    }
    ++stats_.cancelled;
    return true;
  }

  // Moves the wheel's time to `now` and makes everything that is due available to PopExpired(). An
  // earlier `now` than before leaves the time where it is.
  //
  // `budget` bounds the work: the number of timers moved down a level and of slots expired, plus at
  // most 60. If it is spent, the time stays behind `now`, what could be expired can be popped, and
  // NextDeadline() is no later than the deadline of what is left.
  AdvanceResult Advance(Instant now, int64_t budget = kUnlimited);

  // Takes out the next expired timer, or null. It may be armed again or destroyed. Call it as often
  // as a turn of the loop allows; the rest stays expired.
  TimerEntry* PopExpired() {
    CellRing& ring = slots_[kExpired].ring;
    if (ring.IsEmpty()) return nullptr;
    ++stats_.fired;
    return static_cast<TimerEntry*>(ring.TakeOldest(&pool_));
  }

  // When to call Advance next: the tick of the earliest timer; in the past if something is due now,
  // InfiniteFuture() if nothing will ever be. Never late. Exact, except when the earliest timer was
  // cancelled: then it may still be that timer's, once for each such timer.
  Instant NextDeadline() const;

  // How many timers are armed or expired and not popped.
  size_t size() const { return stats_.armed - moved_ - stats_.cancelled - stats_.fired; }

  TimerStats stats() const;

 private:
  template <typename Atomics>
  friend class timer_internal::SharedTimerWheel;
  using CellRing = timer_internal::CellRing;
  using TickClock = timer_internal::TickClock<kTick>;
  using TimerNode = timer_internal::TimerNode;

  // A level for each byte of a tick. Of the last one there are the slots that a tick can name.
  static constexpr unsigned kLevels = TickClock::kBytes;
  static constexpr unsigned kSlotBits = 8;
  static constexpr unsigned kSlots = 1 << kSlotBits;
  static constexpr unsigned kWheelSlots = (kLevels - 1) * kSlots + TickClock::kHighestByte + 1;
  // Rings besides the slots of the levels.
  static constexpr unsigned kNeverDue = kWheelSlots;     // InfiniteFuture(): where kNever belongs.
  static constexpr unsigned kDue = kWheelSlots + 1;      // Expires at the next Advance.
  static constexpr unsigned kExpired = kWheelSlots + 2;  // Waits for PopExpired.
  static constexpr unsigned kRings = kWheelSlots + 3;

  struct Slot {
    CellRing ring;
    uint64_t earliest = 0;  // Lower bound of the ticks in `ring`; exact while none is cancelled.
  };

  [[noreturn]] static void RefuseAddress(const TimerEntry* entry);
  void ArmForTick(TimerEntry* entry, uint64_t tick);
  unsigned PlaceOf(uint64_t tick) const;
  void Insert(TimerNode* node, uint64_t tick);
  void InsertInNewRoom(TimerNode* node, uint64_t tick, unsigned place);
  void MoveToTick(TimerEntry* entry, uint64_t tick);
  bool EraseYoungest(TimerNode* node);
  void Erase(TimerNode* node);
  void NoteEmpty(unsigned place);
  void Expire(unsigned slot);
  bool Cascade(uint64_t target, int64_t* budget);
  void EnterSlot(unsigned level, unsigned index, uint64_t target);
  bool FindFirst(unsigned* level, unsigned* index) const;
  uint64_t StartOfSlot(unsigned level, unsigned index) const;
  // Whether something can be popped or moved down now.
  bool HasWork() const;
  // What NextDeadline() says while there is no work.
  uint64_t NextTick() const;

  const TickClock clock_;
  uint64_t cursor_ = 0;  // The tick up to which everything is expired.
  // The level of the slot that the cursor has entered and that is not wholly moved down; 0: none.
  unsigned cascading_level_ = 0;
  TimerStats stats_;
  uint64_t moved_ = 0;  // Calls of Arm() for a timer that was armed.
  std::array<timer_internal::Occupancy, kLevels> occupancy_;
  timer_internal::ChunkPool pool_;
  std::array<Slot, kRings> slots_;
};

// Ticks of a millisecond, as time-outs have them.
using TimerWheel = BasicTimerWheel<1'000'000>;
// Ticks of 2^14 ns, for deadlines that mean what they say.
using FineTimerWheel = BasicTimerWheel<int64_t{1} << 14>;

extern template class BasicTimerWheel<TimerWheel::kTickNanos>;
extern template class BasicTimerWheel<FineTimerWheel::kTickNanos>;

// The usual course of arming and cancelling stands here, so that it can be inlined.

template <int64_t kTick>
inline void BasicTimerWheel<kTick>::ArmForTick(TimerEntry* entry, uint64_t tick) {
  if (reinterpret_cast<uintptr_t>(entry) >> (64 - timer_internal::kTagBits) != 0) {
    RefuseAddress(entry);
  }
  ++stats_.armed;
  if (entry->IsArmed()) return MoveToTick(entry, tick);
  entry->when = tick;
  Insert(entry, tick);
}

// The ring for what is armed for `tick` now.
template <int64_t kTick>
inline unsigned BasicTimerWheel<kTick>::PlaceOf(uint64_t tick) const {
  if (tick <= cursor_) [[unlikely]]
    return kDue;
  const auto highest_bit = static_cast<unsigned>(63 ^ std::countl_zero(tick ^ cursor_));
  const unsigned shift = highest_bit - highest_bit % kSlotBits;
  return shift / kSlotBits * kSlots + static_cast<unsigned>(tick >> shift) % kSlots;
}

template <int64_t kTick>
inline void BasicTimerWheel<kTick>::Insert(TimerNode* node, uint64_t tick) {
  const unsigned place = PlaceOf(tick);
  Slot& slot = slots_[place];
  if (slot.ring.IsFull()) [[unlikely]]
    return InsertInNewRoom(node, tick, place);
  if (tick < slot.earliest) slot.earliest = tick;
  slot.ring.Append(node, static_cast<uint16_t>(tick));
}

// Takes a timer out if it is the youngest of its slot: the common case, and all that it takes is
// here. Returns false for others, and for one that is not armed.
template <int64_t kTick>
inline bool BasicTimerWheel<kTick>::EraseYoungest(TimerNode* node) {
  // Where the cursor has passed a timer, or is about to, the ring is another one and says no.
  return slots_[PlaceOf(node->when)].ring.EraseYoungest(node);
}

}  // namespace weft

#endif  // WEFT_TIMER_TIMER_WHEEL_H_

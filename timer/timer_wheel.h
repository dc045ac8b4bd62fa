// timer/timer_wheel.h — a hierarchical timing wheel as a pure data structure.
//
// Timers are intrusive entries; arming, re-arming and cancelling one is O(1) and allocates nothing.
// The wheel reads no clock and owns no thread: the caller says what time it is and takes the
// expired entries out. Use it under a runtime or an event loop with many timers of which most are
// cancelled; use a std::priority_queue for a handful of timers that nearly all fire.
//
//   struct Sleep : weft::TimerEntry { int id; };
//   weft::TimerWheel wheel(now);
//   wheel.Arm(&sleep, now + absl::Milliseconds(20));
//   ... wait until wheel.NextDeadline() ...
//   wheel.Advance(later);
//   while (weft::TimerEntry* entry = wheel.PopExpired()) Handle(static_cast<Sleep*>(entry));
//
// Trade-offs
//   Time is cut into ticks of one millisecond. A wheel takes about 25 KB however many timers it
//   has, and an entry 32 bytes. 4 levels of 256 slots reach 2^32 ticks (49.7 days); what lies
//   beyond waits in a list that is looked through once per 49.7 days.
//
// Guarantees
//   Thread safety   Thread-compatible: an owner that shares it brings its own lock.
//   Accuracy        An entry is never expired before its deadline, and is expired by the first
//                   Advance(now) with now >= deadline + one tick. A late Advance loses nothing.
//   Order           Entries expire in the order of their ticks, and those of one tick in the order
//                   in which they were armed.
//   Termination     What is armed after an Advance is not expired before the next Advance, even if
//                   its deadline is past: a loop over PopExpired() that re-arms ends.
//   Complexity      Arm, Cancel, NextDeadline, PopExpired: O(1). Advance: O(entries expired or
//                   moved down a level + occupied slots passed); empty time costs nothing. An entry
//                   moves at most four times. The caller bounds the work per turn by the number of
//                   PopExpired() calls; the rest stays expired.
//   Lifetime        The wheel never touches an entry after PopExpired() returned it or Cancel()
//                   took it out. An entry must be cancelled before it is destroyed (checked in
//                   debug builds), and all of them before the wheel is.
#ifndef WEFT_TIMER_TIMER_WHEEL_H_
#define WEFT_TIMER_TIMER_WHEEL_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/instant.h"
#include "base/intrusive_list.h"

namespace weft {

// One timer. Derive from it or hold it as a member. Neither copied nor moved.
class TimerEntry : public IntrusiveListNode<TimerEntry> {
 public:
  // Whether the entry is in a wheel: armed, or expired and not yet popped.
  bool IsArmed() const { return IsLinked(); }

 private:
  friend class TimerWheel;

  uint64_t when_ = 0;   // Tick of expiry; written by Arm.
  uint16_t place_ = 0;  // Where the entry is linked; see TimerWheel::Place.
};

// The wheel; see the top of the file.
class TimerWheel {
 public:
  // The length of a tick, which is the accuracy of the wheel.
  static constexpr int64_t kTickNanos = 1'000'000;

  // A wheel whose time starts at `now`. Deadlines before it count as due at once.
  explicit TimerWheel(Instant now);
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;
  // Precondition (checked): no entry is armed.
  ~TimerWheel();

  // Arms `entry` for `deadline`. An armed entry is moved to the new deadline. A deadline that is
  // past expires at the next Advance; InfiniteFuture() never expires.
  void Arm(TimerEntry* entry, Instant deadline);

  // Takes `entry` out. Returns whether it was armed; if true, PopExpired() will not return it.
  bool Cancel(TimerEntry* entry);

  // Moves the wheel's time to `now` and makes everything that is due available to PopExpired(). An
  // earlier `now` than before leaves the time where it is.
  void Advance(Instant now);

  // Takes out the next expired entry, or null. The entry may be armed again or destroyed.
  TimerEntry* PopExpired();

  // When to call Advance next. Never later than the first Advance that would expire something, in
  // the past if something is due now, InfiniteFuture() if nothing will ever be. Exact (the deadline
  // of the earliest entry, rounded up to its tick), except when an entry that shared a slot with
  // the earliest one and preceded it was cancelled; then it may be early, once for each level.
  Instant NextDeadline() const;

  // How many entries are armed or expired and not popped.
  size_t size() const { return size_; }

 private:
  static constexpr int kLevels = 4;
  static constexpr int kSlotBits = 8;
  static constexpr int kSlots = 1 << kSlotBits;
  static constexpr uint64_t kNever = ~uint64_t{0};

  // Values of TimerEntry::place_: 0 to 1023 is level * kSlots + slot.
  enum Place : uint16_t {
    kOverflow = kLevels * kSlots,  // More than 2^32 ticks ahead, or never.
    kDue,                          // Was past when armed; expires at the next Advance.
    kExpired,                      // Waits for PopExpired.
  };

  struct Slot {
    IntrusiveList<TimerEntry> entries;
    uint64_t earliest = 0;  // Lower bound of the ticks in `entries`; exact while none is cancelled.
  };

  // One bit for each occupied slot of a level.
  struct Occupancy {
    std::array<uint64_t, kSlots / 64> words{};

    void Set(int slot) { words[slot / 64] |= uint64_t{1} << (slot % 64); }
    void Clear(int slot) { words[slot / 64] &= ~(uint64_t{1} << (slot % 64)); }
    // The first occupied slot behind `slot`, or -1.
    int NextAfter(int slot) const;
  };

  uint64_t TickAtOrAfter(Instant deadline) const;
  uint64_t TickAtOrBefore(Instant now) const;
  Instant StartOfTick(uint64_t tick) const;

  void Insert(TimerEntry* entry);
  void Remove(TimerEntry* entry);
  void Reinsert(int place);
  void ReinsertOverflow();
  void Expire(IntrusiveList<TimerEntry>* entries);
  void EnterTick(uint64_t tick);
  uint64_t NextEventTick() const;
  int FirstOccupied(int* level) const;

  const Instant start_;
  uint64_t cursor_ = 0;  // The tick up to which everything is expired.
  size_t size_ = 0;
  std::array<Slot, kLevels * kSlots> slots_;
  std::array<Occupancy, kLevels> occupancy_;
  IntrusiveList<TimerEntry> overflow_;
  uint64_t overflow_earliest_ = kNever;  // Lower bound, as Slot::earliest.
  IntrusiveList<TimerEntry> due_;
  IntrusiveList<TimerEntry> expired_;
};

}  // namespace weft

#endif  // WEFT_TIMER_TIMER_WHEEL_H_

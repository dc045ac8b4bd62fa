#include "timer/timer_wheel.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>

#include "base/check.h"

// An entry lies at the level of the highest byte in which its tick differs from the cursor, in the
// slot that this byte names. All bytes above are equal, so every entry lies strictly ahead of the
// cursor at its level, and everything at a lower level is earlier than anything at a higher one.

namespace weft {
namespace {

// a - b in nanoseconds, saturated: instants may lie further apart than int64_t reaches.
int64_t SaturatedDifference(Instant a, Instant b) {
  int64_t difference = 0;
  if (!__builtin_sub_overflow(a.nanos(), b.nanos(), &difference)) return difference;
  return a > b ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
}

}  // namespace

int TimerWheel::Occupancy::NextAfter(int slot) const {
  const int first = slot + 1;
  for (int word = first / 64; word < kSlots / 64; ++word) {
    uint64_t bits = words[word];
    if (word == first / 64) bits &= ~uint64_t{0} << (first % 64);
    if (bits != 0) return word * 64 + std::countr_zero(bits);
  }
  return -1;
}

TimerWheel::TimerWheel(Instant now) : start_(now) {}

TimerWheel::~TimerWheel() {
  WEFT_CHECK(size_ == 0) << "~TimerWheel(): no entry may be armed, found " << size_
                         << "; Cancel() them first";
}

uint64_t TimerWheel::TickAtOrAfter(Instant deadline) const {
  if (deadline == Instant::InfiniteFuture()) return kNever;
  if (deadline <= start_) return 0;
  return static_cast<uint64_t>(SaturatedDifference(deadline, start_) - 1) / kTickNanos + 1;
}

uint64_t TimerWheel::TickAtOrBefore(Instant now) const {
  if (now <= start_) return 0;
  return static_cast<uint64_t>(SaturatedDifference(now, start_)) / kTickNanos;
}

Instant TimerWheel::StartOfTick(uint64_t tick) const {
  constexpr uint64_t kLast = std::numeric_limits<int64_t>::max() / kTickNanos;
  if (tick > kLast) return Instant::InfiniteFuture();
  int64_t nanos = 0;
  const auto since_start = static_cast<int64_t>(tick) * kTickNanos;
  if (__builtin_add_overflow(start_.nanos(), since_start, &nanos)) return Instant::InfiniteFuture();
  return Instant::FromNanos(nanos);
}

void TimerWheel::Arm(TimerEntry* entry, Instant deadline) {
  if (entry->IsLinked()) {
    Remove(entry);
  } else {
    ++size_;
  }
  entry->when_ = TickAtOrAfter(deadline);
  if (entry->when_ <= cursor_) {
    entry->place_ = kDue;
    due_.PushBack(entry);
  } else {
    Insert(entry);
  }
}

bool TimerWheel::Cancel(TimerEntry* entry) {
  if (!entry->IsLinked()) return false;
  Remove(entry);
  --size_;
  return true;
}

// Links an entry whose tick is not before the cursor.
void TimerWheel::Insert(TimerEntry* entry) {
  const uint64_t difference = entry->when_ ^ cursor_;
  if (difference >> (kLevels * kSlotBits) != 0) {
    overflow_earliest_ =
        overflow_.IsEmpty() ? entry->when_ : std::min(overflow_earliest_, entry->when_);
    entry->place_ = kOverflow;
    overflow_.PushBack(entry);
    return;
  }
  const int level = (63 - std::countl_zero(difference | 1)) / kSlotBits;
  const int index = static_cast<int>(entry->when_ >> (level * kSlotBits)) & (kSlots - 1);
  entry->place_ = static_cast<uint16_t>(level * kSlots + index);
  Slot& slot = slots_[entry->place_];
  slot.earliest = slot.entries.IsEmpty() ? entry->when_ : std::min(slot.earliest, entry->when_);
  slot.entries.PushBack(entry);
  occupancy_[level].Set(index);
}

void TimerWheel::Remove(TimerEntry* entry) {
  entry->Unlink();
  const int place = entry->place_;
  if (place < kLevels * kSlots && slots_[place].entries.IsEmpty()) {
    occupancy_[place / kSlots].Clear(place % kSlots);
  }
}

// Moves the entries of a slot, which the cursor just entered, to lower levels.
void TimerWheel::Reinsert(int place) {
  IntrusiveList<TimerEntry>& entries = slots_[place].entries;
  if (entries.IsEmpty()) return;
  occupancy_[place / kSlots].Clear(place % kSlots);
  while (TimerEntry* const entry = entries.PopFront()) Insert(entry);
}

// Moves what the new top bytes of the cursor bring into reach from the overflow list to the wheel.
void TimerWheel::ReinsertOverflow() {
  overflow_earliest_ = kNever;
  for (TimerEntry* entry = overflow_.Front(); entry != nullptr;) {
    TimerEntry* const next = overflow_.Next(entry);
    if ((entry->when_ ^ cursor_) >> (kLevels * kSlotBits) == 0) {
      entry->Unlink();
      Insert(entry);
    } else {
      overflow_earliest_ = std::min(overflow_earliest_, entry->when_);
    }
    entry = next;
  }
}

void TimerWheel::Expire(IntrusiveList<TimerEntry>* entries) {
  while (TimerEntry* const entry = entries->PopFront()) {
    entry->place_ = kExpired;
    expired_.PushBack(entry);
  }
}

// Sets the cursor to `tick`, which is NextEventTick(), and does what is to be done there: first the
// higher levels, because their entries may belong to slots of the lower ones, or to this very tick.
void TimerWheel::EnterTick(uint64_t tick) {
  const uint64_t changed = cursor_ ^ tick;
  cursor_ = tick;
  if (changed >> (kLevels * kSlotBits) != 0) ReinsertOverflow();
  for (int level = kLevels - 1; level >= 1; --level) {
    if (changed >> (level * kSlotBits) == 0) continue;
    const int index = static_cast<int>(tick >> (level * kSlotBits)) & (kSlots - 1);
    Reinsert(level * kSlots + index);
  }
  const int index = static_cast<int>(tick) & (kSlots - 1);
  occupancy_[0].Clear(index);
  Expire(&slots_[index].entries);
}

void TimerWheel::Advance(Instant now) {
  const uint64_t target = std::max(TickAtOrBefore(now), cursor_);
  Expire(&due_);
  while (true) {
    const uint64_t next = NextEventTick();
    if (next > target) break;
    EnterTick(next);
  }
  // Nothing lies between the cursor and the target, so no slot is skipped by the jump.
  cursor_ = target;
}

TimerEntry* TimerWheel::PopExpired() {
  TimerEntry* const entry = expired_.PopFront();
  if (entry != nullptr) --size_;
  return entry;
}

// The first occupied slot ahead of the cursor at the lowest level that has one, and that level; -1
// if the levels are empty.
int TimerWheel::FirstOccupied(int* level) const {
  for (*level = 0; *level < kLevels; ++*level) {
    const int current = static_cast<int>(cursor_ >> (*level * kSlotBits)) & (kSlots - 1);
    const int slot = occupancy_[*level].NextAfter(current);
    if (slot >= 0) return slot;
  }
  return -1;
}

// The next tick at which entries expire or move down, kNever if there is none.
uint64_t TimerWheel::NextEventTick() const {
  int level = 0;
  const int slot = FirstOccupied(&level);
  if (slot >= 0) {
    const int shift = level * kSlotBits;
    const uint64_t above = cursor_ >> (shift + kSlotBits) << (shift + kSlotBits);
    return above | static_cast<uint64_t>(slot) << shift;
  }
  if (overflow_.IsEmpty() || overflow_earliest_ == kNever) return kNever;
  return overflow_earliest_ >> (kLevels * kSlotBits) << (kLevels * kSlotBits);
}

Instant TimerWheel::NextDeadline() const {
  if (!expired_.IsEmpty() || !due_.IsEmpty()) return Instant::InfinitePast();
  int level = 0;
  const int slot = FirstOccupied(&level);
  if (slot >= 0) return StartOfTick(slots_[level * kSlots + slot].earliest);
  return overflow_.IsEmpty() ? Instant::InfiniteFuture() : StartOfTick(overflow_earliest_);
}

}  // namespace weft

#include "timer/timer_wheel.h"

#include <algorithm>
#include <bit>
#include <cstdint>

#include "base/check.h"

// A timer lies at the level of the highest byte in which its tick differs from the cursor, in the
// slot that this byte names. All bytes above are equal, so every timer lies strictly ahead of the
// cursor at its level, and everything at a lower level is earlier than anything at a higher one.
// When the cursor enters a slot of a higher level, all lower levels are therefore empty.

namespace weft {

using timer_internal::Cell;
using timer_internal::Chunk;
using timer_internal::kTagBits;
using timer_internal::NodeOf;
using timer_internal::TagOf;

template <int64_t kTick>
BasicTimerWheel<kTick>::BasicTimerWheel(Instant now) : clock_(now) {}

template <int64_t kTick>
BasicTimerWheel<kTick>::~BasicTimerWheel() {
  WEFT_CHECK(size() == 0) << "~TimerWheel(): no timer may be armed, found " << size()
                          << "; Cancel() them first";
}

template <int64_t kTick>
void BasicTimerWheel<kTick>::Reserve(size_t timers) {
  // One more for the chunk that is being moved down, and one for the chunk that is being popped,
  // which is not merged while it becomes empty.
  pool_.Reserve(CellRing::MostChunks(timers, kRings) + 2);
}

// Apart, so that the stream of the message costs ArmForTick() no stack frame.
template <int64_t kTick>
[[gnu::cold, gnu::noinline]] void BasicTimerWheel<kTick>::RefuseAddress(const TimerEntry* entry) {
  WEFT_FATAL() << "TimerWheel::Arm(): the address of a timer must fit in 48 bits, found " << entry;
}

// For a ring that has no free cell at its end. Apart, as what follows: calls of them are the last
// thing that Arm() and Cancel() do, which therefore need no stack frame.
template <int64_t kTick>
[[gnu::noinline]] void BasicTimerWheel<kTick>::InsertInNewRoom(TimerNode* node, uint64_t tick,
                                                               unsigned place) {
  Slot& slot = slots_[place];
  if (slot.ring.IsEmpty() && place < kWheelSlots) {
    slot.earliest = tick;
    occupancy_[place / kSlots].Set(place % kSlots);
  }
  slot.earliest = std::min(slot.earliest, tick);
  slot.ring.MakeRoom(&pool_);
  slot.ring.Append(node, static_cast<uint16_t>(tick));
}

// For a timer that is armed.
template <int64_t kTick>
[[gnu::noinline]] void BasicTimerWheel<kTick>::MoveToTick(TimerEntry* entry, uint64_t tick) {
  if (!EraseYoungest(entry)) Erase(entry);
  ++moved_;
  entry->when = tick;
  Insert(entry, tick);
}

// For a timer that is armed.
template <int64_t kTick>
[[gnu::noinline]] void BasicTimerWheel<kTick>::Erase(TimerNode* node) {
  if (node->when > cursor_ && cascading_level_ == 0) [[likely]] {
    // It is where one for its tick is inserted, and was when it was armed or moved down.
    const unsigned place = PlaceOf(node->when);
    if (slots_[place].ring.Erase(node, &pool_)) NoteEmpty(place);
    return;
  }
  CellRing* const emptied = CellRing::EraseAnywhere(node, &pool_);
  if (emptied == nullptr) return;
  // A slot begins with its ring.
  NoteEmpty(static_cast<unsigned>(reinterpret_cast<Slot*>(emptied) - slots_.data()));
}

template <int64_t kTick>
void BasicTimerWheel<kTick>::NoteEmpty(unsigned place) {
  if (place < kWheelSlots) occupancy_[place / kSlots].Clear(place % kSlots);
}

// Makes all that is in a ring available to PopExpired().
template <int64_t kTick>
void BasicTimerWheel<kTick>::Expire(unsigned slot) {
  CellRing& ring = slots_[slot].ring;
  if (ring.IsEmpty()) return;
  ring.PrefetchFirst();
  slots_[kExpired].ring.Splice(&ring, &pool_);
}

// Moves the cursor to a slot that holds timers, while no earlier one does.
template <int64_t kTick>
void BasicTimerWheel<kTick>::EnterSlot(unsigned level, unsigned index, uint64_t target) {
  cursor_ = StartOfSlot(level, index);
  if (level > 0) {
    cascading_level_ = level;
  } else {
    stats_.max_lateness_ticks = std::max(stats_.max_lateness_ticks, target - cursor_);
    Expire(index);
    occupancy_[0].Clear(index);
  }
}

// Moves the timers of the slot that the cursor has entered to lower levels. Returns false if the
// budget was spent before. Then the cursor steps back until the next Advance(): all that belongs
// into the slot is ahead of it, and waits there behind the others.
template <int64_t kTick>
bool BasicTimerWheel<kTick>::Cascade(uint64_t target, int64_t* budget) {
  const unsigned level = cascading_level_;
  const unsigned index = static_cast<unsigned>(cursor_ >> (level * kSlotBits)) % kSlots;
  CellRing& ring = slots_[level * kSlots + index].ring;
  CellRing& expired = slots_[kExpired].ring;
  cascading_level_ = 0;
  while (!ring.IsEmpty()) {
    if (*budget <= 0) {
      cascading_level_ = level;
      --cursor_;
      return false;
    }
    Chunk* const chunk = ring.TakeFirst();
    ring.PrefetchFirstChunk();
    *budget -= chunk->live;
    stats_.cascaded += chunk->live;
    CellRing::ForEach(*chunk, [&](Cell cell) {
      TimerNode* const node = NodeOf(cell);
      // The tag is enough where a slot spans no more than the ticks that it tells apart.
      const uint64_t tick = level * kSlotBits <= kTagBits
                                ? (cursor_ >> kTagBits << kTagBits) | TagOf(cell)
                                : node->when;
      if (tick == cursor_) {
        if (expired.IsFull()) expired.MakeRoom(&pool_);
        expired.Append(node, TagOf(cell));
        stats_.max_lateness_ticks = std::max(stats_.max_lateness_ticks, target - tick);
      } else {
        Insert(node, tick);
      }
    });
    pool_.Give(chunk);
  }
  occupancy_[level].Clear(index);
  return true;
}

template <int64_t kTick>
AdvanceResult BasicTimerWheel<kTick>::Advance(Instant now, int64_t budget) {
  pool_.Refill();
  if (cascading_level_ > 0) ++cursor_;  // See Cascade().
  const uint64_t target = std::max(clock_.AtOrBefore(now), cursor_);
  Expire(kDue);
  bool was_promised = cascading_level_ > 0;
  unsigned level = 0;
  unsigned index = 0;
  while (true) {
    if (cascading_level_ > 0 && !Cascade(target, &budget)) return AdvanceResult::kMoreToDo;
    if (cursor_ >= target || !FindFirst(&level, &index)) break;
    if (StartOfSlot(level, index) > target) break;
    if (budget <= 0) return AdvanceResult::kMoreToDo;
    --budget;
    was_promised |= slots_[level * kSlots + index].earliest <= target;
    EnterSlot(level, index, target);
  }
  // Nothing lies between the cursor and the target, so no slot is skipped by the jump.
  cursor_ = target;
  if (was_promised && slots_[kExpired].ring.IsEmpty()) ++stats_.early_wakes;
  return AdvanceResult::kCaughtUp;
}

// The first occupied slot ahead of the cursor at the lowest level that has one.
template <int64_t kTick>
bool BasicTimerWheel<kTick>::FindFirst(unsigned* level, unsigned* index) const {
  for (*level = 0; *level < kLevels; ++*level) {
    if (occupancy_[*level].IsEmpty()) continue;
    const unsigned current = static_cast<unsigned>(cursor_ >> (*level * kSlotBits)) % kSlots;
    const int next = occupancy_[*level].NextAfter(current);
    *index = static_cast<unsigned>(next);
    if (next >= 0) return true;
  }
  return false;
}

template <int64_t kTick>
uint64_t BasicTimerWheel<kTick>::StartOfSlot(unsigned level, unsigned index) const {
  const unsigned shift = level * kSlotBits;
  const uint64_t above = cursor_ >> (shift + kSlotBits) << (shift + kSlotBits);
  return above | static_cast<uint64_t>(index) << shift;
}

template <int64_t kTick>
bool BasicTimerWheel<kTick>::HasWork() const {
  return !slots_[kExpired].ring.IsEmpty() || !slots_[kDue].ring.IsEmpty() || cascading_level_ > 0;
}

template <int64_t kTick>
uint64_t BasicTimerWheel<kTick>::NextTick() const {
  unsigned level = 0;
  unsigned index = 0;
  if (!FindFirst(&level, &index)) return TickClock::kNever;
  return slots_[level * kSlots + index].earliest;
}

template <int64_t kTick>
Instant BasicTimerWheel<kTick>::NextDeadline() const {
  return HasWork() ? Instant::InfinitePast() : clock_.StartOf(NextTick());
}

template <int64_t kTick>
TimerStats BasicTimerWheel<kTick>::stats() const {
  TimerStats stats = stats_;
  stats.allocations_in_arm = pool_.growths_at_once();
  return stats;
}

template class BasicTimerWheel<TimerWheel::kTickNanos>;
template class BasicTimerWheel<FineTimerWheel::kTickNanos>;

}  // namespace weft

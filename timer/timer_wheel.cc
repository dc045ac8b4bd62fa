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

namespace {

// How many cells ahead of the one in hand the memory of a timer is asked for.
constexpr int kPrefetch = 12;

// An empty cell makes it ask for address 0, which is harmless.
void Prefetch(const Chunk& chunk, int i) {
  if (i < chunk.end) __builtin_prefetch(NodeOf(chunk.cells[i]), 1);
}

void PrefetchFirst(const Chunk& chunk) {
  for (int i = chunk.begin; i < chunk.begin + kPrefetch; ++i) Prefetch(chunk, i);
}

}  // namespace

TimerWheel::TimerWheel(Instant now) : clock_(now) {}

TimerWheel::~TimerWheel() {
  WEFT_CHECK(size_ == 0) << "~TimerWheel(): no timer may be armed, found " << size_
                         << "; Cancel() them first";
}

void TimerWheel::Reserve(size_t timers) {
  // One more for the chunk that is being moved down, and one for the chunk that is being popped,
  // which is not merged while it becomes empty.
  pool_.Reserve(CellRing::MostChunks(timers, kRings) + 2);
}

// Apart, so that the stream of the message costs ArmForTick() no stack frame.
[[gnu::cold, gnu::noinline]] void TimerWheel::RefuseAddress(const TimerEntry* entry) {
  WEFT_FATAL() << "TimerWheel::Arm(): the address of a timer must fit in 48 bits, found " << entry;
}

void TimerWheel::ArmForTick(TimerEntry* entry, uint64_t tick) {
  if (reinterpret_cast<uintptr_t>(entry) >> (64 - kTagBits) != 0) RefuseAddress(entry);
  ++stats_.armed;
  if (entry->IsArmed()) {
    Erase(entry);
  } else {
    ++size_;
  }
  entry->when = tick;
  Insert(entry, tick);
}

bool TimerWheel::Cancel(TimerEntry* entry) {
  if (!entry->IsArmed()) return false;
  Erase(entry);
  --size_;
  ++stats_.cancelled;
  return true;
}

void TimerWheel::Insert(TimerNode* node, uint64_t tick) {
  if (tick <= cursor_ || tick == TickClock::kNever) [[unlikely]] {
    slots_[tick <= cursor_ ? kDue : kNeverDue].ring.Append(node, 0, &pool_);
    return;
  }
  unsigned level = static_cast<unsigned>(63 - std::countl_zero(tick ^ cursor_)) / kSlotBits;
  // What belongs into a slot that is still being moved down waits there behind the others.
  level = std::max(level, cascading_level_);
  const unsigned index = static_cast<unsigned>(tick >> (level * kSlotBits)) % kSlots;
  Slot& slot = slots_[level * kSlots + index];
  if (slot.ring.IsEmpty()) {
    slot.earliest = tick;
    occupancy_[level].Set(index);
  } else if (tick < slot.earliest) {
    slot.earliest = tick;
  }
  slot.ring.Append(node, static_cast<uint16_t>(tick), &pool_);
}

void TimerWheel::Erase(TimerNode* node) {
  CellRing* const emptied = CellRing::Erase(node, &pool_);
  if (emptied == nullptr) return;
  // A slot begins with its ring.
  const auto place = static_cast<unsigned>(reinterpret_cast<Slot*>(emptied) - slots_.data());
  if (place < kWheelSlots) occupancy_[place / kSlots].Clear(place % kSlots);
}

// Makes all that is in a ring available to PopExpired().
void TimerWheel::Expire(unsigned slot) {
  CellRing& ring = slots_[slot].ring;
  if (ring.IsEmpty()) return;
  PrefetchFirst(*ring.First());
  slots_[kExpired].ring.Splice(&ring, &pool_);
}

// Moves the cursor to a slot that holds timers, while no earlier one does.
void TimerWheel::EnterSlot(unsigned level, unsigned index, uint64_t target) {
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
// budget was spent before.
bool TimerWheel::Cascade(uint64_t target, int64_t* budget) {
  const unsigned level = cascading_level_;
  const unsigned index = static_cast<unsigned>(cursor_ >> (level * kSlotBits)) % kSlots;
  CellRing& ring = slots_[level * kSlots + index].ring;
  cascading_level_ = 0;
  while (!ring.IsEmpty()) {
    if (*budget <= 0) {
      cascading_level_ = level;
      return false;
    }
    Chunk* const chunk = ring.TakeFirst();
    *budget -= chunk->live;
    stats_.cascaded += chunk->live;
    PrefetchFirst(*chunk);
    for (int i = chunk->begin; i < chunk->end; ++i) {
      Prefetch(*chunk, i + kPrefetch);
      const Cell cell = chunk->cells[i];
      if (cell == 0) continue;
      TimerNode* const node = NodeOf(cell);
      // The tag is enough where a slot spans no more than the ticks that it tells apart.
      const uint64_t tick = level * kSlotBits <= kTagBits
                                ? (cursor_ >> kTagBits << kTagBits) | TagOf(cell)
                                : node->when;
      if (tick == cursor_) {
        slots_[kExpired].ring.Append(node, TagOf(cell), &pool_);
        stats_.max_lateness_ticks = std::max(stats_.max_lateness_ticks, target - tick);
      } else {
        Insert(node, tick);
      }
    }
    pool_.Give(chunk);
  }
  occupancy_[level].Clear(index);
  return true;
}

AdvanceResult TimerWheel::Advance(Instant now, int64_t budget) {
  pool_.Refill();
  const uint64_t target = std::max(clock_.AtOrBefore(now), cursor_);
  Expire(kDue);
  bool was_promised = cascading_level_ > 0;
  unsigned level = 0;
  unsigned index = 0;
  while (true) {
    if (cascading_level_ > 0 && !Cascade(target, &budget)) return AdvanceResult::kMoreToDo;
    if (!FindFirst(&level, &index) || StartOfSlot(level, index) > target) break;
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

TimerEntry* TimerWheel::TakeExpired() {
  CellRing& ring = slots_[kExpired].ring;
  if (ring.IsEmpty()) return nullptr;
  Chunk* const chunk = ring.First();
  int i = chunk->begin;
  while (chunk->cells[i] == 0) ++i;
  Prefetch(*chunk, i + kPrefetch);
  TimerNode* const node = NodeOf(chunk->cells[i]);
  chunk->cells[i] = 0;
  chunk->begin = static_cast<uint16_t>(i + 1);
  node->cell = nullptr;
  --size_;
  if (--chunk->live == 0) {
    pool_.Give(ring.TakeFirst());
    if (!ring.IsEmpty()) PrefetchFirst(*ring.First());
  }
  return static_cast<TimerEntry*>(node);
}

TimerEntry* TimerWheel::PopExpired() {
  TimerEntry* const entry = TakeExpired();
  if (entry != nullptr) ++stats_.fired;
  return entry;
}

// The first occupied slot ahead of the cursor at the lowest level that has one.
bool TimerWheel::FindFirst(unsigned* level, unsigned* index) const {
  for (*level = 0; *level < kLevels; ++*level) {
    if (occupancy_[*level].IsEmpty()) continue;
    const unsigned current = static_cast<unsigned>(cursor_ >> (*level * kSlotBits)) % kSlots;
    const int next = occupancy_[*level].NextAfter(current);
    *index = static_cast<unsigned>(next);
    if (next >= 0) return true;
  }
  return false;
}

uint64_t TimerWheel::StartOfSlot(unsigned level, unsigned index) const {
  const unsigned shift = level * kSlotBits;
  const uint64_t above = cursor_ >> (shift + kSlotBits) << (shift + kSlotBits);
  return above | static_cast<uint64_t>(index) << shift;
}

bool TimerWheel::HasWork() const {
  return !slots_[kExpired].ring.IsEmpty() || !slots_[kDue].ring.IsEmpty() || cascading_level_ > 0;
}

uint64_t TimerWheel::NextTick() const {
  unsigned level = 0;
  unsigned index = 0;
  if (!FindFirst(&level, &index)) return TickClock::kNever;
  return slots_[level * kSlots + index].earliest;
}

Instant TimerWheel::NextDeadline() const {
  return HasWork() ? Instant::InfinitePast() : clock_.StartOf(NextTick());
}

TimerStats TimerWheel::stats() const {
  TimerStats stats = stats_;
  stats.allocations_in_arm = pool_.growths_at_once();
  return stats;
}

}  // namespace weft

// mpmc/internal/segment.h — tickets, and the segments of SegmentQueue that tickets point into.
//
// A ticket is a place in the queue: {segment number : 40 | index in the segment : 23} below the top
// bit. Tickets are given out once, so a slot that is stamped with a ticket is that ticket's slot,
// whatever way a thread came to it. (A number comes again after 2^40 segments, months at full
// speed; what would have to sleep so long is a thread between two adjacent instructions.)
#ifndef WEFT_MPMC_INTERNAL_SEGMENT_H_
#define WEFT_MPMC_INTERNAL_SEGMENT_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "base/cache_line.h"
#include "mpmc/internal/segment_slot.h"
#include "mpmc/pop_result.h"

namespace weft::mpmc_internal {

// The numbers of happens-before edges are those of segment_queue.h.

// Arithmetic of tickets for segments of kSlots slots.
template <uint32_t kSlots>
struct Tickets {
  static constexpr int kIndexBits = 23;
  static constexpr uint64_t kIndexMask = (uint64_t{1} << kIndexBits) - 1;
  static constexpr uint64_t kMask = (uint64_t{1} << 63) - 1;
  // Claims beyond the last index are void, and each thread has one of them at most: the index must
  // not run over into the number. Linux knows 2^22 threads.
  static_assert(kSlots >= 1 && kSlots <= kIndexMask - (uint64_t{1} << 22));

  // A word of which tickets are claimed has the top bit when the queue is closed.
  static constexpr uint64_t kClosedBit = ~kMask;
  static constexpr bool IsClosed(uint64_t word) { return (word & kClosedBit) != 0; }
  // Whether a claimed word is a ticket, and not behind the end of its segment or of the queue.
  static constexpr bool IsClaim(uint64_t word) {
    return (word & (kClosedBit | kIndexMask)) < kSlots;
  }

  static constexpr uint64_t First(uint64_t number) { return (number << kIndexBits) & kMask; }
  static constexpr uint64_t NumberOf(uint64_t ticket) { return (ticket & kMask) >> kIndexBits; }
  static constexpr uint32_t IndexOf(uint64_t ticket) {
    return static_cast<uint32_t>(ticket & kIndexMask);
  }

  // A claimed word as a place: what lies beyond the segment is the first place of the next.
  static constexpr uint64_t Normalized(uint64_t ticket) {
    return IndexOf(ticket) < kSlots ? ticket & kMask : First(NumberOf(ticket) + 1);
  }

  // Number of places before `ticket`, modulo 2^64; differences count values.
  static constexpr uint64_t Count(uint64_t ticket) {
    return NumberOf(ticket) * kSlots + IndexOf(ticket);
  }
};

// Tickets ticket .. ticket + count - 1 of one segment. `count` is 0 when nothing was claimed, and
// then `outcome` tells a pop why.
template <typename Segment>
struct SegmentClaim {
  static SegmentClaim None(PopOutcome outcome) { return {nullptr, 0, 0, outcome}; }

  Segment* segment = nullptr;
  uint64_t ticket = 0;
  uint32_t count = 0;
  PopOutcome outcome = PopOutcome::kOk;
};

// The pool's notes about one segment, which outlive the segment's pages. Used under the queue's
// lock, and Plain so that a model checker sees that they are.
template <typename Segment, typename Atomics>
struct SegmentRecord {
  Segment* segment = nullptr;       // Constant once it is allocated.
  SegmentRecord* before = nullptr;  // The record of the segment that was allocated before.
  typename Atomics::template Plain<SegmentRecord*> below{nullptr};  // In a stack of the pool.
};

// A run of slots.
template <typename T, typename Atomics, uint32_t kSlots>
class Segment {
  using Slot = SegmentSlot<T, Atomics>;

 public:
  using Ticket = Tickets<kSlots>;
  using Record = SegmentRecord<Segment, Atomics>;
  using Copy = typename Slot::Copy;
  template <typename U>
  using Atomic = typename Atomics::template Atomic<U>;

  // The segment with `number` in the chain from `segment` on, or null.
  static Segment* Find(Segment* segment, uint64_t number) {
    while (segment != nullptr && segment->number.load(std::memory_order_relaxed) != number) {
      segment = segment->next.load(std::memory_order_acquire);  // (5)
    }
    return segment;
  }

  // Puts `value` into the slot of `ticket`, whose claim the caller owns.
  void Fill(uint64_t ticket, T&& value) {
    slots_[Ticket::IndexOf(ticket)].Fill(FullStamp(ticket), std::move(value));
  }

  // The same for values[0] and `ticket`, values[1] and the next ticket, ...
  void FillFrom(uint64_t ticket, std::span<T> values) {
    for (T& value : values) Fill(ticket++, std::move(value));
  }

  // Brings the slot of `ticket` into the cache of a thread that is about to fill it.
  void Prefetch(uint64_t ticket) const {
    if (Ticket::IsClaim(ticket)) __builtin_prefetch(&slots_[Ticket::IndexOf(ticket)], /*rw=*/1);
  }

  // How many slots from `ticket` on hold their values, up to copies.size(), within this segment.
  // Copies what their kind lets it.
  uint32_t CountFull(uint64_t ticket, std::span<Copy> copies) const {
    const uint32_t index = Ticket::IndexOf(ticket);
    uint32_t count = 0;
    while (count < copies.size() && index + count < kSlots &&
           slots_[index + count].Look(FullStamp(ticket + count), &copies[count])) {
      ++count;
    }
    return count;
  }

  // Hands the value of `ticket`, whose claim the caller owns, to `take` and ends it. Returns what
  // `take` returns. `copy` was made before the claim.
  template <typename Take>
  auto Empty(uint64_t ticket, const Copy& copy, Take take) {
    return slots_[Ticket::IndexOf(ticket)].Empty(copy, take);
  }

  // Moves the values from `ticket` on, of which `copies` were made, into out[0], out[1], ...
  void EmptyInto(uint64_t ticket, std::span<const Copy> copies, std::span<T> out) {
    for (std::size_t i = 0; i < copies.size(); ++i) {
      Empty(ticket + i, copies[i], [&](T&& value) { out[i] = std::move(value); });
    }
  }

  // Whether every slot has been emptied, in a segment all of whose tickets were claimed by pops.
  // Goes on where the last call stopped. Called under the queue's lock.
  bool IsClean() {
    uint32_t clean = clean_.Read();
    while (clean < kSlots && slots_[clean].IsClean()) ++clean;
    clean_.Write(clean);
    return clean == kSlots;
  }

  // Makes an emptied segment the one with `new_number`. Called under the queue's lock.
  void Renew(uint64_t new_number, Record* own_record) {
    clean_.Write(0);
    record_.Write(own_record);
    next.store(nullptr, std::memory_order_relaxed);
    number.store(new_number, std::memory_order_relaxed);
  }

  // Called under the queue's lock.
  Record* record() const { return record_.Read(); }

  // What discarding the pages does to an old reader, for a memory that cannot.
  void Clear() {
    number.store(0, std::memory_order_relaxed);
    next.store(nullptr, std::memory_order_relaxed);
    for (Slot& slot : slots_) slot.Clear();
  }

  // Written under the queue's lock, read by anyone. 0: in no queue.
  Atomic<uint64_t> number{0};
  Atomic<Segment*> next{nullptr};

 private:
  static constexpr uint64_t FullStamp(uint64_t ticket) { return ticket << 1 | 1; }

  // Under the queue's lock.
  typename Atomics::template Plain<uint32_t> clean_{0};  // So many, from the first, are emptied.
  typename Atomics::template Plain<Record*> record_{nullptr};
  alignas(std::max(kCacheLineSize, alignof(Slot))) Slot slots_[kSlots];
};

}  // namespace weft::mpmc_internal

#endif  // WEFT_MPMC_INTERNAL_SEGMENT_H_

// mpmc/internal/ring_geometry.h — tickets and stamps of a ring of any capacity, in one word each.
//
// Ticket. A position is {lap | index | flags:2}: `index` counts slots, `lap` counts rounds.
// lap_step is the smallest power of two that holds every index with its flags, so that adding it
// starts the same index one lap later. Tickets grow strictly, and never come again in the life of a
// queue: a ring of n slots (n a power of two) has 2^62 of them.
//
// Stamp. Each slot carries the ticket that it waits for, and what it holds:
//   stamp == p             free, for the push that owns ticket p
//   stamp == p + kFull     holds a value, for the pop that owns ticket p
//   stamp == p + kHole     the push with ticket p was abandoned; whoever owns the pop skips it
//   stamp == p + lap_step  free again, one lap later
// The flags of the tail word use the bit that no stamp of a free slot has, so that one comparison
// of stamp and tail on the usual path also finds out that the queue is open.
#ifndef WEFT_MPMC_INTERNAL_RING_GEOMETRY_H_
#define WEFT_MPMC_INTERNAL_RING_GEOMETRY_H_

#include <cstddef>
#include <cstdint>

#include "base/check.h"

namespace weft::mpmc_internal {

class RingGeometry {
 public:
  static constexpr std::size_t kMaxCapacity = std::size_t{1} << 30;

  // Flags of the tail word.
  static constexpr uint64_t kClosed = 2;
  // What stamps add to a ticket.
  static constexpr uint64_t kFull = 1;
  static constexpr uint64_t kHole = 3;

  // Precondition (checked): 1 <= capacity <= kMaxCapacity.
  RingGeometry(std::size_t capacity, const char* what) : end_(capacity * kStep) {
    WEFT_CHECK(capacity >= 1 && capacity <= kMaxCapacity)
        << what << "(capacity): expected 1 to " << kMaxCapacity << " slots, found " << capacity;
    while (lap_step_ < end_) lap_step_ *= 2;
    unused_ = lap_step_ - end_;
  }

  std::size_t capacity() const { return end_ / kStep; }
  uint64_t lap_step() const { return lap_step_; }

  // The first ticket of slot `index`.
  static uint64_t FirstTicket(std::size_t index) { return index * kStep; }

  static uint64_t WithoutFlags(uint64_t word) { return word & ~(kStep - 1); }

  // The slot of a ticket; flags do not matter.
  std::size_t IndexOf(uint64_t ticket) const { return OffsetOf(ticket) / kStep; }

  // The ticket behind `ticket`: the next index, or the first index of the next lap.
  uint64_t Next(uint64_t ticket) const { return Advance(ticket, 1); }

  // The ticket `count` places behind `ticket`; count <= capacity().
  uint64_t Advance(uint64_t ticket, std::size_t count) const {
    const uint64_t distance = count * kStep;
    return ticket + distance + (OffsetOf(ticket) + distance < end_ ? 0 : unused_);
  }

  // The number of tickets before `ticket`.
  uint64_t Position(uint64_t ticket) const {
    return ticket / lap_step_ * capacity() + IndexOf(ticket);
  }

 private:
  static constexpr uint64_t kStep = 4;

  uint64_t OffsetOf(uint64_t ticket) const { return ticket & (lap_step_ - kStep); }

  uint64_t end_;  // Of the offsets: capacity times kStep.
  uint64_t lap_step_ = kStep;
  uint64_t unused_;  // Offsets from end_ to the next lap.
};

}  // namespace weft::mpmc_internal

#endif  // WEFT_MPMC_INTERNAL_RING_GEOMETRY_H_

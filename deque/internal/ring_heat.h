// deque/internal/ring_heat.h — how long a deque stays hot (split_ring.h).
#ifndef WEFT_DEQUE_INTERNAL_RING_HEAT_H_
#define WEFT_DEQUE_INTERNAL_RING_HEAT_H_

#include <cstdint>

#include "deque/internal/ring_options.h"

namespace weft::deque_internal {

// Counts an owner's pops in a row between which nobody stole. For the owner only.
class RingHeat {
 public:
  // At each pop of a hot deque, with the top that it found: whether it is one pop too many.
  bool Cools(std::int64_t top, const RingOptions& options) {
    if (options.mode == RingMode::kFenced) return false;
    pops_ = top_ == static_cast<std::uint32_t>(top) ? pops_ + 1 : 1;
    Moved(top);
    return pops_ >= options.hot_pops;
  }

  // The owner itself moved top.
  void Moved(std::int64_t top) { top_ = static_cast<std::uint32_t>(top); }

 private:
  int pops_ = 0;  // since the last steal
  std::uint32_t top_ = 0;
};

}  // namespace weft::deque_internal

#endif  // WEFT_DEQUE_INTERNAL_RING_HEAT_H_

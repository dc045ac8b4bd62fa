// mpmc/internal/segment_hints.h — what SegmentQueue does for speed alone, so that a model checker
// need not see it.
#ifndef WEFT_MPMC_INTERNAL_SEGMENT_HINTS_H_
#define WEFT_MPMC_INTERNAL_SEGMENT_HINTS_H_

#include <atomic>
#include <cstdint>
#include <type_traits>

#include "base/atomics.h"
#include "base/backoff.h"

namespace weft::mpmc_internal {

// Whether the queue runs on a machine whose caches are worth a hint.
template <typename Atomics>
inline constexpr bool kHasCaches = std::is_same_v<Atomics, StdAtomics>;

// Where consumers last found the queue empty. A consumer that catches up with a busy producer would
// take the lines of the slot and of the tail from it for each value; if it lets the producer get
// some values ahead first, it moves them at one transfer a line. One that polls an idle queue shall
// not wait: it comes to the same place again.
template <typename Atomics>
class EmptyPlace {
 public:
  static constexpr bool Linger(uint64_t) { return false; }
  static void Note(uint64_t) {}
};

template <>
class EmptyPlace<StdAtomics> {
 public:
  // Waits for the time of a few transfers, unless the queue was found empty at `ticket`. Returns
  // whether it has waited.
  bool Linger(uint64_t ticket) const {
    if (ticket_.load(std::memory_order_relaxed) == ticket) return false;
    for (int i = 0; i < kPauses; ++i) CpuRelax();
    return true;
  }

  // The queue was found empty at `ticket`.
  void Note(uint64_t ticket) { ticket_.store(ticket, std::memory_order_relaxed); }

 private:
  static constexpr int kPauses = 8;

  std::atomic<uint64_t> ticket_{0};
};

}  // namespace weft::mpmc_internal

#endif  // WEFT_MPMC_INTERNAL_SEGMENT_HINTS_H_

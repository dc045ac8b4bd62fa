// base/atomics.h — the seam between a lock-free algorithm and the atomics it runs on.
//
// Each lock-free primitive is `internal::X<T, Atomics>` with a public alias over StdAtomics. A
// model checker supplies another `Atomics` and runs the same body over a simulated memory.
#ifndef WEFT_BASE_ATOMICS_H_
#define WEFT_BASE_ATOMICS_H_

#include <atomic>

namespace weft {

// The real thing: std::atomic and its fence.
struct StdAtomics {
  template <typename T>
  using Atomic = std::atomic<T>;

  static void Fence(std::memory_order order) { std::atomic_thread_fence(order); }
};

}  // namespace weft

#endif  // WEFT_BASE_ATOMICS_H_

// parker/internal/futex.h — the two futex calls of the package, and the seam that carries them.
//
// Bodies reach the kernel by Atomics::FutexWait() and Atomics::FutexWake(), so that a model checker
// can stand in for it.
#ifndef WEFT_PARKER_INTERNAL_FUTEX_H_
#define WEFT_PARKER_INTERNAL_FUTEX_H_

#include <atomic>
#include <cstdint>

#include "base/atomics.h"
#include "base/instant.h"

namespace weft::parker_internal {

// Real memory, and the kernel.
struct FutexAtomics : StdAtomics {
  // Sleeps while the low 32 bits of `word` equal those of `expected`. False: `deadline` has passed.
  // True: a wake-up, a signal, another value or nothing at all, so call it in a loop over the
  // condition. Orders nothing.
  static bool FutexWait(const std::atomic<uint64_t>& word, uint64_t expected, Instant deadline);

  // Wakes up to `count` threads that sleep on `word`. The word need not exist any more.
  static void FutexWake(const std::atomic<uint64_t>& word, int count);
};

}  // namespace weft::parker_internal

#endif  // WEFT_PARKER_INTERNAL_FUTEX_H_

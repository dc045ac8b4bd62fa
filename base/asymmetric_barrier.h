// base/asymmetric_barrier.h — a store-load barrier that costs its frequent side nothing.
//
// Two threads each write a word and then read the other's (Dekker's pattern); at least one must see
// the other's write. The usual remedy is a sequentially consistent fence on both sides. Here the
// frequent side runs LightBarrier(), which only the compiler sees, and the rare side runs
// HeavyBarrier(), which makes the kernel run a full fence on every processor that is executing a
// thread of this process (membarrier(2), private expedited).
//
// Axioms, which are what an algorithm may rest on and what the model checker assumes:
//   A1  A LightBarrier() and a HeavyBarrier() act like two sequentially consistent fences on each
//       other: either everything before the light one is visible after the heavy one, or everything
//       before the heavy one is visible after the light one.
//   A2  Two HeavyBarrier() calls act like two sequentially consistent fences.
//   A3  Two LightBarrier() calls order nothing between threads.
// A1 gives the edge (1): what comes before either barrier, to what comes after the other.
//
// Not every kernel offers it (old ones, seccomp filters). An algorithm asks
// AsymmetricBarriersAreAvailable() once and keeps a way that does without.
#ifndef WEFT_BASE_ASYMMETRIC_BARRIER_H_
#define WEFT_BASE_ASYMMETRIC_BARRIER_H_

#include <atomic>

namespace weft {

// Whether HeavyBarrier() may be called. The first call registers the process with the kernel;
// thread-safe, and the answer never changes.
bool AsymmetricBarriersAreAvailable();

// The frequent side. No instruction: the compiler moves no memory access across it.
inline void LightBarrier() { std::atomic_signal_fence(std::memory_order_seq_cst); }  // (1)

// The rare side. A system call: under a microsecond to several. Precondition (checked):
// AsymmetricBarriersAreAvailable().
void HeavyBarrier();

}  // namespace weft

#endif  // WEFT_BASE_ASYMMETRIC_BARRIER_H_

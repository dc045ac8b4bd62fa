// base/atomics.h — the seam between a lock-free algorithm and the machine that it runs on.
//
// Each lock-free primitive is `internal::X<T, Atomics>` with a public alias over StdAtomics. The
// model checker (tools/model) supplies another `Atomics` with the same members and runs the same
// body over a simulated memory, where it tries every behaviour that the C++ standard allows and
// every mutant of the body: each order weakened, each fence and each Recheck() left out.
#ifndef WEFT_BASE_ATOMICS_H_
#define WEFT_BASE_ATOMICS_H_

#include <atomic>
#include <thread>
#include <utility>

#include "base/asymmetric_barrier.h"
#include "base/backoff.h"

namespace weft {

class Mutex;      // base/mutex.h
class MutexLock;  // base/mutex.h

// A variable without atomicity that several threads touch, never two at once: the edges of the
// algorithm keep them apart, and a model checker sees where they do not. Costs nothing.
template <typename T>
class PlainVariable {
 public:
  PlainVariable() = default;
  explicit PlainVariable(T value) : value_(std::move(value)) {}

  const T& Read() const { return value_; }
  void Write(T value) { value_ = std::move(value); }

 private:
  T value_{};
};

// The real thing: std::atomic, its fences, and the processor.
struct StdAtomics {
  template <typename T>
  using Atomic = std::atomic<T>;
  template <typename T>
  using Plain = PlainVariable<T>;
  // For a part that runs under a mutex; a body that has one includes base/mutex.h.
  using Mutex = weft::Mutex;
  using MutexLock = weft::MutexLock;

  static void Fence(std::memory_order order) { std::atomic_thread_fence(order); }
  static void LightBarrier() { weft::LightBarrier(); }
  static void HeavyBarrier() { weft::HeavyBarrier(); }
  static bool AsymmetricBarriersAreAvailable() { return weft::AsymmetricBarriersAreAvailable(); }

  // Marks a second look at something that may have changed since the first: the condition under
  // which the algorithm turns back. A mutant answers false.
  static constexpr bool Recheck(bool condition) { return condition; }

  // One turn of a loop that waits for another thread's write: a pause, or the rest of the time
  // slice. A model checker runs this thread on only when there is something new to see.
  static void SpinPause() { CpuRelax(); }
  static void Yield() { std::this_thread::yield(); }
};

}  // namespace weft

#endif  // WEFT_BASE_ATOMICS_H_

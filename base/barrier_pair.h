// base/barrier_pair.h — two sides that each write one word and then read the other's.
//
// At least one of them must see the other's write (Dekker's pattern). The light side is the
// frequent one and costs nothing, the heavy side pays a system call; on a kernel that offers no
// asymmetric barriers both run a fence. See base/asymmetric_barrier.h for the axioms.
#ifndef WEFT_BASE_BARRIER_PAIR_H_
#define WEFT_BASE_BARRIER_PAIR_H_

#include <atomic>

namespace weft {

enum class BarrierKind : unsigned char { kAsymmetric, kFences };

template <typename Atomics>
BarrierKind BestBarriers() {
  return Atomics::AsymmetricBarriersAreAvailable() ? BarrierKind::kAsymmetric
                                                   : BarrierKind::kFences;
}

// What comes before Light() is visible after Heavy(), or what comes before Heavy() after Light().
template <typename Atomics>
class BarrierPair {
 public:
  constexpr explicit BarrierPair(BarrierKind kind) : kind_(kind) {}

  void Light() const {
    if (kind_ == BarrierKind::kAsymmetric) [[likely]] {
      Atomics::LightBarrier();
    } else {
      Atomics::Fence(std::memory_order_seq_cst);  // (1)
    }
  }
  void Heavy() const {
    if (kind_ == BarrierKind::kAsymmetric) [[likely]] {
      Atomics::HeavyBarrier();
    } else {
      Atomics::Fence(std::memory_order_seq_cst);  // (1)
    }
  }

 private:
  const BarrierKind kind_;
};

}  // namespace weft

#endif  // WEFT_BASE_BARRIER_PAIR_H_

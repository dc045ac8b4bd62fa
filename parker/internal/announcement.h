// parker/internal/announcement.h — how the notifiers of an event count learn that somebody waits.
//
// Waiter: enters the list, announces (under the list's lock), passes its barrier, looks at the
// condition. Notifier: changes the condition, passes its barrier, looks for the announcement. One
// of the two must see the other's write (Dekker's pattern), which release and acquire do not give:
// a store and a later load of another word may change places, and a read-modify-write of a third
// word between them does not hinder that on every machine. So there is a barrier on both sides:
//
//   (4) The waiter's barrier and the notifier's: whichever is second in the order of sequentially
//       consistent fences sees what came before the first.
//
// The announcement is written under the lock only, and withdrawn by whoever empties the list.
#ifndef WEFT_PARKER_INTERNAL_ANNOUNCEMENT_H_
#define WEFT_PARKER_INTERNAL_ANNOUNCEMENT_H_

#include <atomic>

namespace weft::parker_internal {

// A fence on both sides.
template <typename Atomics>
struct FencePair {
  void WaitersSide() const { Atomics::Fence(std::memory_order_seq_cst); }    // (4)
  void NotifiersSide() const { Atomics::Fence(std::memory_order_seq_cst); }  // (4)
};

// The waiters pay for both sides, where the kernel can.
template <typename Atomics>
struct AsymmetricPair {
  void WaitersSide() const {
    if (is_available) {
      Atomics::HeavyBarrier();
    } else {
      Atomics::Fence(std::memory_order_seq_cst);  // (4)
    }
  }
  void NotifiersSide() const {
    if (is_available) [[likely]] {
      Atomics::LightBarrier();
    } else {
      Atomics::Fence(std::memory_order_seq_cst);  // (4)
    }
  }

  const bool is_available = Atomics::AsymmetricBarriersAreAvailable();
};

// A flag, and a pair of barriers.
template <typename Atomics, template <typename> typename BarrierPair>
class FlagAnnouncement {
 public:
  // What a waiter learns by announcing itself: nothing.
  struct Seen {};

  // Under the lock.
  Seen Announce() {
    somebody_waits_.store(true, std::memory_order_relaxed);
    return {};
  }
  void Withdraw() { somebody_waits_.store(false, std::memory_order_relaxed); }

  // Between a waiter's announcement and its look at the condition.
  void PassWaitersBarrier() const { barriers_.WaitersSide(); }

  // After a notifier's change.
  bool SomebodyMayWait() const {
    barriers_.NotifiersSide();
    return somebody_waits_.load(std::memory_order_relaxed);
  }

 private:
  typename Atomics::template Atomic<bool> somebody_waits_{false};
  [[no_unique_address]] BarrierPair<Atomics> barriers_;
};

}  // namespace weft::parker_internal

#endif  // WEFT_PARKER_INTERNAL_ANNOUNCEMENT_H_

// mpmc/internal/lap_ring.h — the ring behind BoundedQueue, over any atomics.
//
// Tickets. A position is one word {lap | index | 0}: `index` counts slots, `lap` counts rounds, the
// lowest bit is always zero. lap_step_ is the smallest power of two that holds every index twice,
// so that adding it starts the same index one lap later.
//
// Stamps. Each slot carries the ticket it waits for:
//   stamp == p             free, for the push that owns ticket p
//   stamp == p + 1         full, for the pop that owns ticket p
//   stamp == p + lap_step_ free again, one lap later
// The reserved low bit keeps "full" and "free again" apart even when the capacity is 1.
//
// Happens-before edges (each end names the other):
//   (1) full stamp: TryPush stores p + 1 (release) -> TryPop loads it (acquire): the value is
//       there.
//   (2) free stamp: TryPop stores p + lap (release) -> TryPush loads it (acquire): the old value
//       is destroyed before its slot is used again.
//   (3) head claim: CAS of head_ (release) -> load of head_ (acquire) -> load of tail_: whatever
//       was pushed before a pop that we see claimed is in the tail that we read next. Makes kEmpty
//       exact.
//   (4) tail claim: CAS of tail_ (release) -> load of tail_ (acquire) -> load of head_: the mirror
//       image. Makes kFull exact.
// A failed CAS reloads with acquire because its value takes the place of the first load of (3),
// (4).
#ifndef WEFT_MPMC_INTERNAL_LAP_RING_H_
#define WEFT_MPMC_INTERNAL_LAP_RING_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>

#include "base/atomics.h"
#include "base/backoff.h"
#include "base/cache_line.h"
#include "base/check.h"
#include "mpmc/push_result.h"

namespace weft::mpmc_internal {

// See BoundedQueue for the contract.
template <typename T, typename Atomics>
class LapRing {
  static_assert(std::is_nothrow_move_constructible_v<T>,
                "BoundedQueue<T>: a claimed slot must be filled, so T's move may not throw");
  static_assert(std::is_nothrow_destructible_v<T>, "BoundedQueue<T>: T's destructor may not throw");

 public:
  static constexpr std::size_t kMaxCapacity = std::size_t{1} << 31;

  explicit LapRing(std::size_t capacity) : capacity_(capacity) {
    WEFT_CHECK(capacity >= 1 && capacity <= kMaxCapacity)
        << "BoundedQueue(capacity): expected 1 to " << kMaxCapacity << " slots, found " << capacity;
    while (lap_step_ < 2 * capacity_) lap_step_ *= 2;
    slots_ = std::make_unique<Slot[]>(capacity);
    for (std::size_t i = 0; i < capacity; ++i) {
      slots_[i].stamp.store(2 * i, std::memory_order_relaxed);
    }
  }

  LapRing(const LapRing&) = delete;
  LapRing& operator=(const LapRing&) = delete;

  ~LapRing() {
    while (TryPop().has_value()) {
    }
  }

  PushResult<T> TryPush(T&& value) {
    Wait wait;
    uint64_t ticket = tail_.load(std::memory_order_acquire);  // (4)
    for (;;) {
      Slot& slot = SlotOf(ticket);
      if (slot.stamp.load(std::memory_order_acquire) == ticket) {  // (2)
        if (tail_.compare_exchange_weak(ticket, Next(ticket), std::memory_order_release,
                                        std::memory_order_acquire)) {  // (4)
          ::new (static_cast<void*>(slot.storage)) T(std::move(value));
          slot.stamp.store(ticket + 1, std::memory_order_release);  // (1)
          return PushResult<T>::Ok();
        }
        continue;
      }
      if (head_.load(std::memory_order_acquire) + lap_step_ == ticket) {  // (3), (4)
        return PushResult<T>::Full(std::move(value));
      }
      ticket = Reload(tail_, ticket, wait);
    }
  }

  std::optional<T> TryPop() {
    Wait wait;
    uint64_t ticket = head_.load(std::memory_order_acquire);  // (3)
    for (;;) {
      Slot& slot = SlotOf(ticket);
      if (slot.stamp.load(std::memory_order_acquire) == ticket + 1) {  // (1)
        if (head_.compare_exchange_weak(ticket, Next(ticket), std::memory_order_release,
                                        std::memory_order_acquire)) {  // (3)
          T* const value = slot.value();
          std::optional<T> result(std::move(*value));
          value->~T();
          slot.stamp.store(ticket + lap_step_, std::memory_order_release);  // (2)
          return result;
        }
        continue;
      }
      if (tail_.load(std::memory_order_acquire) == ticket) return std::nullopt;  // (3), (4)
      ticket = Reload(head_, ticket, wait);
    }
  }

  std::size_t SizeHint() const {
    const uint64_t head = head_.load(std::memory_order_relaxed);
    const uint64_t tail = tail_.load(std::memory_order_relaxed);
    const int64_t size = Position(tail) - Position(head);
    return static_cast<std::size_t>(std::clamp<int64_t>(size, 0, capacity_));
  }

  std::size_t capacity() const { return capacity_; }

 private:
  struct Slot {
    typename Atomics::template Atomic<uint64_t> stamp{0};
    alignas(T) unsigned char storage[sizeof(T)];

    T* value() { return std::launder(reinterpret_cast<T*>(storage)); }
  };

  // Spins first, then gives the processor to the thread that has claimed a slot and not finished.
  struct Wait {
    SpinBackoff backoff;
    void Once() {
      if (backoff.IsSpent()) {
        std::this_thread::yield();
      } else {
        backoff.Spin();
      }
    }
  };

  Slot& SlotOf(uint64_t ticket) { return slots_[(ticket & (lap_step_ - 1)) >> 1]; }

  // The ticket behind `ticket`: the next index, or the first index of the next lap.
  uint64_t Next(uint64_t ticket) const {
    const uint64_t offset = ticket & (lap_step_ - 1);
    return offset + 2 < 2 * capacity_ ? ticket + 2 : ticket - offset + lap_step_;
  }

  // The number of tickets before `ticket`.
  int64_t Position(uint64_t ticket) const {
    return static_cast<int64_t>(ticket / lap_step_ * capacity_ + ((ticket & (lap_step_ - 1)) >> 1));
  }

  // The counter again, after a pause if it has not moved: then another thread owns the slot and has
  // not finished with it.
  static uint64_t Reload(const typename Atomics::template Atomic<uint64_t>& counter,
                         uint64_t ticket, Wait& wait) {
    const uint64_t now = counter.load(std::memory_order_acquire);  // (3), (4)
    if (now == ticket) wait.Once();
    return now;
  }

  // Constant after construction.
  std::unique_ptr<Slot[]> slots_;
  uint64_t capacity_;
  uint64_t lap_step_ = 2;

  // Written by producers.
  alignas(kCacheLineSize) typename Atomics::template Atomic<uint64_t> tail_{0};
  // Written by consumers.
  alignas(kCacheLineSize) typename Atomics::template Atomic<uint64_t> head_{0};
};

}  // namespace weft::mpmc_internal

#endif  // WEFT_MPMC_INTERNAL_LAP_RING_H_

// future/internal/fork_count.h — how many children of a fork are away, whether one has failed,
// and whom to wake: in one atomic word and a place for a waker.
//
// A child that is away has its end counted by Arrive(). The parent adds those that went away when
// it knows how many there are; some may have arrived by then, and the count is below zero for a
// while. So a fork whose children all end in place never touches the word.
//
// The waker lies in two words that only the parent writes. kHasWaker says that a child may take it:
// it reads first and claims by the very CAS by which it arrives last, or fails; after the last
// arrival no child touches this. Each removal of the waker advances a turn, so that who has read
// another one than the present does not claim it. (The turn has 30 bits: to be fooled, a child
// would have to be stopped between two instructions for 2^30 such removals.)
//
// Happens-before edges:
//   (1) arrival of a child (CAS, release) -> the parent finds all arrived (load or CAS, acquire).
//   (2) the waker is in its place (CAS, release) -> a child reads it (load or CAS, acquire).
#ifndef WEFT_FUTURE_INTERNAL_FORK_COUNT_H_
#define WEFT_FUTURE_INTERNAL_FORK_COUNT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "future/waker.h"

namespace weft::future_internal {

template <typename Atomics>
class ForkCount {
 public:
  ForkCount() = default;
  ForkCount(const ForkCount&) = delete;
  ForkCount& operator=(const ForkCount&) = delete;

  // ---- For the parent.

  // So many children are away, and maybe some of them back.
  void Add(std::size_t away) { word_.fetch_add(away * kOneAway, std::memory_order_relaxed); }

  // Whether all that were added have arrived. If not, keeps a clone of `waker`, for the last
  // arrival and for the first failure that comes after this.
  [[nodiscard]] bool Await(const Waker& waker) {
    Waker previous;
    uint64_t word = word_.load(std::memory_order_acquire);  // (1)
    if ((word & kHasWaker) != 0) {
      const Waker::Raw raw = ReadSlot();
      const BorrowedWaker current(raw.vtable, raw.data);
      if (current.get().WillWake(waker)) return false;
      if (TakeOut(word)) previous = Waker(raw.vtable, raw.data);
    }
    if (IsZero(word)) return true;
    const Waker::Raw raw = waker.Clone().IntoRaw();
    slot_vtable_.store(raw.vtable, std::memory_order_relaxed);
    slot_data_.store(raw.data, std::memory_order_relaxed);
    while (!word_.compare_exchange_weak(word, word | kHasWaker, std::memory_order_release,  // (2)
                                        std::memory_order_acquire)) {                       // (1)
      if (!IsZero(word)) continue;
      previous = Waker(raw.vtable, raw.data);
      return true;
    }
    return false;
  }

  // Whether a child has failed; after Await(), one of whose failure that did not know.
  bool HasFailed() const { return (word_.load(std::memory_order_relaxed) & kFailed) != 0; }

  // ---- For children.

  // A child has failed. Whether it is the first, and then the waker, if there is one.
  [[nodiscard]] std::pair<bool, Waker> Fail() {
    uint64_t word = word_.load(std::memory_order_acquire);  // (2)
    while ((word & kFailed) == 0) {
      const bool has_waker = (word & kHasWaker) != 0;
      const Waker::Raw raw = has_waker ? ReadSlot() : Waker::Raw();
      const uint64_t next = (has_waker ? WithoutWaker(word) : word) | kFailed;
      if (word_.compare_exchange_weak(word, next, std::memory_order_relaxed)) {
        return {true, Waker(raw.vtable, raw.data)};
      }
      word = word_.load(std::memory_order_acquire);  // (2); GCC 12 refuses it in the CAS
    }
    return {false, Waker()};
  }

  // A child that is away has ended. Gives the waker to the last of them, if there is one; this may
  // be gone then.
  [[nodiscard]] Waker Arrive() {
    uint64_t word = word_.load(std::memory_order_acquire);  // (2)
    while (true) {
      const bool takes_waker = (word & kHasWaker) != 0 && IsZero(word - kOneAway);
      const Waker::Raw raw = takes_waker ? ReadSlot() : Waker::Raw();
      const uint64_t next = (takes_waker ? WithoutWaker(word) : word) - kOneAway;
      if (word_.compare_exchange_weak(word, next, std::memory_order_release,  // (1)
                                      std::memory_order_acquire)) {           // (2)
        return Waker(raw.vtable, raw.data);
      }
    }
  }

 private:
  // Bits 63 to 32: children away, modulo 2^32. Bits 31 to 2: turn.
  static constexpr uint64_t kHasWaker = 1;
  static constexpr uint64_t kFailed = 2;
  static constexpr uint64_t kOneTurn = 4;
  static constexpr uint64_t kOneAway = uint64_t{1} << 32;

  static bool IsZero(uint64_t word) { return word < kOneAway; }
  static uint64_t WithoutWaker(uint64_t word) {
    const uint64_t low = word & (kOneAway - 1);
    return (word - low) | ((low - kHasWaker + kOneTurn) & (kOneAway - 1));
  }

  // The parent takes its waker out. False: a child was faster. `word` is what is there then.
  bool TakeOut(uint64_t& word) {
    while ((word & kHasWaker) != 0) {
      const uint64_t next = WithoutWaker(word);
      if (word_.compare_exchange_weak(word, next, std::memory_order_relaxed)) {
        word = next;
        return true;
      }
      word = word_.load(std::memory_order_acquire);  // (1), as in Fail()
    }
    return false;
  }

  Waker::Raw ReadSlot() const {
    return {slot_vtable_.load(std::memory_order_relaxed),
            slot_data_.load(std::memory_order_relaxed)};
  }

  template <typename T>
  using Atomic = typename Atomics::template Atomic<T>;

  Atomic<uint64_t> word_{0};
  Atomic<const Waker::VTable*> slot_vtable_{nullptr};
  Atomic<void*> slot_data_{nullptr};
};

}  // namespace weft::future_internal

#endif  // WEFT_FUTURE_INTERNAL_FORK_COUNT_H_

// deque/deque.h — a work-stealing deque: one owner, many thieves.
//
// The owner pushes and pops at one end, like a stack, without contention; thieves take from the
// other end, oldest first. So the owner keeps working on what is warm in its cache, and a thief
// gets what would have waited longest (in divide-and-conquer work: the biggest piece).
//
// Differs from mpmc/, where all threads are equal and the order is FIFO: here only the owner adds,
// and its operations need no lock and almost no contention.
//
// Trade-offs
//   Items of at most 8 bytes that are trivially copyable (pointers, handles, indices) lie in the
//   slots; other types cost one allocation per item. The deque grows and never shrinks.
//
// Guarantees
//   Thread safety    Push, Pop and ReleaseOwnership: the owner only (checked in debug builds).
//                    Steal and the hints: any thread. No call may overlap construction or
//                    destruction.
//   Exactly once     Each pushed item is returned by exactly one Pop or Steal, or destroyed with
//                    the deque.
//   Order            Pop returns the newest item, Steal the oldest.
//   Memory ordering  If X pushed an item and Y popped or stole it, all X did before the push is
//                    visible to Y after it.
//   Progress         Push and Pop wait-free but for allocation. Steal wait-free: one attempt, which
//                    may answer kLost; of the threads that compete for an item one always gets it.
//   Complexity       O(1), Push amortised. Memory: 8 bytes per slot, a power of two of slots, at
//                    most twice that with the buffers that growth leaves until destruction.
//   Errors           Push may throw std::bad_alloc; the deque is then unchanged and the item lost.
//
// Example: deque_example.cc
// Algorithm: [ChaseLev2005] with the orders of [Le2013]; README.md has the argument.
#ifndef WEFT_DEQUE_DEQUE_H_
#define WEFT_DEQUE_DEQUE_H_

#include <bit>
#include <cstddef>
#include <optional>
#include <utility>

#include "base/atomics.h"
#include "base/check.h"
#include "deque/internal/chase_lev.h"
#include "deque/internal/owner_guard.h"
#include "deque/internal/slot.h"

namespace weft {

// What one attempt to steal came to.
enum class StealOutcome {
  kStolen,  // the item is the caller's
  kEmpty,   // there was nothing to steal
  kLost,    // there was an item, and another thread took it: trying again may succeed
};

// Outcome and, when kStolen, the item.
template <typename T>
struct StealResult {
  StealOutcome outcome;
  std::optional<T> item;

  // Whether an item was stolen.
  explicit operator bool() const { return outcome == StealOutcome::kStolen; }
};

template <typename T>
class Stealer;

// The owner's end. Neither copied nor moved: stealers point to it.
template <typename T>
class Deque {
 public:
  // Precondition (checked): 0 < `capacity` <= kMaxInitialCapacity; it is rounded up to a power of
  // two.
  explicit Deque(std::size_t capacity = kDefaultCapacity) : core_(RoundUp(capacity)) {}

  Deque(const Deque&) = delete;
  Deque& operator=(const Deque&) = delete;

  // Destroys the items that nobody took. May run on any thread.
  ~Deque() {
    owner_.Release();
    while (Pop().has_value()) {
    }
  }

  // Owner only. Adds an item.
  void Push(T item) {
    owner_.Check("Push");
    const deque_internal::SlotWord word = Codec::Encode(std::move(item));
    if constexpr (deque_internal::kFitsSlot<T>) {
      core_.Push(word);
    } else {
      PushBox(word);
    }
  }

  // Owner only. Takes the newest item; empty when there is none.
  std::optional<T> Pop() {
    owner_.Check("Pop");
    deque_internal::SlotWord word;
    if (core_.Pop(&word) != deque_internal::Taken::kItem) return std::nullopt;
    return Codec::Decode(word);
  }

  // Owner only. Lets another thread become the owner: the next that calls Push or Pop. The caller
  // sees to it that what it did before is visible to that thread (by a lock, a join, a queue).
  void ReleaseOwnership() {
    owner_.Check("ReleaseOwnership");
    owner_.Release();
  }

  // A handle for thieves; valid as long as this deque lives.
  weft::Stealer<T> stealer() { return weft::Stealer<T>(this); }

  // Number of items; exact for the owner when no thief is at work, else a hint. Any thread.
  std::size_t SizeHint() const { return core_.Size(); }

  // Whether SizeHint() is 0. Any thread.
  bool IsEmptyHint() const { return SizeHint() == 0; }

  // Owner only. Number of items that fit without growing.
  std::size_t Capacity() const { return core_.Capacity(); }

  static constexpr std::size_t kDefaultCapacity = 64;
  static constexpr std::size_t kMaxInitialCapacity = std::size_t{1} << 32;

 private:
  friend class weft::Stealer<T>;
  using Codec = deque_internal::SlotCodec<T>;

  static std::size_t RoundUp(std::size_t capacity) {
    WEFT_CHECK(capacity > 0 && capacity <= kMaxInitialCapacity)
        << "Deque(capacity): expected 1 to " << kMaxInitialCapacity << ", found " << capacity;
    return std::bit_ceil(capacity);
  }

  // Frees the box if growing throws.
  void PushBox(deque_internal::SlotWord word) {
    try {
      core_.Push(word);
    } catch (...) {
      Codec::Decode(word);
      throw;
    }
  }

  StealResult<T> Steal() {
    deque_internal::SlotWord word;
    switch (core_.Steal(&word)) {
      case deque_internal::Taken::kItem:
        return {StealOutcome::kStolen, Codec::Decode(word)};
      case deque_internal::Taken::kEmpty:
        return {StealOutcome::kEmpty, std::nullopt};
      case deque_internal::Taken::kLost:
        break;
    }
    return {StealOutcome::kLost, std::nullopt};
  }

  deque_internal::ChaseLev<deque_internal::SlotWord, StdAtomics> core_;
  deque_internal::OwnerGuard owner_;
};

// The thieves' end: a handle of one word, copied freely, used by any thread. Does not keep the
// deque alive.
template <typename T>
class Stealer {
 public:
  // Takes the oldest item. One attempt.
  StealResult<T> Steal() const { return deque_->Steal(); }

  // As Deque::SizeHint(), for choosing whom to steal from.
  std::size_t SizeHint() const { return deque_->SizeHint(); }

  // As Deque::IsEmptyHint().
  bool IsEmptyHint() const { return deque_->IsEmptyHint(); }

 private:
  friend class Deque<T>;
  explicit Stealer(Deque<T>* deque) : deque_(deque) {}

  Deque<T>* deque_;
};

}  // namespace weft

#endif  // WEFT_DEQUE_DEQUE_H_

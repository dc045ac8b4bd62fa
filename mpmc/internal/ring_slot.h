// mpmc/internal/ring_slot.h — one slot of a ring, and one slot claimed.
#ifndef WEFT_MPMC_INTERNAL_RING_SLOT_H_
#define WEFT_MPMC_INTERNAL_RING_SLOT_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>

#include "base/cache_line.h"
#include "mpmc/pop_result.h"
#include "mpmc/push_result.h"
#include "mpmc/queue_shape.h"

namespace weft::mpmc_internal {

// How a slot is aligned. Larger values share cache lines only at their ends, so padding would cost
// them memory and gain nothing.
template <typename T, typename Word>
constexpr std::size_t SlotAlignment(QueueSlots slots) {
  if (slots == QueueSlots::kPadded && sizeof(Word) + sizeof(T) <= kCacheLineSize) {
    return kCacheLineSize;
  }
  return std::max(alignof(Word), alignof(T));
}

// A stamp (ring_geometry.h) and room for a value.
template <typename T, typename Word, QueueSlots kSlots>
struct alignas(SlotAlignment<T, Word>(kSlots)) RingSlot {
  Word stamp{0};
  alignas(T) unsigned char storage[sizeof(T)];

  T* value() { return std::launder(reinterpret_cast<T*>(storage)); }
};

// What an operation does about a slot that another thread has claimed and not finished.
enum class Answer {
  kExact,  // Waits for that thread; kFull and kEmpty are true at some moment during the call.
  kWeak,   // Answers kBusy, also when the queue is full or empty, without asking the other side.
};

// A slot that a push or pop has claimed, and its ticket; or no slot, and the outcome. Two words, so
// that it is returned in registers.
template <typename Slot>
struct SlotClaim {
  Slot* slot = nullptr;
  uint64_t word = 0;

  template <typename Outcome>
  static SlotClaim Refusal(Outcome outcome) {
    return {nullptr, static_cast<uint64_t>(outcome)};
  }

  bool ok() const { return slot != nullptr; }
  uint64_t ticket() const { return word; }
  PushOutcome push_outcome() const {
    return ok() ? PushOutcome::kOk : static_cast<PushOutcome>(word);
  }
  PopOutcome pop_outcome() const { return ok() ? PopOutcome::kOk : static_cast<PopOutcome>(word); }
};

}  // namespace weft::mpmc_internal

#endif  // WEFT_MPMC_INTERNAL_RING_SLOT_H_

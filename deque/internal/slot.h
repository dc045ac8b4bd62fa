// deque/internal/slot.h — how an item of any type travels in a slot of one word.
#ifndef WEFT_DEQUE_INTERNAL_SLOT_H_
#define WEFT_DEQUE_INTERNAL_SLOT_H_

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "deque/internal/ring_word.h"
#include "deque/steal_result.h"

namespace weft::deque_internal {

// What a slot holds.
using SlotWord = std::uint64_t;

// Items that do not fit: the word is the address of a box, which Decode consumes.
template <typename T, typename = void>
struct SlotCodec {
  static_assert(sizeof(T*) <= sizeof(SlotWord));
  static_assert(std::is_nothrow_move_constructible_v<T>,
                "Deque<T>: moving T must not throw, or a stolen item could be lost");
  static constexpr bool kIsInline = false;

  static SlotWord Encode(T&& item) {
    return reinterpret_cast<std::uintptr_t>(new T(std::move(item)));
  }
  static T Decode(SlotWord word) {
    const std::unique_ptr<T> box(reinterpret_cast<T*>(static_cast<std::uintptr_t>(word)));
    return std::move(*box);
  }
};

// Items that fit: their bytes are the word.
template <typename T>
struct SlotCodec<
    T, std::enable_if_t<std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(SlotWord)>> {
  static constexpr bool kIsInline = true;

  static SlotWord Encode(T&& item) noexcept {
    SlotWord word = 0;
    std::memcpy(&word, &item, sizeof(T));
    return word;
  }
  static T Decode(SlotWord word) noexcept {
    std::array<std::byte, sizeof(T)> bytes;
    std::memcpy(bytes.data(), &word, sizeof(T));
    return std::bit_cast<T>(bytes);
  }
};

// Owning pointers: the pointer is the word.
template <typename U>
struct SlotCodec<std::unique_ptr<U>, std::enable_if_t<!std::is_array_v<U>>> {
  static constexpr bool kIsInline = true;

  static SlotWord Encode(std::unique_ptr<U>&& item) noexcept {
    return reinterpret_cast<std::uintptr_t>(item.release());
  }
  static std::unique_ptr<U> Decode(SlotWord word) noexcept {
    return std::unique_ptr<U>(reinterpret_cast<U*>(static_cast<std::uintptr_t>(word)));
  }
};

// Whether an item lies in the slot itself; otherwise the slot holds a pointer to it.
template <typename T>
inline constexpr bool kFitsSlot = SlotCodec<T>::kIsInline;

// What a thief is told.
template <typename T>
StealResult<T> ResultOf(Taken taken, SlotWord word) {
  switch (taken) {
    case Taken::kItem:
      return {StealOutcome::kStolen, SlotCodec<T>::Decode(word)};
    case Taken::kEmpty:
      return {StealOutcome::kEmpty, std::nullopt};
    case Taken::kLost:
      break;
  }
  return {StealOutcome::kLost, std::nullopt};
}

}  // namespace weft::deque_internal

#endif  // WEFT_DEQUE_INTERNAL_SLOT_H_

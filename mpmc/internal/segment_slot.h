// mpmc/internal/segment_slot.h — the two kinds of slots in the segments of SegmentQueue.
//
// A slot holds a stamp beside its value. It holds the value of ticket t while its stamp is t's, and
// tickets come once; a slot whose memory is all zeroes holds nothing.
//
//   ObjectSlot  any T. A pop claims the ticket, moves the value out, ends it and zeroes the stamp:
//               a popper that is slow about it pins the segment.
//   CopySlot    T that are trivially copyable and small. A pop copies the value and then claims the
//               ticket: if that fails the copy is thrown away, if it succeeds nothing is left to
//               do. Poppers write nothing into the slot, so that its cache line stays with them for
//               the slots that follow, and nobody has to look whether they are done.
#ifndef WEFT_MPMC_INTERNAL_SEGMENT_SLOT_H_
#define WEFT_MPMC_INTERNAL_SEGMENT_SLOT_H_

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace weft::mpmc_internal {

// The numbers of happens-before edges are those of segment_queue.h.

template <typename T, typename Atomics>
class ObjectSlot {
 public:
  // What a pop has copied before its claim: nothing.
  struct Copy {};

  // Puts `value` in. The caller owns the claim of the ticket of `stamp`.
  void Fill(uint64_t stamp, T&& value) {
    ::new (static_cast<void*>(storage_)) T(std::move(value));
    stamp_.store(stamp, std::memory_order_release);  // (1)
  }

  // Whether the value of `stamp` is there.
  bool Look(uint64_t stamp, Copy*) const {
    return stamp_.load(std::memory_order_acquire) == stamp;  // (1)
  }

  // Hands the value to `take`, whose result it returns, and ends it. The caller owns its claim.
  template <typename Take>
  auto Empty(const Copy&, Take take) {
    // Ends the value after the result was made from it.
    struct Emptier {
      ObjectSlot& slot;
      ~Emptier() {
        std::destroy_at(slot.value());
        slot.stamp_.store(0, std::memory_order_release);  // (2)
      }
    } emptier{*this};
    return take(std::move(*value()));
  }

  // Whether the pop that has claimed the value is done with the slot.
  bool IsClean() const { return stamp_.load(std::memory_order_acquire) == 0; }  // (2)

  void Clear() { stamp_.store(0, std::memory_order_relaxed); }

 private:
  T* value() { return std::launder(reinterpret_cast<T*>(storage_)); }

  typename Atomics::template Atomic<uint64_t> stamp_{0};
  alignas(T) unsigned char storage_[sizeof(T)];
};

// The same face.
template <typename T, typename Atomics>
class CopySlot {
  static constexpr std::size_t kWords = (sizeof(T) + sizeof(uint64_t) - 1) / sizeof(uint64_t);
  using Bytes = std::array<std::byte, sizeof(T)>;

 public:
  using Copy = std::array<uint64_t, kWords>;

  void Fill(uint64_t stamp, T&& value) {
    Copy copy{};
    std::memcpy(copy.data(), &value, sizeof(T));
    for (std::size_t i = 0; i < kWords; ++i) {
      words_[i].store(copy[i], std::memory_order_relaxed);
    }
    stamp_.store(stamp, std::memory_order_release);  // (1)
  }

  // The copy means something if the caller's claim of the ticket succeeds.
  bool Look(uint64_t stamp, Copy* copy) const {
    if (stamp_.load(std::memory_order_acquire) != stamp) return false;  // (1)
    for (std::size_t i = 0; i < kWords; ++i) {
      (*copy)[i] = words_[i].load(std::memory_order_relaxed);
    }
    return true;
  }

  template <typename Take>
  auto Empty(const Copy& copy, Take take) {
    Bytes bytes;
    std::memcpy(bytes.data(), copy.data(), sizeof(T));
    return take(std::bit_cast<T>(bytes));
  }

  static constexpr bool IsClean() { return true; }

  void Clear() { stamp_.store(0, std::memory_order_relaxed); }

 private:
  typename Atomics::template Atomic<uint64_t> stamp_{0};
  typename Atomics::template Atomic<uint64_t> words_[kWords]{};
};

// So many bytes are copied in vain when two pops meet.
inline constexpr std::size_t kLargestCopy = 4 * sizeof(uint64_t);

template <typename T>
inline constexpr bool kIsCopied =
    std::is_trivially_copyable_v<T> && sizeof(T) <= kLargestCopy && alignof(T) <= alignof(uint64_t);

template <typename T, typename Atomics>
using SegmentSlot = std::conditional_t<kIsCopied<T>, CopySlot<T, Atomics>, ObjectSlot<T, Atomics>>;

}  // namespace weft::mpmc_internal

#endif  // WEFT_MPMC_INTERNAL_SEGMENT_SLOT_H_

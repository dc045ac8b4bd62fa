// deque/internal/ring_word.h — the word of a split ring that thieves and owner compare and swap.
//
// Notation, here and in split_ring.h: {top, n} is a closed deque whose n oldest items, at the
// indices top to top + n - 1, are public; {top, open} is a deque of which all is public until the
// owner's next pop, {top, hot} one of which all is public although the owner pops.
//
// The word never holds the same value twice. Who changes it moves `top` forward (a thief that
// takes items; the owner that takes back what was public, and gives the rest new indices), or keeps
// `top` and goes one way: {top, 0} to {top, open} to {top, hot} to {top, n}. So a swap that
// succeeds proves that nothing has changed since the word was read: there is no ABA, and no version
// to run out of bits. (The owner may also swap a {top, n > 0} with itself: that changes nothing for
// anybody.) Only `top` itself comes round, after 2^48 items: a thief would have to be stopped
// between two instructions while others steal for a month without pause, and wake at one certain
// item of them.
#ifndef WEFT_DEQUE_INTERNAL_RING_WORD_H_
#define WEFT_DEQUE_INTERNAL_RING_WORD_H_

#include <cstdint>

#include "deque/internal/ring_options.h"

namespace weft::deque_internal {

// What an attempt to take an item came to.
enum class Taken {
  kItem,   // the item is the caller's
  kEmpty,  // there was none
  kLost,   // there was one, and another thread took it or keeps it for now
};

// Bits 63 to 16: the low 48 bits of the index `top`. Bits 15 to 0: how many items are public, or
// kOpen or kHot.
class RingWord {
 public:
  static constexpr std::uint64_t kOpen = 0xFFFF;
  static constexpr std::uint64_t kHot = 0xFFFE;

  static RingWord Closed(std::int64_t top, std::int64_t shared) {
    return RingWord(static_cast<std::uint64_t>(top) << kTopShift |
                    static_cast<std::uint64_t>(shared));
  }
  static RingWord Open(std::int64_t top) {
    return RingWord(static_cast<std::uint64_t>(top) << kTopShift | kOpen);
  }
  static RingWord Hot(std::int64_t top) {
    return RingWord(static_cast<std::uint64_t>(top) << kTopShift | kHot);
  }
  // Of a deque without items.
  static RingWord Empty(RingMode mode, std::int64_t top) {
    return mode == RingMode::kSplit  ? Closed(top, 0)
           : mode == RingMode::kFifo ? Open(top)
                                     : Hot(top);
  }
  explicit RingWord(std::uint64_t bits) : bits_(bits) {}

  std::uint64_t bits() const { return bits_; }
  bool is_open() const { return (bits_ & kOpen) >= kHot; }  // or hot
  bool is_hot() const { return (bits_ & kOpen) == kHot; }

  // How many items a closed word makes public; 0 for an open or hot one.
  std::int64_t shared() const { return is_open() ? 0 : static_cast<std::int64_t>(bits_ & kOpen); }

  // Index - top, for an `index` less than 2^47 away from top.
  std::int64_t Distance(std::int64_t index) const {
    const std::uint64_t shifted = static_cast<std::uint64_t>(index) << kTopShift;
    return static_cast<std::int64_t>(shifted - (bits_ & ~kOpen)) >> kTopShift;
  }

  // All of top, given an index near it.
  std::int64_t Top(std::int64_t near) const { return near - Distance(near); }

  // The low bits of top, for the place in a ring.
  std::int64_t RingIndex() const { return static_cast<std::int64_t>(bits_ >> kTopShift); }

  // After a thief took the `count` oldest items.
  RingWord Taking(std::int64_t count) const {
    const std::uint64_t n = static_cast<std::uint64_t>(count);
    return RingWord(bits_ + (n << kTopShift) - (is_open() ? 0 : n));
  }

  friend bool operator==(RingWord, RingWord) = default;

 private:
  static constexpr int kTopShift = 16;

  std::uint64_t bits_;
};

}  // namespace weft::deque_internal

#endif  // WEFT_DEQUE_INTERNAL_RING_WORD_H_

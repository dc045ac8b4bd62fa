// deque/internal/fork_word.h — the one word of a nested split stack that thieves and owner compare
// and swap.
//
// {turn, top, split}: the jobs at top to split - 1 are public; all of them when it is open. The
// owner lowers top and split again when a stolen job has ended, so the turn, which each change by
// the owner advances, tells states apart. It has 40 bits: to mistake one state for another, a thief
// would have to be stopped between two instructions while the owner goes 2^40 times through a slow
// path (at 20 ns each, six hours), and wake exactly then.
#ifndef WEFT_DEQUE_INTERNAL_FORK_WORD_H_
#define WEFT_DEQUE_INTERNAL_FORK_WORD_H_

#include <cstdint>

namespace weft::deque_internal {

// Bits 63 to 24: turn. Bits 23 to 12: top. Bits 11 to 0: split, or kOpen.
class ForkWord {
 public:
  static constexpr int kIndexBits = 12;
  static constexpr std::uint64_t kOpen = (1 << kIndexBits) - 1;
  static constexpr int kMaxIndex = static_cast<int>(kOpen) - 1;

  explicit ForkWord(std::uint64_t bits) : bits_(bits) {}

  std::uint64_t bits() const { return bits_; }
  bool is_open() const { return (bits_ & kOpen) == kOpen; }
  int top() const { return static_cast<int>(bits_ >> kIndexBits & kOpen); }
  // Nothing of an open word counts as shared on purpose.
  int split() const { return is_open() ? top() : static_cast<int>(bits_ & kOpen); }

  // A change by the owner.
  ForkWord Next(int top, std::uint64_t split) const {
    const std::uint64_t turn = (bits_ >> 2 * kIndexBits) + 1;
    return ForkWord(turn << 2 * kIndexBits | static_cast<std::uint64_t>(top) << kIndexBits | split);
  }
  // A thief takes the oldest job.
  ForkWord Taking() const { return ForkWord(bits_ + (1 << kIndexBits)); }
  // A thief opens.
  ForkWord Opened() const { return ForkWord(bits_ | kOpen); }

 private:
  std::uint64_t bits_;
};

}  // namespace weft::deque_internal

#endif  // WEFT_DEQUE_INTERNAL_FORK_WORD_H_

// timer/internal/occupancy.h — which slots of a level hold timers: a bitmap with a summary.
#ifndef WEFT_TIMER_INTERNAL_OCCUPANCY_H_
#define WEFT_TIMER_INTERNAL_OCCUPANCY_H_

#include <array>
#include <bit>
#include <cstdint>

namespace weft::timer_internal {

// 256 bits. All operations are a handful of instructions.
class Occupancy {
 public:
  void Set(unsigned slot) {
    words_[slot / 64] |= uint64_t{1} << (slot % 64);
    summary_ |= 1u << (slot / 64);
  }

  void Clear(unsigned slot) {
    words_[slot / 64] &= ~(uint64_t{1} << (slot % 64));
    if (words_[slot / 64] == 0) summary_ &= ~(1u << (slot / 64));
  }

  bool IsEmpty() const { return summary_ == 0; }

  // The first slot behind `slot` whose bit is set, or -1.
  int NextAfter(unsigned slot) const {
    const unsigned word = slot / 64;
    const uint64_t behind = words_[word] & (~uint64_t{1} << (slot % 64));
    if (behind != 0) return static_cast<int>(word) * 64 + std::countr_zero(behind);
    const uint32_t later = summary_ & (~uint32_t{1} << word);
    if (later == 0) return -1;
    const int next = std::countr_zero(later);
    return next * 64 + std::countr_zero(words_[next]);
  }

 private:
  std::array<uint64_t, 4> words_{};
  uint32_t summary_ = 0;  // One bit for each word that is not zero.
};

}  // namespace weft::timer_internal

#endif  // WEFT_TIMER_INTERNAL_OCCUPANCY_H_

// parker/internal/adaptive_spin.h — how long a parker spins before it sleeps, learnt from how long
// the last tokens took.
//
// It spins twice as long as tokens typically take. Tokens that do not come in time shorten that to
// almost nothing, so that an owner whose waits are long spins little; every kTryAllEvery-th time it
// spins its whole budget, to notice that waits have become short.
#ifndef WEFT_PARKER_INTERNAL_ADAPTIVE_SPIN_H_
#define WEFT_PARKER_INTERNAL_ADAPTIVE_SPIN_H_

#include <algorithm>
#include <cstdint>

namespace weft::parker_internal {

// Thread-compatible; O(1).
class AdaptiveSpin {
 public:
  // At most `max_pauses` a wait; 0 for none.
  explicit AdaptiveSpin(int max_pauses) : max_pauses_(max_pauses) {}

  // How many pauses to spin now.
  int Budget() {
    if (turn_++ % kTryAllEvery == 0) return max_pauses_;
    return std::min(max_pauses_, 2 * typical_ + kLeast);
  }
  // The token came after `pauses`. Longer than typical is believed at once, as a spin that is too
  // short learns nothing; shorter in the course of time.
  void Hit(int pauses) { typical_ = std::max(pauses, typical_ - (typical_ + 7) / 8); }
  // It did not come while the owner spun.
  void Miss() { typical_ -= (typical_ + 7) / 8; }

 private:
  static constexpr uint32_t kTryAllEvery = 32;
  static constexpr int kLeast = 16;

  const int max_pauses_;
  int typical_ = 0;
  uint32_t turn_ = 0;
};

}  // namespace weft::parker_internal

#endif  // WEFT_PARKER_INTERNAL_ADAPTIVE_SPIN_H_

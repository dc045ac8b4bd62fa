// base/backoff.h — bounded spinning for a thread that expects another one to act within
// nanoseconds.
//
// Use it between attempts of a lock-free loop. It never sleeps: after IsSpent() the caller parks
// (parker/) or gives the processor away (std::this_thread::yield).
#ifndef WEFT_BASE_BACKOFF_H_
#define WEFT_BASE_BACKOFF_H_

namespace weft {

// Tells the processor that this is a spin loop. Costs some tens of cycles; orders nothing.
inline void CpuRelax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");
#else
  asm volatile("");
#endif
}

// Exponential spinning: 1, 2, 4 ... kLongestRound pauses. Thread-compatible; O(1) memory.
class SpinBackoff {
 public:
  // Spins for one round and doubles the next one.
  void Spin() {
    for (int i = 0; i < round_; ++i) CpuRelax();
    if (round_ < kLongestRound) {
      round_ *= 2;
    } else {
      spent_ = true;
    }
  }

  // True once a round of the longest length has been spun: spinning on is a waste.
  bool IsSpent() const { return spent_; }

  // Starts again with the shortest round; call it after progress.
  void Reset() {
    round_ = 1;
    spent_ = false;
  }

 private:
  static constexpr int kLongestRound = 64;

  int round_ = 1;
  bool spent_ = false;
};

}  // namespace weft

#endif  // WEFT_BASE_BACKOFF_H_

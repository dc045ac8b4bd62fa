// mpmc/internal/weight_account.h — how many values and bytes are inside, in one word.
//
// One word, so that both bounds are checked and both sums raised in one step: there is no moment at
// which either is exceeded, and no way back to take when only one of them has room.
//
// Happens-before edge:
//   (1) Discharge() (release) -> Admit() (acquire): a push that found room because of a pop comes
//       after that pop, and so finds a free slot too.
#ifndef WEFT_MPMC_INTERNAL_WEIGHT_ACCOUNT_H_
#define WEFT_MPMC_INTERNAL_WEIGHT_ACCOUNT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/cache_line.h"
#include "base/check.h"
#include "mpmc/push_result.h"

namespace weft::mpmc_internal {

template <typename Atomics>
class WeightAccount {
 public:
  static constexpr uint64_t kMaxBytes = (uint64_t{1} << 40) - 1;
  static constexpr uint64_t kMaxCount = (uint64_t{1} << 24) - 1;

  // Precondition (checked): 1 <= max_bytes <= kMaxBytes, 1 <= max_count <= kMaxCount.
  WeightAccount(uint64_t max_bytes, std::size_t max_count)
      : max_bytes_(max_bytes), max_count_(max_count) {
    WEFT_CHECK(max_bytes >= 1 && max_bytes <= kMaxBytes)
        << "ByteBoundedQueue(max_bytes): expected 1 to " << kMaxBytes << ", found " << max_bytes;
    WEFT_CHECK(max_count >= 1 && max_count <= kMaxCount)
        << "ByteBoundedQueue(capacity): expected 1 to " << kMaxCount << " slots, found "
        << max_count;
  }

  // Enters a value of `bytes`, or says kFull or kTooLarge and changes nothing.
  PushOutcome Admit(uint64_t bytes) {
    if (bytes > max_bytes_) return PushOutcome::kTooLarge;
    uint64_t word = word_.load(std::memory_order_relaxed);
    do {
      if (BytesOf(word) + bytes > max_bytes_ || CountOf(word) == max_count_) {
        return PushOutcome::kFull;
      }
    } while (!word_.compare_exchange_weak(word, word + Entry(bytes),
                                          std::memory_order_acquire,  // (1)
                                          std::memory_order_relaxed));
    return PushOutcome::kOk;
  }

  // Takes a value of `bytes` off the books.
  void Discharge(uint64_t bytes) {
    word_.fetch_sub(Entry(bytes), std::memory_order_release);  // (1)
  }

  uint64_t BytesHint() const { return BytesOf(word_.load(std::memory_order_relaxed)); }
  uint64_t max_bytes() const { return max_bytes_; }

 private:
  // {count:24 | bytes:40}
  static constexpr int kCountShift = 40;

  static uint64_t Entry(uint64_t bytes) { return (uint64_t{1} << kCountShift) + bytes; }
  static uint64_t BytesOf(uint64_t word) { return word & kMaxBytes; }
  static uint64_t CountOf(uint64_t word) { return word >> kCountShift; }

  const uint64_t max_bytes_;
  const uint64_t max_count_;
  alignas(kCacheLineSize) typename Atomics::template Atomic<uint64_t> word_{0};
};

}  // namespace weft::mpmc_internal

#endif  // WEFT_MPMC_INTERNAL_WEIGHT_ACCOUNT_H_

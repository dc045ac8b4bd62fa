// deque/internal/ring_options.h — how a ring is run, and its limits.
#ifndef WEFT_DEQUE_INTERNAL_RING_OPTIONS_H_
#define WEFT_DEQUE_INTERNAL_RING_OPTIONS_H_

#include <cstdint>

namespace weft::deque_internal {

// See the head of split_ring.h.
enum class RingMode { kSplit, kFenced, kFifo };

struct RingOptions {
  RingMode mode = RingMode::kSplit;
  // Slots to start with, and never fewer: a power of two.
  std::int64_t capacity = 64;
  // Most items at a time.
  std::int64_t max_items = std::int64_t{1} << 46;
  // How many pauses a thief waits for an answer: about a microsecond.
  int patience = 64;
  // How often a thief starts again when others took what it was given from under its nose.
  int attempts = 3;
  // Most items that an answer makes public: the length of what a pop may have to take back.
  std::int64_t max_shared = 256;
  // Index of the first item; tests begin shortly before the indices wrap.
  std::int64_t first_index = 0;
};

}  // namespace weft::deque_internal

#endif  // WEFT_DEQUE_INTERNAL_RING_OPTIONS_H_

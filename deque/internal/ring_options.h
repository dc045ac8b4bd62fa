// deque/internal/ring_options.h — how a ring is run, and its limits.
#ifndef WEFT_DEQUE_INTERNAL_RING_OPTIONS_H_
#define WEFT_DEQUE_INTERNAL_RING_OPTIONS_H_

#include <cstdint>

namespace weft::deque_internal {

// Three ways to run the same code.
enum class RingMode {
  kSplit,   // see the head of split_ring.h
  kFenced,  // for kernels without asymmetric barriers: hot for ever
  kFifo,    // open for ever: the owner takes from top too, like a thief, and never lowers tail
};

struct RingOptions {
  RingMode mode = RingMode::kSplit;
  // How many pauses a thief waits for an answer: about a microsecond.
  int patience = 64;
  // How often a thief starts again when others took what it was given from under its nose.
  int attempts = 3;
  // A hot deque closes after so many pops in a row without a steal between them.
  int hot_pops = 16;
  // Slots to start with, and never fewer: a power of two.
  std::int64_t capacity = 64;
  // Most items at a time.
  std::int64_t max_items = std::int64_t{1} << 46;
  // Most items that an answer makes public: the length of what a pop may have to take back.
  std::int64_t max_shared = 256;
  // Index of the first item; tests begin shortly before the indices wrap.
  std::int64_t first_index = 0;
};

}  // namespace weft::deque_internal

#endif  // WEFT_DEQUE_INTERNAL_RING_OPTIONS_H_

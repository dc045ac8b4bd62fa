// deque/steal_result.h — what an attempt to steal came to.
#ifndef WEFT_DEQUE_STEAL_RESULT_H_
#define WEFT_DEQUE_STEAL_RESULT_H_

#include <optional>

namespace weft {

enum class StealOutcome {
  kStolen,  // the item is the caller's
  kEmpty,   // there was nothing to steal, at some moment during the call
  kLost,    // there was an item, and another thread took it: trying again may succeed
};

// Outcome and, when kStolen, the item.
template <typename T>
struct StealResult {
  StealOutcome outcome;
  std::optional<T> item;

  // Whether an item was stolen.
  explicit operator bool() const { return outcome == StealOutcome::kStolen; }
};

}  // namespace weft

#endif  // WEFT_DEQUE_STEAL_RESULT_H_

// deque/model_items.h — items of a model scenario that notice who takes them, and how often.
#ifndef WEFT_DEQUE_MODEL_ITEMS_H_
#define WEFT_DEQUE_MODEL_ITEMS_H_

#include <array>
#include <cstdint>

#include "tools/model/model.h"

namespace weft::deque_internal {

// Items 1 to 6. Whoever pushes one Makes it, whoever gets it Takes it: plain memory, so that a
// missing happens-before edge is a data race; and the taker clears it, so that a second taker races
// or finds it cleared.
class ModelItems {
 public:
  std::uint64_t Make(std::uint64_t item) {
    cells_[item].Write(kMade);
    return item;
  }
  void Take(std::uint64_t item) {
    model::Assert(item >= 1 && item < cells_.size(), "an item that nobody pushed");
    model::Assert(cells_[item].Read() == kMade, "an item was taken twice");
    cells_[item].Write(kTaken);
  }
  // After all threads were joined.
  void ExpectTaken(std::uint64_t first, std::uint64_t last) {
    for (std::uint64_t item = first; item <= last; ++item) {
      model::Assert(cells_[item].Read() == kTaken, "an item was lost");
    }
  }

 private:
  enum State : int { kNone, kMade, kTaken };

  std::array<model::Plain<int>, 7> cells_;
};

}  // namespace weft::deque_internal

#endif  // WEFT_DEQUE_MODEL_ITEMS_H_

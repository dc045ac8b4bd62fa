// tools/model/internal/ends.h — where values of plain memory ended in an execution, and by whom.
//
// The state of a value goes with it, so a value that is made in the place of an earlier one asks
// here. Addresses do not come again for another reason: the heap gives none out twice in an
// execution, and a stack belongs to one thread, to which the ends in it are ordered or a race.
#ifndef WEFT_TOOLS_MODEL_INTERNAL_ENDS_H_
#define WEFT_TOOLS_MODEL_INTERNAL_ENDS_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace weft::model_internal {

// A hash table that is emptied by a number: an execution takes microseconds.
class Ends {
 public:
  struct End {
    const void* address = nullptr;
    uint64_t execution = 0;  // An entry of another one is free.
    uint16_t epoch = 0;      // Of the thread's next event, as in PlainState.
    uint8_t thread = 0;
  };

  // Starts an execution.
  void Clear() {
    ++execution_;
    count_ = 0;
  }

  void Note(const void* address, int thread, uint16_t epoch) {
    if (2 * (count_ + 1) > ends_.size()) Grow();
    End& end = ends_[Find(address)];
    if (end.execution != execution_) ++count_;
    end = {address, execution_, epoch, static_cast<uint8_t>(thread)};
  }

  // The last end at the address, or null.
  const End* At(const void* address) const {
    const End& end = ends_[Find(address)];
    return end.execution == execution_ ? &end : nullptr;
  }

 private:
  // The entry of the address, or a free one.
  std::size_t Find(const void* address) const {
    const std::size_t mask = ends_.size() - 1;
    const auto hash = (reinterpret_cast<std::uintptr_t>(address) >> 2) * 0x9E3779B97F4A7C15u;
    std::size_t i = (hash >> 32) & mask;
    while (ends_[i].execution == execution_ && ends_[i].address != address) i = (i + 1) & mask;
    return i;
  }

  void Grow() {
    const std::vector<End> old = std::exchange(ends_, std::vector<End>(2 * ends_.size()));
    for (const End& end : old) {
      if (end.execution == execution_) ends_[Find(end.address)] = end;
    }
  }

  std::vector<End> ends_ = std::vector<End>(64);
  std::size_t count_ = 0;
  uint64_t execution_ = 1;
};

}  // namespace weft::model_internal

#endif  // WEFT_TOOLS_MODEL_INTERNAL_ENDS_H_

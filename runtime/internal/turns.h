// runtime/internal/turns.h — how the classes of tasks share a thread.
//
// Of 16 runs in a row kHigh has the first claim to 11, kNormal to 4, kLow to 1. A class that has
// nothing ready leaves its turn to the highest that has. So between two turns of kHigh there is at
// most one of another class, between two of kNormal there are three, and between two of kLow 15.
#ifndef WEFT_RUNTIME_INTERNAL_TURNS_H_
#define WEFT_RUNTIME_INTERNAL_TURNS_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "future/executor.h"

namespace weft::runtime_internal {

// All classes, the highest first: their values are places in arrays.
inline constexpr std::array kClasses = {TaskPriority::kHigh, TaskPriority::kNormal,
                                        TaskPriority::kLow};
static_assert(static_cast<int>(TaskPriority::kHigh) == 0 &&
              static_cast<int>(TaskPriority::kLow) == 2);

// Whose turn it is. See the head of the file. Thread-compatible.
class Turns {
 public:
  static constexpr std::size_t kRound = 16;

  // Turns of a class in a round.
  static constexpr std::size_t Weight(TaskPriority priority) {
    return static_cast<std::size_t>(std::count(kOrder.begin(), kOrder.end(), priority));
  }

  // Who has the first claim to the next run.
  TaskPriority Next() { return kOrder[next_++ % kRound]; }

 private:
  static constexpr auto H = TaskPriority::kHigh;
  static constexpr auto N = TaskPriority::kNormal;
  static constexpr auto L = TaskPriority::kLow;
  static constexpr std::array<TaskPriority, kRound> kOrder = {H, H, N, H, H, H, N, H,
                                                              L, H, N, H, H, H, N, H};

  uint32_t next_ = 0;
};

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_TURNS_H_

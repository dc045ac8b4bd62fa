// mpmc/internal/queue_aspects.h — is a long recorded history that of an unbounded FIFO queue?
//
// A history in which each value is pushed once is linearizable as a queue if and only if it shows
// none of a few patterns (T. Henzinger, A. Sezgin, V. Vafeiadis: Aspect-Oriented Linearizability
// Proofs, CONCUR 2013). Each is looked for in O(n log n), so histories may have any length.
#ifndef WEFT_MPMC_INTERNAL_QUEUE_ASPECTS_H_
#define WEFT_MPMC_INTERNAL_QUEUE_ASPECTS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace weft::mpmc_internal {

// The time that an operation took: read before it and after it from one clock of the process.
struct OperationSpan {
  uint64_t begin = 0;
  uint64_t end = 0;
};

// What threads have noted, put together.
struct QueueHistory {
  std::vector<std::pair<int, OperationSpan>> pushes;  // value, when
  std::vector<std::pair<int, OperationSpan>> pops;    // value, when
  std::vector<OperationSpan> empties;                 // pops that found the queue empty
};

// Says why `history` is not that of a queue from which everything was popped in the end, or "".
inline std::string CheckAspects(const QueueHistory& history) {
  struct Life {
    OperationSpan push;
    OperationSpan pop;
  };
  std::map<int, Life> by_value;
  for (const auto& [value, span] : history.pushes) {
    if (!by_value.insert({value, {span, {}}}).second) return "a value was pushed twice";
  }
  for (const auto& [value, span] : history.pops) {
    const auto found = by_value.find(value);
    if (found == by_value.end()) return "a value was popped that nobody pushed";
    Life& life = found->second;
    if (life.pop.end != 0) return "a value was popped twice";
    if (span.end < life.push.begin) return "a value was popped before it was pushed";
    life.pop = span;
  }
  std::vector<Life> lives;
  for (const auto& [value, life] : by_value) {
    if (life.pop.end == 0) return "a value was lost";
    lives.push_back(life);
  }

  // Order: a pushed wholly before b, and b popped wholly before a.
  std::vector<Life> by_push_begin = lives;
  std::sort(by_push_begin.begin(), by_push_begin.end(),
            [](const Life& a, const Life& b) { return a.push.begin < b.push.begin; });
  std::sort(lives.begin(), lives.end(),
            [](const Life& a, const Life& b) { return a.push.end < b.push.end; });
  uint64_t latest_pop_begin = 0;  // Of those that were pushed wholly before b.
  std::size_t next = 0;
  for (const Life& b : by_push_begin) {
    for (; next < lives.size() && lives[next].push.end < b.push.begin; ++next) {
      latest_pop_begin = std::max(latest_pop_begin, lives[next].pop.begin);
    }
    if (b.pop.end < latest_pop_begin) return "a later value overtook an earlier one";
  }

  // Empty: at every moment of the operation some value was surely inside. Such times, joined.
  std::vector<OperationSpan> inside;
  for (const Life& life : lives) {
    if (life.push.end < life.pop.begin) inside.push_back({life.push.end, life.pop.begin});
  }
  std::sort(inside.begin(), inside.end(),
            [](const OperationSpan& a, const OperationSpan& b) { return a.begin < b.begin; });
  std::vector<OperationSpan> joined;
  for (const OperationSpan& span : inside) {
    if (joined.empty() || joined.back().end <= span.begin) {
      joined.push_back(span);
    } else {
      joined.back().end = std::max(joined.back().end, span.end);
    }
  }
  for (const OperationSpan& empty : history.empties) {
    auto after = std::upper_bound(
        joined.begin(), joined.end(), empty.begin,
        [](uint64_t time, const OperationSpan& span) { return time < span.begin; });
    if (after != joined.begin() && std::prev(after)->end > empty.end) {
      return "'empty' was said of a queue that was not";
    }
  }
  return "";
}

}  // namespace weft::mpmc_internal

#endif  // WEFT_MPMC_INTERNAL_QUEUE_ASPECTS_H_

// mpmc/internal/fifo_history.h — is a recorded history that of a bounded FIFO queue?
//
// Threads note each operation with a time before it and a time after it; the history is linearizable
// if the operations can be put in an order, in which each stands between its two times, that a plain
// bounded queue could have gone through with the same answers (Herlihy and Wing, 1990). Checked by
// depth-first search over the operations that may come next, remembering the states that failed
// (Wing and Gong; Lowe): exponential in the worst case, quick for histories of some dozen operations
// by a few threads.
#ifndef WEFT_MPMC_INTERNAL_FIFO_HISTORY_H_
#define WEFT_MPMC_INTERNAL_FIFO_HISTORY_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace weft::mpmc_internal {

// One operation and its answer.
struct FifoOperation {
  enum class Kind {
    kPush,       // accepted
    kFull,       // a push that was refused because the queue was full
    kOverwrite,  // accepted; `displaced` is what it took out, or kNothing
    kPop,        // took `value`
    kEmpty,      // a pop that found nothing
  };
  static constexpr int kNothing = -1;

  Kind kind;
  int value = kNothing;
  int displaced = kNothing;
  uint64_t begin = 0;
  uint64_t end = 0;
};

// A clock of events: every reading is later than all readings before it.
class EventClock {
 public:
  // Sequentially consistent: a reading that is taken after another one, in any thread, is larger.
  uint64_t Now() { return now_.fetch_add(1); }

 private:
  std::atomic<uint64_t> now_{0};
};

// Checks one history against a queue of `capacity` that starts empty.
class FifoHistory {
 public:
  FifoHistory(std::size_t capacity, std::vector<FifoOperation> operations)
      : capacity_(capacity), operations_(std::move(operations)) {
    std::sort(operations_.begin(), operations_.end(),
              [](const FifoOperation& a, const FifoOperation& b) { return a.begin < b.begin; });
  }

  bool IsLinearizable() {
    done_.assign(operations_.size(), false);
    return Extend(0);
  }

  // The history, for the message of a failure.
  std::string Describe() const {
    static constexpr const char* kNames[] = {"push", "full", "overwrite", "pop", "empty"};
    std::string text;
    for (const FifoOperation& operation : operations_) {
      text += std::to_string(operation.begin) + ".." + std::to_string(operation.end) + " " +
              kNames[static_cast<int>(operation.kind)] + " " + std::to_string(operation.value) +
              (operation.displaced == FifoOperation::kNothing
                   ? ""
                   : " displaced " + std::to_string(operation.displaced)) +
              "\n";
    }
    return text;
  }

 private:
  using Kind = FifoOperation::Kind;

  // Whether the operations that are not done can follow, given the queue's content.
  bool Extend(std::size_t count) {
    if (count == operations_.size()) return true;
    if (!failed_.insert({done_, content_}).second) return false;
    // What may come next began before the end of everything that is not done.
    uint64_t earliest_end = std::numeric_limits<uint64_t>::max();
    for (std::size_t i = 0; i < operations_.size(); ++i) {
      if (!done_[i]) earliest_end = std::min(earliest_end, operations_[i].end);
    }
    for (std::size_t i = 0; i < operations_.size() && operations_[i].begin < earliest_end; ++i) {
      if (done_[i]) continue;
      const std::deque<int> before = content_;
      if (!Apply(operations_[i])) continue;
      done_[i] = true;
      if (Extend(count + 1)) return true;
      done_[i] = false;
      content_ = before;
    }
    return false;
  }

  // Changes the content if a queue would answer so.
  bool Apply(const FifoOperation& operation) {
    const bool is_full = content_.size() == capacity_;
    switch (operation.kind) {
      case Kind::kFull:
        return is_full;
      case Kind::kEmpty:
        return content_.empty();
      case Kind::kPush:
        if (is_full) return false;
        content_.push_back(operation.value);
        return true;
      case Kind::kPop:
        if (content_.empty() || content_.front() != operation.value) return false;
        content_.pop_front();
        return true;
      case Kind::kOverwrite:
        if (is_full != (operation.displaced != FifoOperation::kNothing)) return false;
        if (is_full) {
          if (content_.front() != operation.displaced) return false;
          content_.pop_front();
        }
        content_.push_back(operation.value);
        return true;
    }
    return false;
  }

  const std::size_t capacity_;
  std::vector<FifoOperation> operations_;
  std::vector<bool> done_;
  std::deque<int> content_;
  std::set<std::pair<std::vector<bool>, std::deque<int>>> failed_;
};

}  // namespace weft::mpmc_internal

#endif  // WEFT_MPMC_INTERNAL_FIFO_HISTORY_H_

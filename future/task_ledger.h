// future/task_ledger.h — how many tasks there are, counted where they begin and end.
//
// Each worker counts in words of its own, without a locked instruction; all other threads share a
// pair. Who waits for the end of all tasks reads all ends first, and all spawns after that.
//
// Equal sums mean that there was a moment without tasks. Let E be the ends that the reader saw, and
// S the spawns. A task's spawn is counted before it is queued, and its end after it has run: by
// edge (1), and the edges of the queues, the reader of an end sees the spawn of that task, and of
// every task that it or its ancestors spawned before. So the spawns seen contain those of all ends
// seen, and equal numbers mean that they are the same tasks: all tasks that were seen to begin have
// ended. A task that lives all the same was not seen to begin. If a task spawned it, that one's end
// was not seen either, so neither was its beginning; and so on up to a task that a thread from
// outside spawned, and that spawn did not happen before the reading.
//
// Who ends a task notifies an event count after that, and who waits awaits equal sums there.
//
// Happens-before edge:
//   (1) an end (release) -> the reader (acquire), and so all that came before that end.
#ifndef WEFT_FUTURE_TASK_LEDGER_H_
#define WEFT_FUTURE_TASK_LEDGER_H_

#include <atomic>
#include <cstdint>

namespace weft {

// Who writes a tally.
enum class TallyWriters : unsigned char { kOne, kMany };

// Spawns and ends that one thread counts, or many.
template <typename Atomics, TallyWriters writers>
class TaskTally {
 public:
  // Relaxed: whoever sees the end of the task sees this.
  void AddSpawn() { Add(&spawned_, std::memory_order_relaxed); }
  void AddEnd() { Add(&ended_, std::memory_order_release); }  // (1)

  uint64_t spawned() const { return spawned_.load(std::memory_order_relaxed); }
  uint64_t ended() const { return ended_.load(std::memory_order_acquire); }  // (1)

 private:
  using Count = typename Atomics::template Atomic<uint64_t>;

  static void Add(Count* count, std::memory_order order) {
    if constexpr (writers == TallyWriters::kOne) {
      count->store(count->load(std::memory_order_relaxed) + 1, order);
    } else {
      count->fetch_add(1, order);
    }
  }

  Count spawned_{0};
  Count ended_{0};
};

// What all tallies amount to.
struct TaskTotals {
  uint64_t spawned = 0;
  uint64_t ended = 0;
};

}  // namespace weft

#endif  // WEFT_FUTURE_TASK_LEDGER_H_

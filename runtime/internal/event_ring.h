// runtime/internal/event_ring.h — the latest records of one thread, for any thread to read.
//
// The owner overwrites the oldest record and never waits. A reader copies all, and then leaves out
// those that may have been overwritten meanwhile: it reads the number of records before and after.
//
// Happens-before edges:
//   (1) the end of a Push() -> a Read() that counts the record: it sees the record's words.
//   (2) a word of a record -> a Read() that comes across it: it sees that all records before were
//       pushed, and so that the record which it wanted is gone.
#ifndef WEFT_RUNTIME_INTERNAL_EVENT_RING_H_
#define WEFT_RUNTIME_INTERNAL_EVENT_RING_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/atomics.h"

namespace weft::runtime_internal {

// See the head of the file.
template <typename Atomics, std::size_t kWords>
class BasicEventRing {
 public:
  using Record = std::array<uint64_t, kWords>;

  // What a reader finds: records without a gap, oldest first.
  struct Contents {
    std::vector<Record> records;
    uint64_t dropped = 0;  // pushed before the first of these
  };

  // Keeps at least the last `capacity` records, less the one that is being overwritten.
  explicit BasicEventRing(std::size_t capacity)
      : slots_(std::bit_ceil(std::max<std::size_t>(capacity, 2))),
        words_(std::make_unique<Word[]>(slots_ * kWords)) {}

  // Owner. Wait-free; kWords + 2 plain accesses on common machines.
  void Push(const Record& record) {
    const uint64_t index = pushed_.load(std::memory_order_relaxed);
    Word* const slot = SlotOf(index);
    for (std::size_t i = 0; i < kWords; ++i) slot[i].store(record[i], std::memory_order_release);
    pushed_.store(index + 1, std::memory_order_release);  // (1); (2) above
  }

  // Any thread. How many were pushed so far.
  uint64_t pushed() const { return pushed_.load(std::memory_order_relaxed); }

  // Any thread. All records that are kept, but at most the last `most`. Wait-free: what the owner
  // overwrites meanwhile is left out.
  Contents Read(uint64_t most = UINT64_MAX) const {
    const uint64_t end = pushed_.load(std::memory_order_acquire);  // (1)
    uint64_t first = end - std::min<uint64_t>({end, slots_, most});
    std::vector<Record> records(end - first);
    for (uint64_t index = first; index < end; ++index) Copy(index, &records[index - first]);
    // The owner may be at work on the record after the last one.
    const uint64_t overwritten = pushed_.load(std::memory_order_relaxed) + 1;
    const uint64_t valid =
        std::clamp(overwritten - std::min<uint64_t>(overwritten, slots_), first, end);
    records.erase(records.begin(), records.begin() + static_cast<std::ptrdiff_t>(valid - first));
    return {.records = std::move(records), .dropped = valid};
  }

 private:
  using Word = typename Atomics::template Atomic<uint64_t>;

  Word* SlotOf(uint64_t index) const { return &words_[(index & (slots_ - 1)) * kWords]; }
  void Copy(uint64_t index, Record* record) const {
    const Word* const slot = SlotOf(index);
    for (std::size_t i = 0; i < kWords; ++i) {
      (*record)[i] = slot[i].load(std::memory_order_acquire);  // (2)
    }
  }

  const std::size_t slots_;
  const std::unique_ptr<Word[]> words_;
  typename Atomics::template Atomic<uint64_t> pushed_{0};
};

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_EVENT_RING_H_

// deque/internal/segmented_queue.h — an unbounded FIFO queue in blocks, for many producers and many
// thieves that take several items at a time.
//
//   block   [ 0 1 2 ... kSlots - 1 ] -> [ 0 1 2 ...     a linked list; each block is filled once,
//                 ^ head                    ^ tail      emptied once, and deleted
//
// Head and tail are positions: position % kLap is a slot of a block, or kSlots, which says that the
// next block is being installed. Producers claim a slot by a swap of tail, thieves a run of slots
// within one block by a swap of head; then each fills or empties what it has claimed.
//
// Who may still touch a block. Only who has claimed a slot of it looks into it, since a swap fails
// unless the position, and so the block that belongs to it, is still the current one. Whoever
// claims the last slot installs the next block first. So when all slots have been emptied, nobody
// is left: the thief that counts the last one deletes the block.
//
// Happens-before edges; each end names its number:
//   (1) push -> thief         ready: release, acquire. The item.
//   (2) producer -> thief     next: release, acquire. The next block as constructed.
//   (3) installer -> others   tail, head: release, acquire (swaps in between carry it on). Whoever
//                             sees a position sees its block, as constructed, or a later one, and
//                             then fails to swap the position.
//   (4) thieves -> deleter    emptied: acq_rel. All are done with the block.
#ifndef WEFT_DEQUE_INTERNAL_SEGMENTED_QUEUE_H_
#define WEFT_DEQUE_INTERNAL_SEGMENTED_QUEUE_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/cache_line.h"
#include "deque/internal/ring_word.h"

namespace weft::deque_internal {

// Any thread may call anything. `kLap` is a power of two; a block has one slot less.
template <typename Word, typename Atomics, std::uint64_t kLap = 64>
class SegmentedQueue {
  static_assert(kLap >= 2 && (kLap & (kLap - 1)) == 0);

 public:
  static constexpr std::uint64_t kSlots = kLap - 1;

  SegmentedQueue() {
    Block* const first = new Block;
    head_block_.store(first, std::memory_order_relaxed);
    tail_block_.store(first, std::memory_order_relaxed);
  }
  SegmentedQueue(const SegmentedQueue&) = delete;
  SegmentedQueue& operator=(const SegmentedQueue&) = delete;

  // Precondition: empty, and nobody else is at work.
  ~SegmentedQueue() { delete head_block_.load(std::memory_order_relaxed); }

  // Throws std::bad_alloc: nothing has changed.
  void Push(Word word) {
    std::unique_ptr<Block> spare;
    while (true) {
      std::uint64_t position = tail_.load(std::memory_order_acquire);  // (3)
      const std::uint64_t offset = position % kLap;
      if (offset == kSlots) {
        Atomics::Yield();
        continue;
      }
      Block* const block = tail_block_.load(std::memory_order_relaxed);  // follows from (3)
      const bool is_last = offset + 1 == kSlots;
      if (is_last && spare == nullptr) spare = std::make_unique<Block>();
      // Relaxed: what is claimed is filled afterwards, and ready tells of that.
      if (!tail_.compare_exchange_strong(position, position + 1, std::memory_order_relaxed,
                                         std::memory_order_relaxed)) {
        Atomics::SpinPause();
        continue;
      }
      if (is_last) InstallTail(block, position + 2, spare.release());
      Slot& slot = block->slots[offset];
      slot.word.Write(word);
      slot.ready.store(1, std::memory_order_release);  // (1)
      return;
    }
  }

  // Takes up to `limit` of the oldest items, and about half of them at most, into words[0...]; one
  // attempt. Precondition: limit > 0.
  Taken StealUpTo(std::uint64_t limit, Word* words, std::uint64_t* taken) {
    std::uint64_t position = head_.load(std::memory_order_acquire);  // (3)
    const std::uint64_t offset = position % kLap;
    if (offset == kSlots) return Taken::kLost;
    // Relaxed: tail only grows, and items are awaited one by one below.
    const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    if (tail <= position) return Taken::kEmpty;
    Block* const block = head_block_.load(std::memory_order_relaxed);  // follows from (3)
    const std::uint64_t count = std::min({limit, kSlots - offset, (tail - position + 1) / 2});
    if (!head_.compare_exchange_strong(position, position + count, std::memory_order_relaxed,
                                       std::memory_order_relaxed)) {
      return Taken::kLost;
    }
    if (offset + count == kSlots) InstallHead(block, position + count + 1);
    for (std::uint64_t i = 0; i < count; ++i) words[i] = Await(block->slots[offset + i]);
    Finish(block, count);
    *taken = count;
    return Taken::kItem;
  }

  // A number that was right at some time between two reads, but for one per block; 0 and up.
  std::uint64_t Size() const {
    const std::uint64_t head = Items(head_.load(std::memory_order_relaxed));
    const std::uint64_t tail = Items(tail_.load(std::memory_order_relaxed));
    return tail > head ? tail - head : 0;
  }

 private:
  template <typename U>
  using Atomic = typename Atomics::template Atomic<U>;

  struct Slot {
    typename Atomics::template Plain<Word> word;
    Atomic<std::uint32_t> ready{0};
  };
  struct Block {
    std::array<Slot, kSlots> slots;
    Atomic<Block*> next{nullptr};
    Atomic<std::uint64_t> emptied{0};
  };

  // How many items lie before a position.
  static std::uint64_t Items(std::uint64_t position) {
    return position / kLap * kSlots + std::min(position % kLap, kSlots);
  }

  // The block first: who sees the position must see its block.
  void InstallTail(Block* block, std::uint64_t position, Block* next) {
    tail_block_.store(next, std::memory_order_relaxed);
    tail_.store(position, std::memory_order_release);    // (3)
    block->next.store(next, std::memory_order_release);  // (2)
  }
  void InstallHead(Block* block, std::uint64_t position) {
    Block* next;
    while ((next = block->next.load(std::memory_order_acquire)) == nullptr)
      Atomics::Yield();  // (2)
    head_block_.store(next, std::memory_order_relaxed);
    head_.store(position, std::memory_order_release);  // (3)
  }

  // The producer has claimed the slot, and fills it next.
  Word Await(Slot& slot) {
    while (slot.ready.load(std::memory_order_acquire) == 0) Atomics::Yield();  // (1)
    return slot.word.Read();
  }

  void Finish(Block* block, std::uint64_t count) {
    const std::uint64_t before = block->emptied.fetch_add(count, std::memory_order_acq_rel);  // (4)
    if (before + count == kSlots) delete block;
  }

  alignas(kCacheLineSize) Atomic<std::uint64_t> tail_{0};  // written by producers
  Atomic<Block*> tail_block_{nullptr};

  alignas(kCacheLineSize) Atomic<std::uint64_t> head_{0};  // written by thieves
  Atomic<Block*> head_block_{nullptr};
};

}  // namespace weft::deque_internal

#endif  // WEFT_DEQUE_INTERNAL_SEGMENTED_QUEUE_H_

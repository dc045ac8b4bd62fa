// timer/internal/cell_ring.h — an ordered bag of timers: a ring of chunks of cells.
//
// A linked list of timers costs one dependent cache miss for each timer that it is walked over.
// Here the addresses of the timers stand side by side, so that the misses of a walk run in
// parallel, and linking a timer touches no other timer. A timer knows its cell; erasing it leaves
// an empty cell.
//
// Order: a ring is walked in the order of appending. Empty cells are never filled in the middle.
//
// The last chunk of a ring is open: where it ends is what the ring knows, not the chunk. Appending
// a timer, and erasing the youngest, therefore touch the ring, the cell and the timer, and not the
// head of the chunk, which would be one more cache line. The youngest timer stands in the last cell
// before the end.
//
// Memory: two neighbouring chunks hold more than kMergeSum - 2 * (kMergeStep - 1) timers together,
// the last two of a ring excepted. Erase() looks at its chunk's neighbours when the number of
// timers in it falls to a multiple of kMergeStep, and merges two that hold at most kMergeSum;
// MakeRoom() compacts the last chunk rather than adding one while it is at most as full, so that it
// is fuller when it is the last no more. Each merge takes away a chunk into which at least
// kCells - kMergeSum timers had been appended, and moves at most kMergeSum: O(1) amortised, and at
// most 2 * kMergeSum moves in one call.
#ifndef WEFT_TIMER_INTERNAL_CELL_RING_H_
#define WEFT_TIMER_INTERNAL_CELL_RING_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/cache_line.h"
#include "timer/internal/chunk_pool.h"

namespace weft::timer_internal {

// See the head of the file. Thread-compatible. Never moved: chunks point to it.
class CellRing : private ChunkLink {
 public:
  CellRing() {
    next = previous = this;
    live = kSentinel;
    begin = end = 0;
  }
  CellRing(const CellRing&) = delete;
  CellRing& operator=(const CellRing&) = delete;

  bool IsEmpty() const { return next == this; }

  // Whether MakeRoom() has to be called before Append().
  bool IsFull() const {
    // There is no cell behind a chunk's last one, and none at all in an empty ring.
    return reinterpret_cast<uintptr_t>(tail_) % Chunk::kBytes == 0;
  }

  // Makes IsFull() false. Append() must follow.
  void MakeRoom(ChunkPool* pool);

  // Appends a timer that is in no ring. `tag` is what its cell remembers beside its address.
  // Precondition: not IsFull().
  void Append(TimerNode* node, uint16_t tag) {
    *tail_ = MakeCell(node, tag);
    node->cell = tail_;
    ++tail_;
  }

  // Takes a timer out if it is the youngest of this ring, and the one before is in the same chunk.
  // Otherwise, and for a timer that is in another ring or none, changes nothing and returns false.
  bool EraseYoungest(TimerNode* node) {
    Cell* const cell = node->cell;
    if (!IsBeforeEnd(cell) || cell[-1] == 0) return false;
    node->cell = nullptr;
    tail_ = cell;
    return true;
  }

  // Takes a timer of this ring out. Returns whether the ring is empty now.
  bool Erase(TimerNode* node, ChunkPool* pool) {
    Cell* const cell = node->cell;
    node->cell = nullptr;
    if (IsBeforeEnd(cell)) return EraseLast(pool);
    EraseInside(cell, pool);
    return false;
  }

  // Takes a timer out of whichever ring it is in. Returns that ring if it is empty now, else null.
  static CellRing* EraseAnywhere(TimerNode* node, ChunkPool* pool);

  // Asks for the memory of the oldest timers.
  void PrefetchFirst() const {
    if (IsEmpty()) return;
    const auto& chunk = static_cast<const Chunk&>(*next);
    PrefetchSome(chunk, EndOf(chunk));
  }

  // Asks for the memory of the first chunk.
  void PrefetchFirstChunk() const {
    if (IsEmpty()) return;
    for (int i = 0; i < Chunk::kBytes; i += kCacheLineSize) {
      __builtin_prefetch(reinterpret_cast<const std::byte*>(next) + i, 1);
    }
  }

  // Takes the oldest timer out. Precondition: not empty.
  TimerNode* TakeOldest(ChunkPool* pool) {
    auto* const chunk = static_cast<Chunk*>(next);
    int i = chunk->begin;
    while (chunk->cells[i] == 0) ++i;
    Prefetch(*chunk, i + kPrefetch, EndOf(*chunk));
    Cell* const cell = &chunk->cells[i];
    TimerNode* const node = NodeOf(*cell);
    *cell = 0;
    chunk->begin = static_cast<uint16_t>(i + 1);
    node->cell = nullptr;
    if (--chunk->live == 0 || IsBeforeEnd(cell)) {
      pool->Give(TakeFirst());
      PrefetchFirst();
    }
    return node;
  }

  // Takes the first chunk out, whose first occupied cell is the oldest; the caller gives it back to
  // the pool. Precondition: not empty.
  Chunk* TakeFirst() {
    auto* const chunk = static_cast<Chunk*>(next);
    if (IsOpen(*chunk)) Close();
    Unlink(chunk);
    return chunk;
  }

  // Appends all that `other` holds and leaves it empty. O(1).
  void Splice(CellRing* other, ChunkPool* pool);

  // The most chunks that rings hold for `timers` timers in at most `rings` rings.
  static size_t MostChunks(size_t timers, size_t rings) {
    return 2 * timers / (kMergeSum - 2 * (kMergeStep - 1) + 1) +
           (timers < 2 * rings ? timers : 2 * rings);
  }

  // Calls visit(cell) for each timer in a chunk that was taken out, in their order. Asks for the
  // memory of those some cells ahead.
  template <typename Visitor>
  static void ForEach(const Chunk& chunk, Visitor visit) {
    PrefetchSome(chunk, chunk.end);
    for (int i = chunk.begin; i < chunk.end; ++i) {
      Prefetch(chunk, i + kPrefetch, chunk.end);
      if (chunk.cells[i] != 0) visit(chunk.cells[i]);
    }
  }

 private:
  static constexpr int kMergeSum = Chunk::kCells / 2;
  static constexpr int kMergeStep = 4;
  // How many cells ahead of the one in hand the memory of a timer is asked for.
  static constexpr int kPrefetch = 12;
  // `live` of a ring's own link: too many to be merged with.
  static constexpr uint16_t kSentinel = 0x7fff;
  // Added to `live` of the open chunk, in which the cells below its end are not counted.
  static constexpr uint16_t kOpen = 0x4000;

  // Asks for the memory of the timer in a cell, if there is one: asking for address 0 is slow.
  static void Prefetch(const Chunk& chunk, int i, int end) {
    if (i >= end) return;
    const Cell cell = chunk.cells[static_cast<size_t>(i)];
    __builtin_prefetch(cell != 0 ? static_cast<const void*>(NodeOf(cell)) : &chunk, 1);
  }
  static void PrefetchSome(const Chunk& chunk, int end) {
    const int stop = std::min(end, chunk.begin + kPrefetch);
    for (int i = chunk.begin; i < stop; ++i) Prefetch(chunk, i, stop);
  }

  // Whether a cell, or none, is the last one of the ring. Numbers, since there may be no pointer.
  bool IsBeforeEnd(const Cell* cell) const {
    return reinterpret_cast<uintptr_t>(cell) + sizeof(Cell) == reinterpret_cast<uintptr_t>(tail_);
  }
  static void Unlink(ChunkLink* link) {
    link->previous->next = link->next;
    link->next->previous = link->previous;
  }
  static bool IsOpen(const Chunk& chunk) { return chunk.live > Chunk::kCells; }
  // The ring of an open chunk.
  static CellRing* RingOf(const Chunk& open) { return static_cast<CellRing*>(open.next); }
  int EndOf(const Chunk& chunk) const {
    return IsOpen(chunk) ? static_cast<int>(tail_ - chunk.cells.data()) : chunk.end;
  }
  // Opens the last chunk, and closes it. Precondition: there is one.
  void Open();
  void Close();
  // Takes out the timer of a cell that is not the last of its ring.
  static void EraseInside(Cell* cell, ChunkPool* pool) {
    Chunk* const chunk = Chunk::Of(cell);
    *cell = 0;
    --chunk->live;
    if (chunk->live <= kMergeSum && chunk->live % kMergeStep == 0) Shrink(chunk, pool);
  }
  bool EraseLast(ChunkPool* pool);
  static void Shrink(Chunk* chunk, ChunkPool* pool);
  static void MergeAround(Chunk* chunk, ChunkPool* pool);
  // Moves what is in `b` to `a`, its predecessor, if that is little.
  static void MaybeMerge(ChunkLink* a, Chunk* b, ChunkPool* pool);

  Cell* tail_ = nullptr;  // The next free cell of the last chunk; null if there is none.
};

}  // namespace weft::timer_internal

#endif  // WEFT_TIMER_INTERNAL_CELL_RING_H_

// timer/internal/cell_ring.h — an ordered bag of timers: a ring of chunks of cells.
//
// A linked list of timers costs one dependent cache miss for each timer that it is walked over.
// Here the addresses of the timers stand side by side, so that the misses of a walk run in
// parallel, and linking a timer touches no other timer. A timer knows its cell; erasing it leaves
// an empty cell.
//
// Order: a ring is walked in the order of appending. Empty cells are never filled in the middle.
//
// Memory: two neighbouring chunks hold more than kMergeSum - 2 * (kMergeStep - 1) timers together.
// Erase() looks at its chunk's neighbours when the number of timers in it falls to a multiple of
// kMergeStep, and merges two that hold at most kMergeSum; Append() compacts the last chunk rather
// than adding one while it is at most as full. Each merge takes away a chunk into which at least
// kCells - kMergeSum timers had been appended, and moves at most kMergeSum: O(1) amortised, and at
// most 2 * kMergeSum moves in one call.
#ifndef WEFT_TIMER_INTERNAL_CELL_RING_H_
#define WEFT_TIMER_INTERNAL_CELL_RING_H_

#include <cstddef>
#include <cstdint>

#include "timer/internal/chunk_pool.h"

namespace weft::timer_internal {

// See the head of the file. Thread-compatible. Never moved: chunks point to it.
class CellRing : private ChunkLink {
 public:
  CellRing() {
    next = previous = this;
    live = kSentinel;
    end = Chunk::kCells;
  }
  CellRing(const CellRing&) = delete;
  CellRing& operator=(const CellRing&) = delete;

  bool IsEmpty() const { return next == this; }

  // The first chunk, whose first occupied cell is the oldest. Precondition: not empty.
  Chunk* First() { return static_cast<Chunk*>(next); }

  // Appends a timer that is in no ring. `tag` is what its cell remembers beside its address.
  void Append(TimerNode* node, uint16_t tag, ChunkPool* pool) {
    // The ring's own link is full, so that an empty ring needs no test of its own.
    Chunk* const chunk =
        previous->end == Chunk::kCells ? MakeRoom(pool) : static_cast<Chunk*>(previous);
    chunk->Put(MakeCell(node, tag), node);
  }

  // Takes a timer out of whichever ring it is in. Returns that ring if it is empty now, else null.
  static CellRing* Erase(TimerNode* node, ChunkPool* pool) {
    Cell* const cell = node->cell;
    Chunk* const chunk = Chunk::Of(cell);
    *cell = 0;
    node->cell = nullptr;
    if (--chunk->live == 0) return Remove(chunk, pool);
    // Repeated arming and cancelling reuses one cell.
    if (cell == &chunk->cells[chunk->end - 1]) chunk->TrimEnd();
    if (chunk->live <= kMergeSum && chunk->live % kMergeStep == 0) MergeAround(chunk, pool);
    return nullptr;
  }

  // Takes the first chunk out; the caller gives it back to the pool.
  Chunk* TakeFirst() {
    Chunk* const chunk = First();
    Unlink(chunk);
    return chunk;
  }

  // Appends all that `other` holds and leaves it empty. O(1).
  void Splice(CellRing* other, ChunkPool* pool);

  // The most chunks that rings hold for `timers` timers in at most `rings` rings.
  static size_t MostChunks(size_t timers, size_t rings) {
    return 2 * timers / (kMergeSum - 2 * (kMergeStep - 1) + 1) + (timers < rings ? timers : rings);
  }

 private:
  static constexpr int kMergeSum = Chunk::kCells / 2;
  static constexpr int kMergeStep = 4;
  // `live` of a ring's own link: too many to be merged with.
  static constexpr uint16_t kSentinel = 0x7fff;

  static void Unlink(ChunkLink* link) {
    link->previous->next = link->next;
    link->next->previous = link->previous;
  }
  static CellRing* Remove(Chunk* chunk, ChunkPool* pool);
  static void MergeAround(Chunk* chunk, ChunkPool* pool);
  // Moves what is in `b` to `a`, its predecessor, if that is little.
  static void MaybeMerge(ChunkLink* a, ChunkLink* b, ChunkPool* pool);
  Chunk* MakeRoom(ChunkPool* pool);
};

}  // namespace weft::timer_internal

#endif  // WEFT_TIMER_INTERNAL_CELL_RING_H_

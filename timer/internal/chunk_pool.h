// timer/internal/chunk_pool.h — the memory of a wheel: chunks of cells, never given back to the
// system before the pool ends.
#ifndef WEFT_TIMER_INTERNAL_CHUNK_POOL_H_
#define WEFT_TIMER_INTERNAL_CHUNK_POOL_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace weft::timer_internal {

// What a ring knows of a timer.
struct TimerNode {
  uint64_t* cell = nullptr;  // Where its address stands; null while it is in no ring.
  uint64_t when = 0;         // Its tick.
};

// The address of a timer in the upper 48 bits, 16 bits of its tick below. 0: empty.
using Cell = uint64_t;
inline constexpr int kTagBits = 16;

inline Cell MakeCell(TimerNode* node, uint16_t tag) {
  return reinterpret_cast<uintptr_t>(node) << kTagBits | tag;
}
inline TimerNode* NodeOf(Cell cell) { return reinterpret_cast<TimerNode*>(cell >> kTagBits); }
inline uint16_t TagOf(Cell cell) { return static_cast<uint16_t>(cell); }

struct ChunkLink {
  ChunkLink* next;
  ChunkLink* previous;
  uint16_t live;   // How many cells are occupied.
  uint16_t begin;  // Cells below are empty. At least Chunk::kFirst.
  uint16_t end;    // Cells from here on are free: they hold nothing that counts.
};

// Aligned to its size, so that a cell leads to its chunk.
struct alignas(512) Chunk : ChunkLink {
  static constexpr int kBytes = 512;
  // Cells are numbered from kFirst to kEnd - 1. The one before is always empty, so that whoever
  // looks at a cell's predecessor need not ask whether there is one.
  static constexpr int kFirst = 1;
  static constexpr int kEnd = (kBytes - sizeof(ChunkLink)) / sizeof(Cell);
  static constexpr int kCells = kEnd - kFirst;

  static Chunk* Of(Cell* cell) {
    return reinterpret_cast<Chunk*>(reinterpret_cast<uintptr_t>(cell) & ~uintptr_t{kBytes - 1});
  }

  // Fills the next free cell. Precondition: end < kEnd.
  void Put(Cell cell) {
    cells[end] = cell;
    NodeOf(cell)->cell = &cells[end];
    ++end;
    ++live;
  }
  // Lowers `end` to behind the last occupied cell.
  void TrimEnd() {
    while (end > kFirst && cells[end - 1] == 0) --end;
  }
  // Forgets all that it holds.
  void Clear() {
    live = 0;
    begin = end = kFirst;
  }
  // Moves the occupied cells to the front, in their order.
  void Compact() {
    const int old_end = end;
    const int old_begin = begin;
    Clear();
    for (int i = old_begin; i < old_end; ++i) {
      if (cells[i] != 0) Put(cells[i]);
    }
  }

  std::array<Cell, kEnd> cells;
};
static_assert(sizeof(Chunk) == Chunk::kBytes);

// Hands out chunks. Thread-compatible.
class ChunkPool {
 public:
  // Begins with a few chunks.
  ChunkPool() { Grow(0); }
  ChunkPool(const ChunkPool&) = delete;
  ChunkPool& operator=(const ChunkPool&) = delete;
  // Frees all chunks, also those that are out.
  ~ChunkPool();

  // An empty chunk. Allocates only when none is free.
  Chunk* Take() {
    if (free_ == nullptr) GrowAtOnce();
    auto* const chunk = static_cast<Chunk*>(free_);
    free_ = chunk->next;
    --free_count_;
    chunk->Clear();
    return chunk;
  }

  // Takes a chunk back.
  void Give(ChunkLink* chunk) {
    chunk->next = free_;
    free_ = chunk;
    ++free_count_;
  }

  // To be called where an allocation does not hurt: sees to it that an eighth of all chunks is
  // free.
  void Refill() {
    if (free_count_ * 8 < total_) Grow(total_ / 4);
  }

  // Sees to it that there are `chunks` chunks, free or not.
  void Reserve(size_t chunks) {
    if (chunks > total_) Grow(chunks - total_);
  }

  size_t total() const { return total_; }
  // How often Take() had to allocate.
  uint64_t growths_at_once() const { return growths_at_once_; }

 private:
  void GrowAtOnce();
  void Grow(size_t chunks);

  struct Slab {
    void* memory;
    size_t bytes;
  };

  ChunkLink* free_ = nullptr;
  size_t free_count_ = 0;
  size_t total_ = 0;
  uint64_t growths_at_once_ = 0;
  std::vector<Slab> slabs_;
};

}  // namespace weft::timer_internal

#endif  // WEFT_TIMER_INTERNAL_CHUNK_POOL_H_

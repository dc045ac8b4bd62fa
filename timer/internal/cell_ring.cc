#include "timer/internal/cell_ring.h"

namespace weft::timer_internal {

void CellRing::Splice(CellRing* other, ChunkPool* pool) {
  if (other->IsEmpty()) return;
  ChunkLink* const last = previous;
  ChunkLink* const first = other->next;
  last->next = first;
  first->previous = last;
  previous = other->previous;
  previous->next = this;
  other->next = other->previous = other;
  MaybeMerge(last, first, pool);
}

CellRing* CellRing::Remove(Chunk* chunk, ChunkPool* pool) {
  ChunkLink* const before = chunk->previous;
  ChunkLink* const after = chunk->next;
  Unlink(chunk);
  pool->Give(chunk);
  // Only the ring's own link is its own neighbour on both sides.
  if (before == after) return static_cast<CellRing*>(before);
  MaybeMerge(before, after, pool);
  return nullptr;
}

void CellRing::MergeAround(Chunk* chunk, ChunkPool* pool) {
  ChunkLink* const before = chunk->previous;
  MaybeMerge(chunk, chunk->next, pool);
  MaybeMerge(before, chunk, pool);
}

void CellRing::MaybeMerge(ChunkLink* a, ChunkLink* b, ChunkPool* pool) {
  if (a->live + b->live > kMergeSum) return;
  auto* const into = static_cast<Chunk*>(a);
  auto* const from = static_cast<Chunk*>(b);
  if (into->end + from->live > Chunk::kCells) into->Compact();
  for (int i = from->begin; i < from->end; ++i) {
    if (from->cells[i] != 0) into->Put(from->cells[i]);
  }
  Unlink(from);
  pool->Give(from);
}

Chunk* CellRing::MakeRoom(ChunkPool* pool) {
  if (previous->live <= kMergeSum) {
    auto* const last = static_cast<Chunk*>(previous);
    last->Compact();
    return last;
  }
  Chunk* const chunk = pool->Take();
  chunk->next = this;
  chunk->previous = previous;
  previous->next = chunk;
  previous = chunk;
  return chunk;
}

}  // namespace weft::timer_internal

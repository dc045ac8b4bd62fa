#include "timer/internal/cell_ring.h"

namespace weft::timer_internal {

void CellRing::Open() {
  auto* const last = static_cast<Chunk*>(previous);
  // The youngest timer stands before the end.
  last->TrimEnd();
  tail_ = &last->cells[last->end];
  last->live = static_cast<uint16_t>(last->live + kOpen - last->end + Chunk::kFirst);
}

void CellRing::Close() {
  auto* const last = static_cast<Chunk*>(previous);
  last->end = static_cast<uint16_t>(tail_ - last->cells.data());
  last->live = static_cast<uint16_t>(last->live - kOpen + last->end - Chunk::kFirst);
  tail_ = nullptr;
}

void CellRing::MakeRoom(ChunkPool* pool) {
  if (!IsEmpty()) {
    Close();
    if (previous->live <= kMergeSum) {
      static_cast<Chunk*>(previous)->Compact();
      return Open();
    }
  }
  Chunk* const chunk = pool->Take();
  chunk->next = this;
  chunk->previous = previous;
  previous->next = chunk;
  previous = chunk;
  Open();
}

CellRing* CellRing::EraseAnywhere(TimerNode* node, ChunkPool* pool) {
  Chunk* const chunk = Chunk::Of(node->cell);
  if (IsOpen(*chunk)) {
    CellRing* const ring = RingOf(*chunk);
    return ring->Erase(node, pool) ? ring : nullptr;
  }
  EraseInside(node->cell, pool);
  node->cell = nullptr;
  return nullptr;
}

bool CellRing::EraseLast(ChunkPool* pool) {
  tail_[-1] = 0;
  Close();
  auto* const chunk = static_cast<Chunk*>(previous);
  --chunk->live;
  if (chunk->live == 0) {
    Unlink(chunk);
    pool->Give(chunk);
    if (IsEmpty()) return true;
  }
  Open();
  return false;
}

void CellRing::Splice(CellRing* other, ChunkPool* pool) {
  if (other->IsEmpty()) return;
  if (!IsEmpty()) Close();
  ChunkLink* const last = previous;
  last->next = other->next;
  last->next->previous = last;
  previous = other->previous;
  previous->next = this;
  tail_ = other->tail_;
  other->next = other->previous = other;
  other->tail_ = nullptr;
  if (last != this) MergeAround(static_cast<Chunk*>(last), pool);
}

// For a closed chunk that holds few timers.
void CellRing::Shrink(Chunk* chunk, ChunkPool* pool) {
  if (chunk->live > 0) return MergeAround(chunk, pool);
  ChunkLink* const before = chunk->previous;
  auto* const after = static_cast<Chunk*>(chunk->next);
  Unlink(chunk);
  pool->Give(chunk);
  MaybeMerge(before, after, pool);
}

// Precondition: `chunk` is closed, so that another one follows.
void CellRing::MergeAround(Chunk* chunk, ChunkPool* pool) {
  ChunkLink* const before = chunk->previous;
  MaybeMerge(chunk, static_cast<Chunk*>(chunk->next), pool);
  MaybeMerge(before, chunk, pool);
}

void CellRing::MaybeMerge(ChunkLink* a, Chunk* b, ChunkPool* pool) {
  if (a->live > kMergeSum) return;
  CellRing* const ring = IsOpen(*b) ? RingOf(*b) : nullptr;
  if (ring != nullptr) ring->Close();
  if (a->live + b->live <= kMergeSum) {
    auto* const into = static_cast<Chunk*>(a);
    if (into->end + b->live > Chunk::kEnd) into->Compact();
    for (int i = b->begin; i < b->end; ++i) {
      if (b->cells[static_cast<size_t>(i)] != 0) into->Put(b->cells[static_cast<size_t>(i)]);
    }
    Unlink(b);
    pool->Give(b);
  }
  if (ring != nullptr) ring->Open();
}

}  // namespace weft::timer_internal

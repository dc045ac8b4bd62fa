#include "timer/internal/chunk_pool.h"

#include <algorithm>
#include <new>

namespace weft::timer_internal {
namespace {

constexpr size_t kFewestChunks = 32;

}  // namespace

ChunkPool::~ChunkPool() {
  for (void* const slab : slabs_) ::operator delete(slab, std::align_val_t{Chunk::kBytes});
}

void ChunkPool::GrowAtOnce() {
  ++growths_at_once_;
  Grow(total_ / 4);
}

void ChunkPool::Grow(size_t chunks) {
  chunks = std::max(chunks, kFewestChunks);
  slabs_.reserve(slabs_.size() + 1);
  void* const slab = ::operator new(chunks * sizeof(Chunk), std::align_val_t{Chunk::kBytes});
  slabs_.push_back(slab);
  // From the last to the first, so that they are handed out in the order of their addresses. This
  // touches all of them: later users meet no page fault.
  for (size_t i = chunks; i-- > 0;) {
    Give(::new (static_cast<std::byte*>(slab) + i * sizeof(Chunk)) Chunk);
  }
  total_ += chunks;
}

}  // namespace weft::timer_internal

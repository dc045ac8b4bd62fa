#include "timer/internal/chunk_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>

namespace weft::timer_internal {
namespace {

constexpr size_t kFewestChunks = 32;
constexpr size_t kHugePage = size_t{1} << 21;

std::align_val_t AlignmentOf(size_t bytes) {
  return std::align_val_t{bytes % kHugePage == 0 ? kHugePage : Chunk::kBytes};
}

}  // namespace

ChunkPool::~ChunkPool() {
  for (const Slab& slab : slabs_) ::operator delete(slab.memory, AlignmentOf(slab.bytes));
}

void ChunkPool::GrowAtOnce() {
  ++growths_at_once_;
  Grow(total_ / 4);
}

void ChunkPool::Grow(size_t chunks) {
  size_t bytes = std::max(chunks, kFewestChunks) * sizeof(Chunk);
  if (bytes >= kHugePage) bytes = (bytes + kHugePage - 1) / kHugePage * kHugePage;
  slabs_.reserve(slabs_.size() + 1);
  void* const memory = ::operator new(bytes, AlignmentOf(bytes));
  slabs_.push_back({memory, bytes});
  // Only a wish: it may be refused, and costs some speed then.
  if (bytes >= kHugePage) madvise(memory, bytes, MADV_HUGEPAGE);
  // From the last to the first, so that they are handed out in the order of their addresses. This
  // touches all of them: later users meet no page fault.
  for (size_t i = bytes / sizeof(Chunk); i-- > 0;) {
    Give(::new (static_cast<std::byte*>(memory) + i * sizeof(Chunk)) Chunk());
  }
  total_ += bytes / sizeof(Chunk);
}

}  // namespace weft::timer_internal

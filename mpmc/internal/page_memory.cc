#include "mpmc/internal/page_memory.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <new>

#include "base/check.h"

namespace weft::mpmc_internal {

void* PageMemory::Allocate(std::size_t bytes) {
  void* const block =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) throw std::bad_alloc();
  return block;
}

bool PageMemory::Discard(void* block, std::size_t bytes) {
  return madvise(block, bytes, MADV_DONTNEED) == 0;
}

void PageMemory::Free(void* block, std::size_t bytes) {
  WEFT_CHECK(munmap(block, bytes) == 0)
      << "PageMemory::Free(): expected to unmap " << bytes << " bytes at " << block
      << ", found errno " << errno << " (" << std::strerror(errno) << ")";
}

}  // namespace weft::mpmc_internal

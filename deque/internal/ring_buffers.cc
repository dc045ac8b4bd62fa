#include "deque/internal/ring_buffers.h"

#include <sys/mman.h>
#include <unistd.h>

namespace weft::deque_internal {

void ReleasePages(void* data, std::size_t bytes) {
  if (bytes <= kMostKeptBytes) return;
  const std::uintptr_t page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const std::uintptr_t first = reinterpret_cast<std::uintptr_t>(data);
  const std::uintptr_t begin = (first + page - 1) / page * page;
  const std::uintptr_t end = (first + bytes) / page * page;
  // Refused for locked memory, for example: then the pages stay, which is all that can be done.
  (void)madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace weft::deque_internal

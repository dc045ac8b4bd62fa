// mpmc/internal/page_memory.h — memory whose pages can be given back while its addresses stay
// valid.
//
// A lock-free structure whose readers may hold an old pointer for any length of time cannot free
// what the pointer leads to. It can give the pages back: an old reader then reads zeroes.
#ifndef WEFT_MPMC_INTERNAL_PAGE_MEMORY_H_
#define WEFT_MPMC_INTERNAL_PAGE_MEMORY_H_

#include <cstddef>

namespace weft::mpmc_internal {

// Thread-safe; each function is a system call.
struct PageMemory {
  // Every block starts at a multiple of this.
  static constexpr std::size_t kAlignment = 4096;

  // Returns `bytes` zeroed bytes. Throws std::bad_alloc.
  static void* Allocate(std::size_t bytes);

  // Gives the pages of a block back: the block stays readable and writable, and is all zeroes.
  // Returns false, and has changed nothing, if the system refuses, as it does for locked memory.
  static bool Discard(void* block, std::size_t bytes);

  // Ends a block of Allocate(bytes).
  static void Free(void* block, std::size_t bytes);
};

}  // namespace weft::mpmc_internal

#endif  // WEFT_MPMC_INTERNAL_PAGE_MEMORY_H_

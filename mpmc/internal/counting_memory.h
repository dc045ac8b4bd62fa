// mpmc/internal/counting_memory.h — the memory of a SegmentQueue under test: counts, and can fail.
#ifndef WEFT_MPMC_INTERNAL_COUNTING_MEMORY_H_
#define WEFT_MPMC_INTERNAL_COUNTING_MEMORY_H_

#include <atomic>
#include <cstddef>
#include <cstring>
#include <new>

namespace weft::mpmc_internal {

// Has the functions of PageMemory. The counts are those of the process, so tests look at
// differences. Thread-safe.
struct CountingMemory {
  static constexpr std::size_t kAlignment = 4096;

  static void* Allocate(std::size_t bytes) {
    if (failures_left.load() > 0) {
      failures_left.fetch_sub(1);
      throw std::bad_alloc();
    }
    void* const block = ::operator new(bytes, std::align_val_t(kAlignment));
    std::memset(block, 0, bytes);
    allocated.fetch_add(1);
    return block;
  }

  // Counts, and leaves the zeroes to the queue: old readers may be looking.
  static bool Discard(void*, std::size_t) {
    discarded.fetch_add(1);
    return false;
  }

  static void Free(void* block, std::size_t bytes) {
    ::operator delete(block, bytes, std::align_val_t(kAlignment));
    freed.fetch_add(1);
  }

  static inline std::atomic<int> allocated{0};
  static inline std::atomic<int> discarded{0};
  static inline std::atomic<int> freed{0};
  static inline std::atomic<int> failures_left{0};  // So many of the next allocations fail.
};

}  // namespace weft::mpmc_internal

#endif  // WEFT_MPMC_INTERNAL_COUNTING_MEMORY_H_

// mpmc/internal/model_memory.h — the memory and the sizes of a SegmentQueue in a model test.
#ifndef WEFT_MPMC_INTERNAL_MODEL_MEMORY_H_
#define WEFT_MPMC_INTERNAL_MODEL_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <new>

#include "base/cache_line.h"
#include "tools/model/plain.h"

namespace weft::mpmc_internal {

// The model's heap. It has no pages: the queue does to a reader what the system does.
struct ModelMemory {
  static constexpr std::size_t kAlignment = kCacheLineSize;

  static void* Allocate(std::size_t bytes) {
    return ::operator new(bytes, std::align_val_t(kAlignment));
  }
  static bool Discard(void*, std::size_t) { return false; }
  static void Free(void* block, std::size_t) {
    ::operator delete(block, std::align_val_t(kAlignment));
  }
};

// Fails as often as it is told to. Called under the queue's lock.
struct FailingMemory : ModelMemory {
  static void* Allocate(std::size_t bytes) {
    const int left = failures->Read();
    if (left == 0) return ModelMemory::Allocate(bytes);
    failures->Write(left - 1);
    throw std::bad_alloc();
  }

  static inline model::Plain<int>* failures = nullptr;
};

struct FailingPolicy {
  using Memory = FailingMemory;
  static constexpr uint32_t kSlots = 1;
  static constexpr std::size_t kSpares = 1;
};

template <uint32_t kSlotsIn, std::size_t kSparesIn>
struct ModelPolicy {
  using Memory = ModelMemory;
  static constexpr uint32_t kSlots = kSlotsIn;
  static constexpr std::size_t kSpares = kSparesIn;
};

}  // namespace weft::mpmc_internal

#endif  // WEFT_MPMC_INTERNAL_MODEL_MEMORY_H_

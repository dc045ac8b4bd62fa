#include "tools/stress/allocations.h"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <limits>
#include <new>

#include "base/check.h"

namespace {

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

// Constant-initialised: operator new runs before main.
std::atomic<std::int64_t> allocated{0};
std::atomic<std::int64_t> freed{0};
std::atomic<std::int64_t> failing{kNever};  // The number, by `allocated`, of the one that fails.

void* Allocate(std::size_t size, std::size_t alignment) {
  const std::int64_t number = allocated.fetch_add(1, std::memory_order_relaxed) + 1;
  void* block = nullptr;
  if (number != failing.load(std::memory_order_relaxed)) {
    block = alignment <= alignof(std::max_align_t)
                ? std::malloc(size != 0 ? size : 1)
                : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  }
  if (block == nullptr) {
    freed.fetch_add(1, std::memory_order_relaxed);
    throw std::bad_alloc();
  }
  return block;
}

void* AllocateOrNull(std::size_t size, std::size_t alignment) noexcept {
  try {
    return Allocate(size, alignment);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void Free(void* block) noexcept {
  if (block != nullptr) freed.fetch_add(1, std::memory_order_relaxed);
  std::free(block);
}

}  // namespace

// All forms: the standard library makes the others of two, AddressSanitizer has its own.
void* operator new(std::size_t size) { return Allocate(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return Allocate(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return AllocateOrNull(size, alignof(std::max_align_t));
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return AllocateOrNull(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size) { return ::operator new(size); }
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return ::operator new(size, alignment);
}
void* operator new[](std::size_t size, const std::nothrow_t& quiet) noexcept {
  return ::operator new(size, quiet);
}
void* operator new[](std::size_t size, std::align_val_t alignment,
                     const std::nothrow_t& quiet) noexcept {
  return ::operator new(size, alignment, quiet);
}

void operator delete(void* block) noexcept { Free(block); }
void operator delete(void* block, std::size_t) noexcept { Free(block); }
void operator delete(void* block, std::align_val_t) noexcept { Free(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { Free(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { Free(block); }
void operator delete(void* block, std::align_val_t, const std::nothrow_t&) noexcept { Free(block); }
void operator delete[](void* block) noexcept { Free(block); }
void operator delete[](void* block, std::size_t) noexcept { Free(block); }
void operator delete[](void* block, std::align_val_t) noexcept { Free(block); }
void operator delete[](void* block, std::size_t, std::align_val_t) noexcept { Free(block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { Free(block); }
void operator delete[](void* block, std::align_val_t, const std::nothrow_t&) noexcept {
  Free(block);
}

namespace weft::stress {

int64_t AllocationCount() { return allocated.load(std::memory_order_relaxed); }

int64_t LiveAllocations() {
  return allocated.load(std::memory_order_relaxed) - freed.load(std::memory_order_relaxed);
}

FailAllocation::FailAllocation(int64_t n) {
  WEFT_CHECK(n >= 1) << "FailAllocation(n): expected 1 (the next allocation) or more, found " << n;
  WEFT_CHECK(failing.load(std::memory_order_relaxed) == kNever)
      << "FailAllocation: expected one at a time, found a second one";
  failing.store(AllocationCount() + n, std::memory_order_relaxed);
}

FailAllocation::~FailAllocation() { failing.store(kNever, std::memory_order_relaxed); }

bool FailAllocation::happened() const {
  return AllocationCount() >= failing.load(std::memory_order_relaxed);
}

}  // namespace weft::stress

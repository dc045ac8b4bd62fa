// future/frame_cache.h — memory for coroutine frames and task cells: a cache for each thread, in
// front of operator new.
//
// Blocks of up to kMaxCachedBytes come from lists by size class, and go back to them; the size is
// told on both sides, so a block has no header. What a thread frees beyond two batches of a class
// goes to a depot that all threads share, in batches: where one thread makes tasks and another ends
// them, the frames travel back. The depot keeps a bounded number of bytes; the rest, and what a
// thread has when it ends, goes to operator delete.
//
//   Thread safety    Any thread may free what another has allocated.
//   Errors           std::bad_alloc, as operator new.
//   Complexity       O(1); no atomic operation but for one in kBatch blocks, under a lock.
//   Sanitizers       With AddressSanitizer and ThreadSanitizer everything is operator new and
//                    delete, so that uses of freed frames are found.
#ifndef WEFT_FUTURE_FRAME_CACHE_H_
#define WEFT_FUTURE_FRAME_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <utility>

namespace weft {
namespace future_internal {

inline constexpr std::size_t kMaxCachedBytes = 1032;

// Not inlined: a coroutine must not keep the address of a thread_local.
[[gnu::noinline]] void* AllocateFrame(std::size_t bytes);
[[gnu::noinline]] void FreeFrame(void* memory, std::size_t bytes) noexcept;

// From a resource, which is kept behind the block.
void* AllocateFrameFrom(std::pmr::memory_resource* resource, std::size_t bytes);
void FreeFrameFrom(void* memory, std::size_t bytes) noexcept;

// Whether there is a cache in this build.
bool FramesAreCached();

// What this thread has asked for since it started. Only goes up.
uint64_t FrameBytesAllocated();

}  // namespace future_internal

// The bytes of the coroutine frames and task cells that `make()` allocates on this thread: those of
// one Task, if that is what it makes. A frame that the compiler has put elsewhere counts as 0.
template <typename Make>
std::size_t FrameBytesOf(Make&& make) {
  const uint64_t before = future_internal::FrameBytesAllocated();
  [[maybe_unused]] const auto made = std::forward<Make>(make)();
  return static_cast<std::size_t>(future_internal::FrameBytesAllocated() - before);
}

}  // namespace weft

#endif  // WEFT_FUTURE_FRAME_CACHE_H_

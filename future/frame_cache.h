// future/frame_cache.h — memory for coroutine frames and task cells: a cache for each thread, in
// front of slabs (internal/frame_slabs.h) that all share.
//
// Blocks of up to kMaxCachedBytes come from lists by size class, and go back to them; the size is
// told on both sides, so a block has no header. In front of each list is a slot for one block. Slot
// and list are inlined, some loads and stores, where the compiler knows the size: each block in a
// list says how many there are. What a thread frees beyond two batches of a class goes, in batches,
// to the shelf of its home (each thread has one of eight), where its threads look first, and then
// those of others: where one thread makes tasks and another ends them, the frames travel back. Each
// shelf keeps 1 MiB, of all classes together; the rest, and what a thread has when it ends, goes
// back to the slabs, which keep 16 MiB, of all classes together, that no block of is in use. What
// is beyond that is given to the system, but for slabs of which some block is used or lies in a
// list or on a shelf.
//
//   Thread safety    Any thread may free what another has allocated.
//   Errors           std::bad_alloc.
//   Complexity       O(1); no atomic operation but for some in kBatch blocks, under a lock.
//   Sanitizers       With AddressSanitizer, ThreadSanitizer and MemorySanitizer everything is
//                    operator new and delete, so that uses of freed frames are found.
#ifndef WEFT_FUTURE_FRAME_CACHE_H_
#define WEFT_FUTURE_FRAME_CACHE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <utility>

#include "future/internal/free_block.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WEFT_FRAME_CACHE 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define WEFT_FRAME_CACHE 0
#endif
#endif
#ifndef WEFT_FRAME_CACHE
#define WEFT_FRAME_CACHE 1
#endif

namespace weft {
namespace future_internal {

// Whether there is a cache in this build.
inline constexpr bool kFramesAreCached = WEFT_FRAME_CACHE != 0;
#undef WEFT_FRAME_CACHE

inline constexpr std::size_t kMaxCachedBytes = 1024;

// Classes of 16 bytes, as blocks are aligned.
constexpr std::size_t FrameClassOf(std::size_t bytes) { return (bytes + 15) / 16; }
inline constexpr std::size_t kFrameClasses = FrameClassOf(kMaxCachedBytes) + 1;

// What the slabs take, all in all; what the shelves keep.
std::size_t FrameSlabBytes();
std::size_t FrameShelfBytes();

// What a slot holds if not a block's address.
inline constexpr std::uintptr_t kShut = 0;  // nor may it hold one
inline constexpr std::uintptr_t kNoBlock = 1;

// The free blocks of one class and thread: one in a slot, so that a call which takes what the call
// before has freed waits for no other load; the others in a list. At its end lies a block without a
// successor that is nobody's: of a list that is shut it counts so many that no other can come in
// front of it.
struct FrameList {
  std::uintptr_t slot;
  FreeBlock* first;
};
inline constexpr std::size_t kMostInFrameList = 32;

// Those of the thread that is calling. The name is for OwnFrameList.
extern constinit thread_local std::array<FrameList, kFrameClasses> frame_lists
    [[gnu::tls_model("initial-exec")]] asm("weft_frame_lists");

// Compilers take the address of a thread_local for a constant of the function; a coroutine, into
// which this is inlined, may wake up on another thread. So they do not see it.
#if defined(__x86_64__)
// One of them, of the thread that runs: one instruction loads or stores.
class OwnFrameList {
 public:
  [[gnu::always_inline]] explicit OwnFrameList(std::size_t index) {
    FrameList* lists;  // less the thread's own part of an address, which is in fs
    asm volatile("movq weft_frame_lists@gottpoff(%%rip), %0" : "=r"(lists));
    list_ = lists + index;
  }
  [[gnu::always_inline]] std::uintptr_t slot() const {
    std::uintptr_t value;
    asm volatile("movq %%fs:%1, %0" : "=r"(value) : "m"(list_->slot));
    return value;
  }
  [[gnu::always_inline]] void SetSlot(std::uintptr_t value) const {
    asm volatile("movq %1, %%fs:%0" : "=m"(list_->slot) : "er"(value));
  }
  [[gnu::always_inline]] FreeBlock* first() const {
    FreeBlock* block;
    asm volatile("movq %%fs:%1, %0" : "=r"(block) : "m"(list_->first));
    return block;
  }
  [[gnu::always_inline]] void SetFirst(FreeBlock* block) const {
    asm volatile("movq %1, %%fs:%0" : "=m"(list_->first) : "r"(block));
  }

 private:
  FrameList* list_;
};
#else
class OwnFrameList {
 public:
  [[gnu::noinline]] explicit OwnFrameList(std::size_t index) {
    asm volatile("");
    list_ = &frame_lists[index];
  }
  std::uintptr_t slot() const { return list_->slot; }
  void SetSlot(std::uintptr_t value) const { list_->slot = value; }
  FreeBlock* first() const { return list_->first; }
  void SetFirst(FreeBlock* block) const { list_->first = block; }

 private:
  FrameList* list_;
};
#endif

// Where slot and list do not serve.
void* AllocateFrameSlowly(std::size_t bytes);
void FreeFrameSlowly(void* memory, std::size_t bytes) noexcept;

[[gnu::always_inline]] inline void* AllocateFrame(std::size_t bytes) {
  if (!kFramesAreCached || bytes > kMaxCachedBytes) return AllocateFrameSlowly(bytes);
  const OwnFrameList list(FrameClassOf(bytes));
  const std::uintptr_t block = list.slot();
  if (block > kNoBlock) [[likely]] {
    list.SetSlot(kNoBlock);
    return reinterpret_cast<void*>(block);
  }
  FreeBlock* const first = list.first();
  FreeBlock* const next = first->next;
  if (next == nullptr) [[unlikely]]
    return AllocateFrameSlowly(bytes);
  list.SetFirst(next);
  return first;
}

[[gnu::always_inline]] inline void FreeFrame(void* memory, std::size_t bytes) noexcept {
  if (!kFramesAreCached || bytes > kMaxCachedBytes) return FreeFrameSlowly(memory, bytes);
  const OwnFrameList list(FrameClassOf(bytes));
  if (list.slot() == kNoBlock) [[likely]]
    return list.SetSlot(reinterpret_cast<std::uintptr_t>(memory));
  FreeBlock* const next = list.first();
  const std::size_t count = next->count;
  if (count >= kMostInFrameList) [[unlikely]]
    return FreeFrameSlowly(memory, bytes);
  auto* const block = static_cast<FreeBlock*>(memory);
  block->next = next;
  block->count = count + 1;
  list.SetFirst(block);
}

// From a resource, which is kept behind the block.
void* AllocateFrameFrom(std::pmr::memory_resource* resource, std::size_t bytes);
void FreeFrameFrom(void* memory, std::size_t bytes) noexcept;

// Counts what its thread asks for while it lives; the lists are shut meanwhile. May be nested.
class FrameMeter {
 public:
  FrameMeter();
  FrameMeter(const FrameMeter&) = delete;
  FrameMeter& operator=(const FrameMeter&) = delete;
  ~FrameMeter();

  std::size_t bytes() const;

 private:
  const std::uint64_t before_;
};

}  // namespace future_internal

// The bytes of the coroutine frames and task cells that `make()` allocates on this thread: those of
// one Task, if that is what it makes. A frame that the compiler has put elsewhere counts as 0.
template <typename Make>
std::size_t FrameBytesOf(Make&& make) {
  const future_internal::FrameMeter meter;
  [[maybe_unused]] const auto made = std::forward<Make>(make)();
  return meter.bytes();
}

}  // namespace weft

#endif  // WEFT_FUTURE_FRAME_CACHE_H_

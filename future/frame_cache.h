// future/frame_cache.h — memory for coroutine frames and task cells: a cache for each thread, in
// front of slabs (internal/frame_slabs.h) that all share.
//
// Blocks of up to kMaxCachedBytes come from lists by size class, and go back to them; the size is
// told on both sides, so a block has no header. In front of each list is a slot for one block: a
// call that allocates what the call before has freed is a load and a store, inlined where the
// compiler knows the size. What a thread frees beyond two batches of a class goes, in batches, to
// shelves that all threads share: where one thread makes tasks and another ends them, the frames
// travel back. The shelves keep 1 MiB, of all classes together; the rest, and what a thread has
// when it ends, goes back to the slabs, which keep 16 MiB, of all classes together, that no block
// of is in use. What is beyond that is given to the system, but for slabs of which some block is
// used or lies in a list or on a shelf.
//
//   Thread safety    Any thread may free what another has allocated.
//   Errors           std::bad_alloc.
//   Complexity       O(1); no atomic operation but for some in kBatch blocks, under a lock.
//   Sanitizers       With AddressSanitizer, ThreadSanitizer and MemorySanitizer everything is
//                    operator new and delete, so that uses of freed frames are found.
#ifndef WEFT_FUTURE_FRAME_CACHE_H_
#define WEFT_FUTURE_FRAME_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <utility>

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

// The slots of the thread that is calling. The name is for FrameSlot.
extern constinit thread_local std::uintptr_t frame_slots [[gnu::tls_model("initial-exec")]]
[kFrameClasses] asm("weft_frame_slots");

// Compilers take the address of a thread_local for a constant of the function; a coroutine, into
// which this is inlined, may wake up on another thread. So they do not see it.
#if defined(__x86_64__)
// One of them, of the thread that runs: one instruction loads or stores.
class FrameSlot {
 public:
  [[gnu::always_inline]] explicit FrameSlot(std::size_t index) {
    std::uintptr_t* slots;  // less the thread's own part of an address, which is in fs
    asm volatile("movq weft_frame_slots@gottpoff(%%rip), %0" : "=r"(slots));
    slot_ = slots + index;
  }
  [[gnu::always_inline]] std::uintptr_t Load() const {
    std::uintptr_t value;
    asm volatile("movq %%fs:%1, %0" : "=r"(value) : "m"(*slot_));
    return value;
  }
  [[gnu::always_inline]] void Store(std::uintptr_t value) const {
    asm volatile("movq %1, %%fs:%0" : "=m"(*slot_) : "er"(value));
  }

 private:
  std::uintptr_t* slot_;
};
#else
class FrameSlot {
 public:
  [[gnu::noinline]] explicit FrameSlot(std::size_t index) {
    asm volatile("");
    slot_ = &frame_slots[index];
  }
  std::uintptr_t Load() const { return *slot_; }
  void Store(std::uintptr_t value) const { *slot_ = value; }

 private:
  std::uintptr_t* slot_;
};
#endif

// Where the slot does not serve.
void* AllocateFrameSlowly(std::size_t bytes);
void FreeFrameSlowly(void* memory, std::size_t bytes) noexcept;

[[gnu::always_inline]] inline void* AllocateFrame(std::size_t bytes) {
  if (!kFramesAreCached || bytes > kMaxCachedBytes) return AllocateFrameSlowly(bytes);
  const FrameSlot slot(FrameClassOf(bytes));
  const std::uintptr_t block = slot.Load();
  if (block <= kNoBlock) [[unlikely]]
    return AllocateFrameSlowly(bytes);
  slot.Store(kNoBlock);
  return reinterpret_cast<void*>(block);
}

[[gnu::always_inline]] inline void FreeFrame(void* memory, std::size_t bytes) noexcept {
  if (!kFramesAreCached || bytes > kMaxCachedBytes) return FreeFrameSlowly(memory, bytes);
  const FrameSlot slot(FrameClassOf(bytes));
  if (slot.Load() != kNoBlock) [[unlikely]]
    return FreeFrameSlowly(memory, bytes);
  slot.Store(reinterpret_cast<std::uintptr_t>(memory));
}

// From a resource, which is kept behind the block.
void* AllocateFrameFrom(std::pmr::memory_resource* resource, std::size_t bytes);
void FreeFrameFrom(void* memory, std::size_t bytes) noexcept;

// Counts what its thread asks for while it lives; the slots are shut meanwhile. May be nested.
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

#include "tools/model/internal/memory.h"

#include <sys/mman.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/check.h"
#include "tools/model/internal/asan.h"
#include "tools/model/internal/event.h"

namespace weft::model_internal {
namespace {

constexpr std::size_t kArenaBytes = std::size_t{64} << 20;
constexpr std::size_t kLargestFill = 4096;
constexpr int kFreed = 0xDD;

struct Block {
  std::size_t size;
  std::uint64_t state;
};
constexpr std::uint64_t kLive = 0x6c697665'6c697665;
constexpr std::uint64_t kDead = 0x64656164'64656164;

struct State {
  char* memory = nullptr;  // One region with an arena for each thread.
  std::array<std::size_t, kMaxThreads> used{};
  int live = 0;
  MemoryFailure on_failure = nullptr;
};

// Plain data without constructors or destructors: operator new may run before and after main.
State state;
// Other threads of the process (a test's own) always use the system's heap.
thread_local int arena = -1;

void Fail(const char* message) {
  if (state.on_failure != nullptr) state.on_failure(message);
  std::abort();
}

}  // namespace

void Heap::Reset(MemoryFailure on_failure) {
  if (state.memory == nullptr) {
    void* memory = mmap(nullptr, kArenaBytes * kMaxThreads, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    WEFT_CHECK(memory != MAP_FAILED) << "model: expected " << kArenaBytes * kMaxThreads
                                     << " bytes of address space for the scenario, found none";
    state.memory = static_cast<char*>(memory);
  }
  state.used.fill(0);
  state.live = 0;
  state.on_failure = on_failure;
}

int Heap::SetThread(int thread) {
  const int old = arena;
  arena = thread;
  return old;
}

void* Heap::Allocate(std::size_t size, std::size_t alignment) {
  if (arena < 0) {
    return alignment <= alignof(std::max_align_t)
               ? std::malloc(size != 0 ? size : 1)
               : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  }
  std::size_t& used = state.used[arena];
  std::size_t start = used + sizeof(Block);
  const std::size_t step = alignment < sizeof(Block) ? sizeof(Block) : alignment;
  start = (start + step - 1) / step * step;
  if (size > kArenaBytes || start + size > kArenaBytes) {
    Fail("the scenario needs more than 64 MiB of heap in one thread");
  }
  char* const block = state.memory + kArenaBytes * arena + start;
  used = start + size;
  Unpoison(block - sizeof(Block), sizeof(Block) + size);
  *reinterpret_cast<Block*>(block - sizeof(Block)) = {size, kLive};
  ++state.live;
  return block;
}

bool Heap::Free(void* pointer) {
  char* const block = static_cast<char*>(pointer);
  if (state.memory == nullptr || block < state.memory ||
      block >= state.memory + kArenaBytes * kMaxThreads) {
    return false;
  }
  Block& header = *reinterpret_cast<Block*>(block - sizeof(Block));
  if (header.state == kDead) Fail("memory is freed twice");
  if (header.state != kLive) Fail("what is freed is not the start of a block of this execution");
  header.state = kDead;
  --state.live;
  Unpoison(block, header.size);
  std::memset(block, kFreed, header.size < kLargestFill ? header.size : kLargestFill);
  return true;
}

int Heap::LiveBlocks() { return state.live; }

}  // namespace weft::model_internal

namespace {

void* AllocateOrThrow(std::size_t size, std::size_t alignment) {
  void* block = weft::model_internal::Heap::Allocate(size, alignment);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

void Free(void* block) noexcept {
  if (block != nullptr && !weft::model_internal::Heap::Free(block)) std::free(block);
}

}  // namespace

// The standard library defines the other forms by these.
void* operator new(std::size_t size) { return AllocateOrThrow(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return AllocateOrThrow(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* block) noexcept { Free(block); }
void operator delete(void* block, std::size_t) noexcept { Free(block); }
void operator delete(void* block, std::align_val_t) noexcept { Free(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { Free(block); }

// The standard library's arrays call the above; AddressSanitizer's do not.
void* operator new[](std::size_t size) { return ::operator new(size); }
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return ::operator new(size, alignment);
}
void operator delete[](void* block) noexcept { Free(block); }
void operator delete[](void* block, std::size_t) noexcept { Free(block); }
void operator delete[](void* block, std::align_val_t) noexcept { Free(block); }
void operator delete[](void* block, std::size_t, std::align_val_t) noexcept { Free(block); }

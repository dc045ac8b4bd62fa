#include "future/frame_cache.h"

#include <array>
#include <atomic>
#include <cstring>
#include <new>

#include "absl/base/thread_annotations.h"
#include "base/cache_line.h"
#include "base/mutex.h"

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

namespace weft::future_internal {
namespace {

// Classes of 16 bytes that end at 8 modulo 16: what malloc's own word leaves of its blocks.
constexpr std::size_t kClasses = kMaxCachedBytes / 16 + 1;
constexpr std::size_t ClassOf(std::size_t bytes) { return (bytes + 7) / 16; }
constexpr std::size_t BytesOf(std::size_t size_class) { return size_class * 16 + 8; }
static_assert(ClassOf(kMaxCachedBytes) == kClasses - 1 && BytesOf(kClasses - 1) == kMaxCachedBytes);

constexpr uint32_t kBatch = 32;
// What the depot keeps of each class.
constexpr std::size_t kDepotBytes = 128 * 1024;

// A free block.
struct Block {
  Block* next;
  Block* next_batch;  // of the first block of a batch in the depot
};
static_assert(sizeof(Block) <= BytesOf(1), "class 0 is not used");

void DeleteList(Block* list, std::size_t size_class) {
  while (list != nullptr) {
    Block* const next = list->next;
    ::operator delete(list, BytesOf(size_class));
    list = next;
  }
}

// Full batches, for any thread. On a line of its own: threads of one class need not meet another's.
class alignas(kCacheLineSize) Depot {
 public:
  static Depot& Get(std::size_t size_class) {
    static auto* const depots = new std::array<Depot, kClasses>;  // threads may outlive statics
    return (*depots)[size_class];
  }

  // Keeps a batch; returns false if there are enough.
  bool Put(Block* batch, std::size_t size_class) {
    MutexLock lock(&mutex_);
    const std::size_t count = count_.load(std::memory_order_relaxed);
    if (count * kBatch * BytesOf(size_class) >= kDepotBytes) return false;
    batch->next_batch = first_;
    first_ = batch;
    count_.store(count + 1, std::memory_order_relaxed);
    return true;
  }

  // A batch, or null.
  Block* Take() {
    // A thread that makes many tasks comes here for each: it shall meet the others only where there
    // is something to be had. Relaxed: to miss a batch of this moment does no harm.
    if (count_.load(std::memory_order_relaxed) == 0) return nullptr;
    MutexLock lock(&mutex_);
    Block* const batch = first_;
    if (batch != nullptr) {
      first_ = batch->next_batch;
      count_.store(count_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
    }
    return batch;
  }

 private:
  Mutex mutex_;
  Block* first_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::atomic<std::size_t> count_{0};  // written under the mutex
};

// A thread's free blocks of one class.
struct List {
  Block* first = nullptr;
  uint32_t count = kBatch;  // so that the first Free() of a thread comes to FreeSlowly()
  Block* spare = nullptr;   // a full batch
};

struct Cache {
  enum class Phase : unsigned char { kNew, kOpen, kClosed };

  List lists[kClasses];
  uint64_t bytes = 0;
  Phase phase = Phase::kNew;
};

// No constructor, no destructor: reached by one addition.
constinit thread_local Cache cache;

// Gives back what the thread has when it ends.
struct Closer {
  ~Closer() {
    cache.phase = Cache::Phase::kClosed;
    for (std::size_t i = 0; i < kClasses; ++i) {
      List& list = cache.lists[i];
      DeleteList(std::exchange(list.first, nullptr), i);
      DeleteList(std::exchange(list.spare, nullptr), i);
      list.count = kBatch;
    }
  }
};

// Prepares the thread's lists. Returns false when the thread is ending.
bool Open() {
  if (cache.phase == Cache::Phase::kNew) {
    thread_local Closer closer;
    static_cast<void>(closer);
    cache.phase = Cache::Phase::kOpen;
    for (List& list : cache.lists) list.count = 0;
  }
  return cache.phase == Cache::Phase::kOpen;
}

Block* Pop(List& list) {
  Block* const block = list.first;
  list.first = block->next;
  --list.count;
  return block;
}

void Push(List& list, void* memory) {
  auto* const block = ::new (memory) Block;  // next_batch is not set: one store less
  block->next = list.first;
  list.first = block;
  ++list.count;
}

[[gnu::noinline]] void* AllocateSlowly(List& list, std::size_t size_class) {
  if (Open()) {
    list.first = std::exchange(list.spare, nullptr);
    if (list.first == nullptr) list.first = Depot::Get(size_class).Take();
    if (list.first != nullptr) {
      list.count = kBatch;
      return Pop(list);
    }
  }
  return ::operator new(BytesOf(size_class));
}

[[gnu::noinline]] void FreeSlowly(List& list, std::size_t size_class, void* memory) {
  if (!Open()) return ::operator delete(memory, BytesOf(size_class));
  if (list.count == kBatch) {
    Block* const full = std::exchange(list.spare, std::exchange(list.first, nullptr));
    list.count = 0;
    if (full != nullptr && !Depot::Get(size_class).Put(full, size_class)) {
      DeleteList(full, size_class);
    }
  }
  Push(list, memory);
}

}  // namespace

void* AllocateFrame(std::size_t bytes) {
  cache.bytes += bytes;
  if (WEFT_FRAME_CACHE == 0 || bytes > kMaxCachedBytes) return ::operator new(bytes);
  const std::size_t size_class = ClassOf(bytes);
  List& list = cache.lists[size_class];
  if (list.first == nullptr) [[unlikely]]
    return AllocateSlowly(list, size_class);
  return Pop(list);
}

void FreeFrame(void* memory, std::size_t bytes) noexcept {
  if (WEFT_FRAME_CACHE == 0 || bytes > kMaxCachedBytes) return ::operator delete(memory, bytes);
  const std::size_t size_class = ClassOf(bytes);
  List& list = cache.lists[size_class];
  if (list.count == kBatch) [[unlikely]]
    return FreeSlowly(list, size_class, memory);
  Push(list, memory);
}

void* AllocateFrameFrom(std::pmr::memory_resource* resource, std::size_t bytes) {
  cache.bytes += bytes;
  void* const memory = resource->allocate(bytes + sizeof(resource));
  std::memcpy(static_cast<char*>(memory) + bytes, &resource, sizeof(resource));
  return memory;
}

void FreeFrameFrom(void* memory, std::size_t bytes) noexcept {
  std::pmr::memory_resource* resource;
  std::memcpy(&resource, static_cast<char*>(memory) + bytes, sizeof(resource));
  resource->deallocate(memory, bytes + sizeof(resource));
}

bool FramesAreCached() { return WEFT_FRAME_CACHE != 0; }

uint64_t FrameBytesAllocated() { return cache.bytes; }

}  // namespace weft::future_internal

#include "future/frame_cache.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory_resource>
#include <new>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "base/cache_line.h"
#include "base/mutex.h"

namespace weft::future_internal {
namespace {

constexpr std::size_t BytesOf(std::size_t size_class) { return size_class * 16 + 8; }
static_assert(BytesOf(kFrameClasses - 1) == kMaxCachedBytes);

constexpr uint32_t kBatch = 32;
// What the depot keeps, and some batches more where threads come at the same time.
constexpr std::size_t kDepotBytes = 1024 * 1024;

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

// Full batches of all classes, for any thread.
class Depot {
 public:
  static Depot& Get() {
    static auto* const depot = new Depot;  // threads may outlive statics
    return *depot;
  }

  // Keeps a batch; returns false if there is enough.
  bool Put(Block* batch, std::size_t size_class) {
    const std::size_t bytes = kBatch * BytesOf(size_class);
    if (bytes_.fetch_add(bytes, std::memory_order_relaxed) >= kDepotBytes) {
      bytes_.fetch_sub(bytes, std::memory_order_relaxed);
      return false;
    }
    Shelf& shelf = shelves_[size_class];
    MutexLock lock(&shelf.mutex);
    batch->next_batch = shelf.first;
    shelf.first = batch;
    shelf.has_some.store(true, std::memory_order_relaxed);
    return true;
  }

  // A batch, or null.
  Block* Take(std::size_t size_class) {
    Shelf& shelf = shelves_[size_class];
    // A thread that makes many tasks comes here for each: it shall meet the others only where there
    // is something to be had. Relaxed: to miss a batch of this moment does no harm.
    if (!shelf.has_some.load(std::memory_order_relaxed)) return nullptr;
    MutexLock lock(&shelf.mutex);
    Block* const batch = shelf.first;
    if (batch != nullptr) {
      shelf.first = batch->next_batch;
      shelf.has_some.store(shelf.first != nullptr, std::memory_order_relaxed);
      bytes_.fetch_sub(kBatch * BytesOf(size_class), std::memory_order_relaxed);
    }
    return batch;
  }

  std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  // On a line of its own: threads of one class need not meet another's.
  struct alignas(kCacheLineSize) Shelf {
    Mutex mutex;
    Block* first ABSL_GUARDED_BY(mutex) = nullptr;
    std::atomic<bool> has_some{false};  // written under the mutex
  };

  std::array<Shelf, kFrameClasses> shelves_;
  std::atomic<std::size_t> bytes_{0};
};

// A thread's free blocks of one class.
struct List {
  Block* first = nullptr;
  uint32_t count = kBatch;  // so that the first block that a thread frees comes to PushSlowly()
  Block* spare = nullptr;   // a full batch
};

struct Cache {
  enum class Phase : unsigned char { kNew, kOpen, kClosed };

  List lists[kFrameClasses];
  std::uint64_t bytes = 0;  // asked for while there was a meter
  int meters = 0;
  Phase phase = Phase::kNew;
};

// No constructor, no destructor: reached by one addition.
constinit thread_local Cache cache;

void SetSlots() {
  const bool is_open = cache.phase == Cache::Phase::kOpen && cache.meters == 0;
  for (std::size_t i = 0; i < kFrameClasses; ++i) {
    const std::uintptr_t block = std::exchange(frame_slots[i], is_open ? kNoBlock : kShut);
    if (block > kNoBlock) ::operator delete(reinterpret_cast<void*>(block), BytesOf(i));
  }
}

// Gives back what the thread has when it ends.
struct Closer {
  ~Closer() {
    cache.phase = Cache::Phase::kClosed;
    SetSlots();
    for (std::size_t i = 0; i < kFrameClasses; ++i) {
      List& list = cache.lists[i];
      DeleteList(std::exchange(list.first, nullptr), i);
      DeleteList(std::exchange(list.spare, nullptr), i);
      list.count = kBatch;
    }
  }
};

// Prepares the thread's lists and slots. Returns false when the thread is ending.
bool Open() {
  if (cache.phase == Cache::Phase::kNew) {
    thread_local Closer closer;
    static_cast<void>(closer);
    cache.phase = Cache::Phase::kOpen;
    SetSlots();
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

[[gnu::noinline]] void* PopSlowly(List& list, std::size_t size_class) {
  if (Open()) {
    list.first = std::exchange(list.spare, nullptr);
    if (list.first == nullptr) list.first = Depot::Get().Take(size_class);
    if (list.first != nullptr) {
      list.count = kBatch;
      return Pop(list);
    }
  }
  return ::operator new(BytesOf(size_class));
}

[[gnu::noinline]] void PushSlowly(List& list, std::size_t size_class, void* memory) {
  if (!Open()) return ::operator delete(memory, BytesOf(size_class));
  if (list.count == kBatch) {
    Block* const full = std::exchange(list.spare, std::exchange(list.first, nullptr));
    list.count = 0;
    if (full != nullptr && !Depot::Get().Put(full, size_class)) {
      DeleteList(full, size_class);
    }
  }
  Push(list, memory);
}

}  // namespace

constinit thread_local std::uintptr_t frame_slots[kFrameClasses] = {};  // all kShut

void* AllocateFrameSlowly(std::size_t bytes) {
  if (cache.meters != 0) cache.bytes += bytes;
  if (!kFramesAreCached || bytes > kMaxCachedBytes) return ::operator new(bytes);
  const std::size_t size_class = FrameClassOf(bytes);
  List& list = cache.lists[size_class];
  if (list.first == nullptr) [[unlikely]]
    return PopSlowly(list, size_class);
  return Pop(list);
}

void FreeFrameSlowly(void* memory, std::size_t bytes) noexcept {
  if (!kFramesAreCached || bytes > kMaxCachedBytes) return ::operator delete(memory, bytes);
  const std::size_t size_class = FrameClassOf(bytes);
  List& list = cache.lists[size_class];
  if (list.count == kBatch) [[unlikely]]
    return PushSlowly(list, size_class, memory);
  Push(list, memory);
}

void* AllocateFrameFrom(std::pmr::memory_resource* resource, std::size_t bytes) {
  if (cache.meters != 0) cache.bytes += bytes;
  void* const memory = resource->allocate(bytes + sizeof(resource));
  std::memcpy(static_cast<char*>(memory) + bytes, &resource, sizeof(resource));
  return memory;
}

void FreeFrameFrom(void* memory, std::size_t bytes) noexcept {
  std::pmr::memory_resource* resource;
  std::memcpy(&resource, static_cast<char*>(memory) + bytes, sizeof(resource));
  resource->deallocate(memory, bytes + sizeof(resource));
}

std::size_t FrameDepotBytes() { return Depot::Get().bytes(); }

FrameMeter::FrameMeter() : before_(cache.bytes) {
  ++cache.meters;
  SetSlots();
}

FrameMeter::~FrameMeter() {
  --cache.meters;
  SetSlots();
}

std::size_t FrameMeter::bytes() const { return static_cast<std::size_t>(cache.bytes - before_); }

}  // namespace weft::future_internal

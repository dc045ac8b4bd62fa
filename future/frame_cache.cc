#include "future/frame_cache.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory_resource>
#include <new>
#include <tuple>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "base/cache_line.h"
#include "base/mutex.h"
#include "future/internal/frame_slabs.h"

namespace weft::future_internal {
namespace {

constexpr std::size_t BytesOf(std::size_t size_class) { return size_class * 16; }
static_assert(BytesOf(kFrameClasses - 1) == kMaxCachedBytes);

constexpr uint32_t kBatch = 32;

// What the shelves keep, and some batches more where threads come at the same time.
constexpr std::size_t kShelfBytes = 1024 * 1024;

// What all threads share: shelves of full batches, which are passed on as they are, and slabs.
class Depot {
 public:
  static Depot& Get() {
    static auto* const depot = new Depot;  // threads may outlive statics
    return *depot;
  }

  Depot() {
    for (std::size_t i = 0; i < kFrameClasses; ++i) classes_[i].slabs.SetBlockBytes(BytesOf(i));
  }

  // At most `most` blocks, and at least one, and their number.
  std::pair<FreeBlock*, uint32_t> Take(std::size_t size_class, uint32_t most) {
    Class& own = classes_[size_class];
    // Relaxed: to miss a batch of this moment does no harm.
    if (most == kBatch && own.has_batch.load(std::memory_order_relaxed)) {
      const SpinningLock lock(&own.mutex);
      if (FreeBlock* const batch = own.batches) {
        own.batches = batch->next_batch;
        own.has_batch.store(own.batches != nullptr, std::memory_order_relaxed);
        shelf_bytes_.fetch_sub(kBatch * BytesOf(size_class), std::memory_order_relaxed);
        return {batch, kBatch};
      }
    }
    return own.slabs.Take(most);
  }

  // A full batch.
  void PutBatch(FreeBlock* batch, std::size_t size_class) noexcept {
    Class& own = classes_[size_class];
    const std::size_t bytes = kBatch * BytesOf(size_class);
    if (shelf_bytes_.fetch_add(bytes, std::memory_order_relaxed) >= kShelfBytes) {
      shelf_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
      return own.slabs.Give(batch);
    }
    const SpinningLock lock(&own.mutex);
    batch->next_batch = std::exchange(own.batches, batch);
    own.has_batch.store(true, std::memory_order_relaxed);
  }

  // Any list, which may be empty.
  void Put(FreeBlock* blocks, std::size_t size_class) noexcept {
    if (blocks != nullptr) classes_[size_class].slabs.Give(blocks);
  }

  std::size_t shelf_bytes() const { return shelf_bytes_.load(std::memory_order_relaxed); }

 private:
  // On lines of its own: threads of one class need not meet another's.
  struct alignas(kCacheLineSize) Class {
    Mutex mutex;
    FreeBlock* batches ABSL_GUARDED_BY(mutex) = nullptr;
    std::atomic<bool> has_batch{false};  // written under the mutex
    FrameSlabs slabs;
  };

  std::array<Class, kFrameClasses> classes_;
  std::atomic<std::size_t> shelf_bytes_{0};
};

// A thread's free blocks of one class.
struct List {
  FreeBlock* first = nullptr;
  uint32_t count = kBatch;     // so that the first block that a thread frees comes to PushSlowly()
  FreeBlock* spare = nullptr;  // a full batch
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

void PutOne(void* memory, std::size_t size_class) noexcept {
  Depot::Get().Put(::new (memory) FreeBlock{.next = nullptr, .next_batch = nullptr}, size_class);
}

void SetSlots() {
  const bool is_open = cache.phase == Cache::Phase::kOpen && cache.meters == 0;
  for (std::size_t i = 0; i < kFrameClasses; ++i) {
    const std::uintptr_t block = std::exchange(frame_slots[i], is_open ? kNoBlock : kShut);
    if (block > kNoBlock) PutOne(reinterpret_cast<void*>(block), i);
  }
}

// Gives back what the thread has when it ends.
struct Closer {
  ~Closer() {
    cache.phase = Cache::Phase::kClosed;
    SetSlots();
    for (std::size_t i = 0; i < kFrameClasses; ++i) {
      List& list = cache.lists[i];
      Depot::Get().Put(std::exchange(list.first, nullptr), i);
      Depot::Get().Put(std::exchange(list.spare, nullptr), i);
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

FreeBlock* Pop(List& list) {
  FreeBlock* const block = list.first;
  list.first = block->next;
  --list.count;
  return block;
}

void Push(List& list, void* memory) {
  auto* const block = ::new (memory) FreeBlock;  // next_batch is not set: one store less
  block->next = list.first;
  list.first = block;
  ++list.count;
}

[[gnu::noinline]] void* PopSlowly(List& list, std::size_t size_class) {
  if (!Open()) return Depot::Get().Take(size_class, 1).first;
  if (list.spare != nullptr) {
    list.first = std::exchange(list.spare, nullptr);
    list.count = kBatch;
  } else {
    std::tie(list.first, list.count) = Depot::Get().Take(size_class, kBatch);
  }
  return Pop(list);
}

[[gnu::noinline]] void PushSlowly(List& list, std::size_t size_class, void* memory) noexcept {
  if (!Open()) return PutOne(memory, size_class);
  if (list.count == kBatch) {
    FreeBlock* const full = std::exchange(list.spare, std::exchange(list.first, nullptr));
    list.count = 0;
    if (full != nullptr) Depot::Get().PutBatch(full, size_class);
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

std::size_t FrameSlabBytes() { return FrameSlabs::TotalBytes(); }

std::size_t FrameShelfBytes() { return Depot::Get().shelf_bytes(); }

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

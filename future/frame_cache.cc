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
#include "future/internal/frame_slabs.h"

namespace weft::future_internal {
namespace {

constexpr std::size_t BytesOf(std::size_t size_class) { return size_class * 16; }
static_assert(BytesOf(kFrameClasses - 1) == kMaxCachedBytes);

constexpr uint32_t kBatch = kMostInFrameList;

// What the shelves keep, and some batches more where threads come at the same time.
constexpr std::size_t kShelfBytes = 1024 * 1024;

// What lies at the end of a list. On a line of its own: it is read wherever a list is empty.
struct alignas(kCacheLineSize) ListEnds {
  FreeBlock open = {.next = nullptr, .count = 0};
  FreeBlock shut = {.next = nullptr, .count = kMostInFrameList};
};
constinit ListEnds ends;

// What threads share behind their lists: shelves of full batches, which are passed on as they are,
// and slabs. Each thread has one of these for its home.
//
// Happens-before edge:
//   (1) a depot is made (release) -> whoever looks for batches in all of them (acquire).
class Depot {
 public:
  // That of the thread that is calling; threads get the homes in turn.
  static Depot& OfNewThread() {
    static std::atomic<std::size_t> threads{0};
    // Relaxed: only a number.
    return Of(threads.fetch_add(1, std::memory_order_relaxed) % FrameSlabs::kHomes);
  }
  static Depot& Of(std::size_t home) {
    static Mutex mutex;
    const MutexLock lock(&mutex);
    Depot* depot = depots_[home].load(std::memory_order_relaxed);  // written under the lock
    if (depot == nullptr) {
      depot = new Depot(home);                                // threads may outlive statics
      depots_[home].store(depot, std::memory_order_release);  // (1)
    }
    return *depot;
  }

  // A list of at most `most` blocks, and at least one.
  FreeBlock* Take(std::size_t size_class, uint32_t most) {
    if (most == kBatch) {
      for (std::size_t i = 0; i < FrameSlabs::kHomes; ++i) {
        Depot* const depot =
            depots_[(home_ + i) % FrameSlabs::kHomes].load(std::memory_order_acquire);  // (1)
        if (depot == nullptr) continue;
        if (FreeBlock* const batch = depot->TakeBatch(size_class)) return batch;
      }
    }
    return classes_[size_class].slabs.Take(most, &ends.open).first;
  }

  // A full batch.
  void PutBatch(FreeBlock* batch, std::size_t size_class) noexcept {
    Class& own = classes_[size_class];
    const std::size_t bytes = kBatch * BytesOf(size_class);
    if (shelf_bytes_.fetch_add(bytes, std::memory_order_relaxed) >= kShelfBytes) {
      shelf_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
      return FrameSlabs::Give(batch, &ends.open);
    }
    const SpinningLock lock(&own.mutex);
    batch->next_batch = std::exchange(own.batches, batch);
    own.has_batch.store(true, std::memory_order_relaxed);
  }

  // What the shelves of all homes hold. A moment's truth.
  static std::size_t ShelfBytes() {
    std::size_t bytes = 0;
    for (const std::atomic<Depot*>& depot : depots_) {
      const Depot* const made = depot.load(std::memory_order_acquire);  // (1)
      if (made != nullptr) bytes += made->shelf_bytes_.load(std::memory_order_relaxed);
    }
    return bytes;
  }

 private:
  // On lines of its own: threads of one class need not meet another's.
  struct alignas(kCacheLineSize) Class {
    Mutex mutex;
    FreeBlock* batches ABSL_GUARDED_BY(mutex) = nullptr;
    std::atomic<bool> has_batch{false};  // written under the mutex
    FrameSlabs slabs;
  };

  explicit Depot(std::size_t home) : home_(home) {
    for (std::size_t i = 0; i < kFrameClasses; ++i) classes_[i].slabs.SetUp(BytesOf(i), home);
  }

  // Null: there is none.
  FreeBlock* TakeBatch(std::size_t size_class) {
    Class& own = classes_[size_class];
    // Relaxed: to miss a batch of this moment does no harm.
    if (!own.has_batch.load(std::memory_order_relaxed)) return nullptr;
    const SpinningLock lock(&own.mutex);
    FreeBlock* const batch = own.batches;
    if (batch == nullptr) return nullptr;
    own.batches = batch->next_batch;
    own.has_batch.store(own.batches != nullptr, std::memory_order_relaxed);
    shelf_bytes_.fetch_sub(kBatch * BytesOf(size_class), std::memory_order_relaxed);
    batch->count = kBatch;
    return batch;
  }

  static constinit std::array<std::atomic<Depot*>, FrameSlabs::kHomes> depots_;

  const std::size_t home_;
  std::array<Class, kFrameClasses> classes_;
  std::atomic<std::size_t> shelf_bytes_{0};
};

constinit std::array<std::atomic<Depot*>, FrameSlabs::kHomes> Depot::depots_ = {};

struct Cache {
  enum class Phase : unsigned char { kNew, kOpen, kClosed };

  Depot* depot = nullptr;                 // once it is open
  FreeBlock* spares[kFrameClasses] = {};  // a full batch of a class, or null
  std::uint64_t bytes = 0;                // asked for while there was a meter
  int meters = 0;
  Phase phase = Phase::kNew;
};

// No constructor, no destructor: reached by one addition.
constinit thread_local Cache cache;

void PutOne(void* memory) noexcept {
  FrameSlabs::Give(::new (memory) FreeBlock{.next = &ends.open, .count = 1}, &ends.open);
}

// Opens the lists or shuts them, and gives back what is in them.
void SetLists() {
  const bool is_open = cache.phase == Cache::Phase::kOpen && cache.meters == 0;
  const FrameList empty = is_open ? FrameList{kNoBlock, &ends.open} : FrameList{kShut, &ends.shut};
  for (std::size_t i = 0; i < kFrameClasses; ++i) {
    const FrameList old = std::exchange(frame_lists[i], empty);
    if (old.slot > kNoBlock) PutOne(reinterpret_cast<void*>(old.slot));
    if (old.first->next != nullptr) FrameSlabs::Give(old.first, &ends.open);
  }
}

// Gives back what the thread has when it ends.
struct Closer {
  ~Closer() {
    cache.phase = Cache::Phase::kClosed;
    SetLists();
    for (FreeBlock*& spare : cache.spares) {
      if (spare != nullptr) FrameSlabs::Give(std::exchange(spare, nullptr), &ends.open);
    }
  }
};

// Prepares the thread's lists. Returns whether they are open.
bool Open() {
  if (cache.phase == Cache::Phase::kNew) {
    thread_local Closer closer;
    static_cast<void>(closer);
    cache.depot = &Depot::OfNewThread();
    cache.phase = Cache::Phase::kOpen;
    SetLists();
  }
  return cache.phase == Cache::Phase::kOpen && cache.meters == 0;
}

}  // namespace

constinit thread_local std::array<FrameList, kFrameClasses> frame_lists = [] {
  std::array<FrameList, kFrameClasses> lists;
  lists.fill({kShut, &ends.shut});
  return lists;
}();

void* AllocateFrameSlowly(std::size_t bytes) {
  if (cache.meters != 0) cache.bytes += bytes;
  if (!kFramesAreCached || bytes > kMaxCachedBytes) return ::operator new(bytes);
  const std::size_t size_class = FrameClassOf(bytes);
  if (!Open()) return Depot::Of(0).Take(size_class, 1);
  FreeBlock* block = std::exchange(cache.spares[size_class], nullptr);
  if (block == nullptr) block = cache.depot->Take(size_class, kBatch);
  frame_lists[size_class].first = block->next;
  return block;
}

void FreeFrameSlowly(void* memory, std::size_t bytes) noexcept {
  if (!kFramesAreCached || bytes > kMaxCachedBytes) return ::operator delete(memory, bytes);
  const std::size_t size_class = FrameClassOf(bytes);
  if (!Open()) return PutOne(memory);
  FreeBlock* const first = frame_lists[size_class].first;
  if (first->count == kBatch) {
    FreeBlock* const full = std::exchange(cache.spares[size_class], first);
    if (full != nullptr) cache.depot->PutBatch(full, size_class);
    frame_lists[size_class].first = &ends.open;
  }
  FreeFrame(memory, bytes);
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

std::size_t FrameShelfBytes() { return Depot::ShelfBytes(); }

FrameMeter::FrameMeter() : before_(cache.bytes) {
  ++cache.meters;
  SetLists();
}

FrameMeter::~FrameMeter() {
  --cache.meters;
  SetLists();
}

std::size_t FrameMeter::bytes() const { return static_cast<std::size_t>(cache.bytes - before_); }

}  // namespace weft::future_internal

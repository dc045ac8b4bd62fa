#include "future/internal/frame_slabs.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "base/backoff.h"
#include "base/check.h"

namespace weft::future_internal {

struct FrameSlabs::Slab : IntrusiveListNode<Slab> {
  static constexpr std::size_t kWords = 32;

  FrameSlabs* owner;
  uint32_t free;  // how many blocks are
  uint64_t bits[kWords];
};

namespace {

constexpr std::size_t kHeadBytes = 320;
constexpr std::size_t kMostBlocks =
    (FrameSlabs::kSlabBytes - kHeadBytes) / FrameSlabs::kLeastBlockBytes;

void* Map(std::size_t bytes) {
  void* const memory =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return memory;
}

// At a multiple of its size. Not by operator new, of which each would take twice as much: the
// system puts them side by side, so that the second one is where it should be.
void* MapSlab() {
  constexpr std::size_t kBytes = FrameSlabs::kSlabBytes;
  auto* memory = static_cast<char*>(Map(kBytes));
  const auto excess = [&] { return reinterpret_cast<std::uintptr_t>(memory) % kBytes; };
  if (excess() == 0) return memory;
  munmap(memory, kBytes);
  memory = static_cast<char*>(Map(2 * kBytes));
  const std::size_t before = kBytes - excess();
  munmap(memory, before);
  if (before < kBytes) munmap(memory + before + kBytes, kBytes - before);
  return memory + before;
}

// Memory for slabs, and what is kept of it.
class SlabMemory {
 public:
  static SlabMemory& Get() {
    static auto* const memory = new SlabMemory;  // threads may outlive statics
    return *memory;
  }

  // What was used at `home` last, if there is any.
  void* Allocate(std::size_t home) {
    {
      const SpinningLock lock(&mutex_);
      for (std::size_t i = 0; i < FrameSlabs::kHomes; ++i) {
        FreeBlock*& first = kept_[(home + i) % FrameSlabs::kHomes];
        if (first == nullptr) continue;
        kept_bytes_.fetch_sub(FrameSlabs::kSlabBytes, std::memory_order_relaxed);
        return std::exchange(first, first->next);
      }
    }
    void* const memory = MapSlab();
    total_bytes_.fetch_add(FrameSlabs::kSlabBytes, std::memory_order_relaxed);
    return memory;
  }

  void Free(void* memory, std::size_t home) noexcept {
    if (TryKeep(memory, home, FrameSlabs::kMostKeptBytes)) return;
    if (munmap(memory, FrameSlabs::kSlabBytes) == 0) {
      total_bytes_.fetch_sub(FrameSlabs::kSlabBytes, std::memory_order_relaxed);
    } else {
      // The system has no memory to note the gap.
      (void)TryKeep(memory, home, std::numeric_limits<std::size_t>::max());
    }
  }

  // Relaxed: for looking on.
  std::size_t total_bytes() const { return total_bytes_.load(std::memory_order_relaxed); }
  std::size_t kept_bytes() const { return kept_bytes_.load(std::memory_order_relaxed); }

 private:
  bool TryKeep(void* memory, std::size_t home, std::size_t most) noexcept {
    const SpinningLock lock(&mutex_);
    if (kept_bytes() >= most) return false;
    kept_[home] = ::new (memory) FreeBlock{.next = kept_[home], .count = 0};
    kept_bytes_.fetch_add(FrameSlabs::kSlabBytes, std::memory_order_relaxed);
    return true;
  }

  Mutex mutex_;
  std::array<FreeBlock*, FrameSlabs::kHomes> kept_ ABSL_GUARDED_BY(mutex_) = {};
  std::atomic<std::size_t> kept_bytes_{0};  // written under the mutex
  std::atomic<std::size_t> total_bytes_{0};
};

}  // namespace

SpinningLock::SpinningLock(Mutex* mutex) ABSL_NO_THREAD_SAFETY_ANALYSIS : mutex_(mutex) {
  for (SpinBackoff backoff; !backoff.IsSpent(); backoff.Spin()) {
    if (mutex_->TryLock()) return;
  }
  mutex_->Lock();
}

void FrameSlabs::SetUp(std::size_t bytes, std::size_t home) {
  static_assert(sizeof(Slab) <= kHeadBytes && kMostBlocks <= Slab::kWords * 64);
  home_ = home;
  block_bytes_ = std::max(bytes, kLeastBlockBytes);
  capacity_ = static_cast<uint32_t>((kSlabBytes - kHeadBytes) / block_bytes_);
  inverse_ = static_cast<uint32_t>(((uint64_t{1} << 32) + block_bytes_ - 1) / block_bytes_);
}

FrameSlabs::Slab* FrameSlabs::SlabOf(FreeBlock* block) {
  return reinterpret_cast<Slab*>(reinterpret_cast<std::uintptr_t>(block) & ~(kSlabBytes - 1));
}

uint32_t FrameSlabs::IndexOf(FreeBlock* block) const {
  const uint64_t offset = reinterpret_cast<std::uintptr_t>(block) % kSlabBytes - kHeadBytes;
  return static_cast<uint32_t>(offset * inverse_ >> 32);
}

FrameSlabs::Slab* FrameSlabs::MakeSlab() {
  auto* const slab = ::new (SlabMemory::Get().Allocate(home_)) Slab;
  slab->owner = this;
  slab->free = capacity_;
  std::memset(slab->bits, 0, sizeof(slab->bits));
  std::memset(slab->bits, 0xff, capacity_ / 64 * 8);
  slab->bits[capacity_ / 64] |= (uint64_t{1} << capacity_ % 64) - 1;
  roomy_.PushFront(slab);
  return slab;
}

std::pair<FreeBlock*, uint32_t> FrameSlabs::Take(uint32_t most, FreeBlock* end) {
  FreeBlock* first = nullptr;
  FreeBlock** last = &first;
  uint32_t left = most;
  const SpinningLock lock(&mutex_);
  while (left > 0) {
    Slab* slab = roomy_.Front();
    if (slab == nullptr) {
      if (left < most) break;
      slab = MakeSlab();
    }
    const uint32_t rest = left - std::min(left, slab->free);
    slab->free -= left - rest;
    if (slab->free == 0) slab->Unlink();
    char* blocks = reinterpret_cast<char*>(slab) + kHeadBytes;
    for (uint64_t* word = slab->bits; left > rest; ++word, blocks += 64 * block_bytes_) {
      uint64_t bits = *word;
      for (; bits != 0 && left > rest; --left, bits &= bits - 1) {
        const auto index = static_cast<std::size_t>(std::countr_zero(bits));
        auto* const block = ::new (blocks + index * block_bytes_) FreeBlock;
        block->count = left;
        *last = block;
        last = &block->next;
      }
      *word = bits;
    }
  }
  *last = end;
  for (FreeBlock* block = first; left > 0 && block != end; block = block->next) {
    block->count -= left;  // there were fewer
  }
  return {first, most - left};
}

void FrameSlabs::Give(FreeBlock* blocks, const FreeBlock* end) noexcept {
  while (blocks != end) blocks = SlabOf(blocks)->owner->GiveOwn(blocks, end);
}

FreeBlock* FrameSlabs::GiveOwn(FreeBlock* blocks, const FreeBlock* end) noexcept {
  const SpinningLock lock(&mutex_);
  while (blocks != end && SlabOf(blocks)->owner == this) {
    // One slab after the other, and in it one word: most often there is but one.
    Slab* const slab = SlabOf(blocks);
    uint32_t count = 0;
    do {
      const uint32_t word = IndexOf(blocks) / 64;
      uint64_t bits = 0;
      do {
        bits |= uint64_t{1} << IndexOf(blocks) % 64;
        ++count;
        blocks = blocks->next;
      } while (blocks != end && SlabOf(blocks) == slab && IndexOf(blocks) / 64 == word);
      WEFT_DCHECK((slab->bits[word] & bits) == 0) << "a coroutine frame or a task was freed twice";
      slab->bits[word] |= bits;
    } while (blocks != end && SlabOf(blocks) == slab);
    // First in the list: what was used last is in the processor's cache.
    if (slab->free == 0) roomy_.PushFront(slab);
    slab->free += count;
    if (slab->free == capacity_) {
      slab->Unlink();
      slab->~Slab();
      SlabMemory::Get().Free(slab, home_);
    }
  }
  return blocks;
}

std::size_t FrameSlabs::TotalBytes() { return SlabMemory::Get().total_bytes(); }

std::size_t FrameSlabs::KeptBytes() { return SlabMemory::Get().kept_bytes(); }

}  // namespace weft::future_internal

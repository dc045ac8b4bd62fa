#include "future/process_counts.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "base/cache_line.h"
#include "base/mutex.h"
#include "base/owner_counter.h"

namespace weft {
namespace {

// The counters of one thread, and after its end of another: nothing is ever counted out. A thread
// writes its own cache lines.
struct alignas(kCacheLineSize) Block {
  std::array<OwnerCounter, kProcessCounts> counts;
  Block* next = nullptr;       // of all blocks
  Block* next_free = nullptr;  // of those that no thread has
};

class Blocks {
 public:
  static Blocks& Get() {
    static auto* const blocks = new Blocks;  // threads may outlive statics
    return *blocks;
  }

  // Null: there is no memory.
  Block* Take() {
    MutexLock lock(&mutex_);
    if (free_ != nullptr) return std::exchange(free_, free_->next_free);
    auto* const block = new (std::nothrow) Block{.counts = {}, .next = first_};
    if (block != nullptr) first_ = block;
    return block;
  }

  void GiveBack(Block* block) {
    MutexLock lock(&mutex_);
    block->next_free = std::exchange(free_, block);
  }

  // For a thread that has no block: it has given it back already, or there was no memory.
  void CountHere(std::size_t which) {
    MutexLock lock(&mutex_);
    shared_[which].Add(1);
  }

  std::array<uint64_t, kProcessCounts> Sums() {
    std::array<uint64_t, kProcessCounts> sums;
    MutexLock lock(&mutex_);
    for (std::size_t i = 0; i < kProcessCounts; ++i) sums[i] = shared_[i].Get();
    for (const Block* block = first_; block != nullptr; block = block->next) {
      for (std::size_t i = 0; i < kProcessCounts; ++i) sums[i] += block->counts[i].Get();
    }
    return sums;
  }

 private:
  Mutex mutex_;
  Block* first_ ABSL_GUARDED_BY(mutex_) = nullptr;
  Block* free_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::array<OwnerCounter, kProcessCounts> shared_ ABSL_GUARDED_BY(mutex_);
};

// No constructor, no destructor: reached by one addition.
constinit thread_local Block* own_block = nullptr;
constinit thread_local bool is_ending = false;

// Gives the thread's block back when the thread ends.
struct Closer {
  ~Closer() {
    is_ending = true;
    Blocks::Get().GiveBack(std::exchange(own_block, nullptr));
  }
};

[[gnu::noinline]] void CountSlowly(std::size_t which) {
  if (!is_ending) own_block = Blocks::Get().Take();
  if (own_block == nullptr) return Blocks::Get().CountHere(which);
  thread_local Closer closer;
  static_cast<void>(closer);
  own_block->counts[which].Add(1);
}

}  // namespace

void future_internal::Count(ProcessCount which) {
  const auto index = static_cast<std::size_t>(which);
  if (own_block == nullptr) [[unlikely]]
    return CountSlowly(index);
  own_block->counts[index].Add(1);
}

ProcessCounts ReadProcessCounts() {
  ProcessCounts counts;
  counts.counts_ = Blocks::Get().Sums();
  return counts;
}

}  // namespace weft

#include "future/process_counts.h"

#include <array>
#include <cstddef>
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

  Block* Take() {
    MutexLock lock(&mutex_);
    if (free_ != nullptr) return std::exchange(free_, free_->next_free);
    return first_ = new Block{.counts = {}, .next = first_};
  }

  void GiveBack(Block* block) {
    MutexLock lock(&mutex_);
    block->next_free = std::exchange(free_, block);
  }

  // For a thread that has given its block back already.
  void CountLate(std::size_t which) {
    MutexLock lock(&mutex_);
    late_[which].Add(1);
  }

  uint64_t Sum(std::size_t which) {
    MutexLock lock(&mutex_);
    uint64_t sum = late_[which].Get();
    for (const Block* block = first_; block != nullptr; block = block->next) {
      sum += block->counts[which].Get();
    }
    return sum;
  }

 private:
  Mutex mutex_;
  Block* first_ ABSL_GUARDED_BY(mutex_) = nullptr;
  Block* free_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::array<OwnerCounter, kProcessCounts> late_ ABSL_GUARDED_BY(mutex_);
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
  if (is_ending) return Blocks::Get().CountLate(which);
  own_block = Blocks::Get().Take();
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
  for (std::size_t i = 0; i < kProcessCounts; ++i) counts.counts_[i] = Blocks::Get().Sum(i);
  return counts;
}

}  // namespace weft

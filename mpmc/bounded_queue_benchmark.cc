// Shapes: uncontended (push + pop on one thread) and mpmc_balanced (every thread pushes one and
// pops one). Rival: a mutex around a std::deque with the same bound.
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>

#include "benchmark/benchmark.h"
#include "mpmc/bounded_queue.h"

namespace weft {
namespace {

constexpr std::size_t kCapacity = 1024;

class MutexDeque {
 public:
  bool TryPush(uint64_t value) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (values_.size() == kCapacity) return false;
    values_.push_back(value);
    return true;
  }
  std::optional<uint64_t> TryPop() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (values_.empty()) return std::nullopt;
    const uint64_t value = values_.front();
    values_.pop_front();
    return value;
  }

 private:
  std::mutex mutex_;
  std::deque<uint64_t> values_;
};

class Ours {
 public:
  bool TryPush(uint64_t value) { return queue_.TryPush(value).ok(); }
  std::optional<uint64_t> TryPop() { return queue_.TryPop(); }

 private:
  BoundedQueue<uint64_t> queue_{kCapacity};
};

// One queue per benchmark, shared by its threads.
template <typename Queue>
void PushPop(benchmark::State& state) {
  static Queue queue;
  for (auto _ : state) {
    benchmark::DoNotOptimize(queue.TryPush(1));
    benchmark::DoNotOptimize(queue.TryPop());
  }
  state.SetItemsProcessed(state.iterations());
}

void BM_BoundedQueue_PushPop(benchmark::State& state) { PushPop<Ours>(state); }
void BM_MutexDeque_PushPop(benchmark::State& state) { PushPop<MutexDeque>(state); }

BENCHMARK(BM_BoundedQueue_PushPop)->Threads(1)->Threads(2)->Threads(4)->UseRealTime();
BENCHMARK(BM_MutexDeque_PushPop)->Threads(1)->Threads(2)->Threads(4)->UseRealTime();

}  // namespace
}  // namespace weft

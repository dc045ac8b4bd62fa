// Shapes: uncontended (push + pop on one thread) and mpmc_balanced (every thread pushes one and
// pops one), for each kind of call and of queue; bulk, an item. Rival: a mutex around a std::deque
// with the same bound; queues of others: rivals_benchmark.
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <span>

#include "benchmark/benchmark.h"
#include "mpmc/bounded_queue.h"
#include "mpmc/byte_bounded_queue.h"
#include "mpmc/queue_shape.h"

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

// A way to use a queue.
template <typename Queue>
class Polled {
 public:
  bool TryPush(uint64_t value) { return queue_.PollPush(value).ok(); }
  std::optional<uint64_t> TryPop() { return queue_.PollPop(); }

 private:
  Queue queue_{kCapacity};
};

// One claim for `state.range(0)` values.
void BM_BoundedQueue_Bulk(benchmark::State& state) {
  BoundedQueue<uint64_t> queue(kCapacity);
  std::array<uint64_t, 64> values{};
  const std::span<uint64_t> some(values.data(), static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    benchmark::DoNotOptimize(queue.TryPushBulk(some).count);
    benchmark::DoNotOptimize(queue.TryPopBulk(some).count);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void BM_ByteBoundedQueue_PushPop(benchmark::State& state) {
  ByteBoundedQueue<uint64_t> queue({.max_bytes = 8 * kCapacity, .capacity = kCapacity});
  for (auto _ : state) {
    benchmark::DoNotOptimize(queue.TryPush({1, 8}).ok());
    benchmark::DoNotOptimize(queue.TryPop().ok());
  }
  state.SetItemsProcessed(state.iterations());
}

void BM_BoundedQueue_PushPop(benchmark::State& state) { PushPop<Ours>(state); }
void BM_BoundedQueue_PollPushPop(benchmark::State& state) {
  PushPop<Polled<BoundedQueue<uint64_t>>>(state);
}
void BM_BoundedQueue_PaddedPushPop(benchmark::State& state) {
  PushPop<Polled<BoundedQueue<uint64_t, QueueSlots::kPadded>>>(state);
}
void BM_BoundedMpscQueue_PushPop(benchmark::State& state) {
  PushPop<Polled<BoundedMpscQueue<uint64_t>>>(state);
}
void BM_MutexDeque_PushPop(benchmark::State& state) { PushPop<MutexDeque>(state); }

BENCHMARK(BM_BoundedQueue_PushPop)->Threads(1)->Threads(2)->Threads(4)->UseRealTime();
BENCHMARK(BM_BoundedQueue_PollPushPop)->Threads(1)->Threads(2)->Threads(4)->UseRealTime();
BENCHMARK(BM_BoundedQueue_PaddedPushPop)->Threads(1)->Threads(2)->Threads(4)->UseRealTime();
BENCHMARK(BM_BoundedMpscQueue_PushPop);
BENCHMARK(BM_ByteBoundedQueue_PushPop);
BENCHMARK(BM_BoundedQueue_Bulk)->Arg(1)->Arg(8)->Arg(64);
BENCHMARK(BM_MutexDeque_PushPop)->Threads(1)->Threads(2)->Threads(4)->UseRealTime();

}  // namespace
}  // namespace weft

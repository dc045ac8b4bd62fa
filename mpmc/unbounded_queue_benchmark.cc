// Shapes: uncontended (push + pop on one thread), mpmc_balanced (every thread pushes one and pops
// one), stream (half of the threads push, half pop), burst (many pushes, then as many pops), bulk,
// poll_empty. Rival: a mutex around a std::deque.
#include <array>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "base/backoff.h"
#include "benchmark/benchmark.h"
#include "mpmc/unbounded_queue.h"

namespace weft {
namespace {

class MutexDeque {
 public:
  void Push(uint64_t value) {
    std::lock_guard<std::mutex> lock(mutex_);
    values_.push_back(value);
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

// One queue per benchmark, shared by its threads.
template <typename Queue>
void PushPop(benchmark::State& state) {
  static Queue queue;
  for (auto _ : state) {
    static_cast<void>(queue.Push(1));
    benchmark::DoNotOptimize(queue.TryPop());
  }
  state.SetItemsProcessed(state.iterations());
}

// Even threads push one value an iteration, odd threads pop one.
template <typename Queue>
void Stream(benchmark::State& state) {
  static Queue queue;
  for (auto _ : state) {
    if (state.thread_index() % 2 == 0) {
      static_cast<void>(queue.Push(1));
      continue;
    }
    SpinBackoff backoff;
    while (!queue.TryPop().has_value()) {
      if (backoff.IsSpent()) {
        std::this_thread::yield();
      } else {
        backoff.Spin();
      }
    }
  }
  state.SetItemsProcessed(state.thread_index() % 2 == 0 ? state.iterations() : 0);
}

template <typename Queue>
void Burst(benchmark::State& state) {
  Queue queue;
  for (auto _ : state) {
    for (int64_t i = 0; i < state.range(0); ++i) static_cast<void>(queue.Push(1));
    for (int64_t i = 0; i < state.range(0); ++i) benchmark::DoNotOptimize(queue.TryPop());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

template <typename Queue>
void PollEmpty(benchmark::State& state) {
  static Queue queue;
  for (auto _ : state) benchmark::DoNotOptimize(queue.TryPop());
}

void BM_UnboundedQueue_PushPop(benchmark::State& state) {
  PushPop<UnboundedQueue<uint64_t>>(state);
}
void BM_MutexDeque_PushPop(benchmark::State& state) { PushPop<MutexDeque>(state); }
void BM_UnboundedQueue_Stream(benchmark::State& state) { Stream<UnboundedQueue<uint64_t>>(state); }
void BM_MutexDeque_Stream(benchmark::State& state) { Stream<MutexDeque>(state); }
void BM_UnboundedQueue_Burst(benchmark::State& state) { Burst<UnboundedQueue<uint64_t>>(state); }
void BM_MutexDeque_Burst(benchmark::State& state) { Burst<MutexDeque>(state); }
void BM_UnboundedQueue_PollEmpty(benchmark::State& state) {
  PollEmpty<UnboundedQueue<uint64_t>>(state);
}
void BM_MutexDeque_PollEmpty(benchmark::State& state) { PollEmpty<MutexDeque>(state); }

// Sixteen values by one push and by one pop.
void BM_UnboundedQueue_Bulk(benchmark::State& state) {
  UnboundedQueue<uint64_t> queue;
  std::array<uint64_t, 16> values{};
  for (auto _ : state) {
    benchmark::DoNotOptimize(queue.PushBulk(values));
    benchmark::DoNotOptimize(queue.TryPopBulk(values));
  }
  state.SetItemsProcessed(state.iterations() * 16);
}

BENCHMARK(BM_UnboundedQueue_PushPop)->Threads(1)->Threads(2)->Threads(4)->UseRealTime();
BENCHMARK(BM_MutexDeque_PushPop)->Threads(1)->Threads(2)->Threads(4)->UseRealTime();
BENCHMARK(BM_UnboundedQueue_Stream)->Threads(2)->Threads(4)->Threads(8)->UseRealTime();
BENCHMARK(BM_MutexDeque_Stream)->Threads(2)->Threads(4)->Threads(8)->UseRealTime();
BENCHMARK(BM_UnboundedQueue_Burst)->Arg(100000);
BENCHMARK(BM_MutexDeque_Burst)->Arg(100000);
BENCHMARK(BM_UnboundedQueue_Bulk);
BENCHMARK(BM_UnboundedQueue_PollEmpty);
BENCHMARK(BM_MutexDeque_PollEmpty);

}  // namespace
}  // namespace weft

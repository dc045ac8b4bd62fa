// Shapes: uncontended (push + pop on one thread), stream (one thread pushes, one pops, capacity
// 1024), pingpong (a value goes to the other thread and back; raw_line is the same by two bare
// words), bulk.
#include <array>
#include <atomic>
#include <cstdint>
#include <thread>

#include "base/backoff.h"
#include "base/cache_line.h"
#include "benchmark/benchmark.h"
#include "mpmc/intrusive_mpsc_queue.h"
#include "mpmc/spsc_queue.h"

namespace weft {
namespace {

// One turn of a wait for the other thread.
class Turn {
 public:
  void Wait() {
    if (backoff_.IsSpent()) {
      std::this_thread::yield();
    } else {
      backoff_.Spin();
    }
  }

 private:
  SpinBackoff backoff_;
};

void BM_SpscQueue_PushPop(benchmark::State& state) {
  SpscQueue<uint64_t> queue(1024);
  for (auto _ : state) {
    static_cast<void>(queue.TryPush(1));
    benchmark::DoNotOptimize(queue.TryPop());
  }
}

void BM_SpscQueue_Stream(benchmark::State& state) {
  static SpscQueue<uint64_t> queue(1024);
  if (state.thread_index() == 0) queue.ReleaseProducer();
  if (state.thread_index() == 1) queue.ReleaseConsumer();
  for (auto _ : state) {
    Turn turn;
    if (state.thread_index() == 0) {
      while (!queue.TryPush(1).ok()) turn.Wait();
    } else {
      while (!queue.TryPop().ok()) turn.Wait();
    }
  }
  state.SetItemsProcessed(state.thread_index() == 0 ? state.iterations() : 0);
}

void BM_SpscQueue_PingPong(benchmark::State& state) {
  static SpscQueue<uint64_t> there(64);
  static SpscQueue<uint64_t> back(64);
  const bool first = state.thread_index() == 0;
  SpscQueue<uint64_t>& out = first ? there : back;
  SpscQueue<uint64_t>& in = first ? back : there;
  out.ReleaseProducer();
  in.ReleaseConsumer();
  for (auto _ : state) {
    if (first) static_cast<void>(out.TryPush(1));
    Turn turn;
    while (in.Front() == nullptr) turn.Wait();
    in.PopFront();
    if (!first) static_cast<void>(out.TryPush(1));
  }
}

void BM_RawLine_PingPong(benchmark::State& state) {
  struct alignas(kCacheLineSize) Word {
    std::atomic<uint64_t> value{0};
  };
  static Word there;
  static Word back;
  const bool first = state.thread_index() == 0;
  std::atomic<uint64_t>& out = first ? there.value : back.value;
  std::atomic<uint64_t>& in = first ? back.value : there.value;
  uint64_t seen = in.load(std::memory_order_relaxed);
  uint64_t sent = out.load(std::memory_order_relaxed);
  for (auto _ : state) {
    if (first) out.store(++sent, std::memory_order_release);
    Turn turn;
    while (in.load(std::memory_order_acquire) == seen) turn.Wait();
    ++seen;
    if (!first) out.store(++sent, std::memory_order_release);
  }
}

void BM_SpscQueue_Bulk(benchmark::State& state) {
  SpscQueue<uint64_t> queue(1024);
  std::array<uint64_t, 16> values{};
  for (auto _ : state) {
    benchmark::DoNotOptimize(queue.TryPushBulk(values));
    benchmark::DoNotOptimize(queue.TryPopBulk(values));
  }
  state.SetItemsProcessed(state.iterations() * 16);
}

void BM_IntrusiveMpscQueue_PushPop(benchmark::State& state) {
  IntrusiveMpscQueue<MpscNode> queue;
  std::array<MpscNode, 4> nodes;
  for (MpscNode& node : nodes) queue.Push(&node);
  for (auto _ : state) {
    MpscNode* const node = queue.TryPop().node;
    queue.Push(node);
  }
}

BENCHMARK(BM_SpscQueue_PushPop);
BENCHMARK(BM_SpscQueue_Bulk);
BENCHMARK(BM_SpscQueue_Stream)->Threads(2)->UseRealTime();
BENCHMARK(BM_SpscQueue_PingPong)->Threads(2)->UseRealTime();
BENCHMARK(BM_RawLine_PingPong)->Threads(2)->UseRealTime();
BENCHMARK(BM_IntrusiveMpscQueue_PushPop);

}  // namespace
}  // namespace weft

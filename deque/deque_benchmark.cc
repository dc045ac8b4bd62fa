// What an owner's push and pop, and a thief's steal, cost; with a mutex around std::deque as rival.
#include <atomic>
#include <cstdint>
#include <deque>
#include <optional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "benchmark/benchmark.h"
#include "deque/deque.h"

namespace weft {
namespace {

// The rival: what one writes without a deque of this kind.
class MutexDeque {
 public:
  void Push(void* item) {
    MutexLock lock(&mu_);
    items_.push_back(item);
  }
  std::optional<void*> Pop() {
    MutexLock lock(&mu_);
    if (items_.empty()) return std::nullopt;
    void* const item = items_.back();
    items_.pop_back();
    return item;
  }
  std::optional<void*> StealOldest() {
    MutexLock lock(&mu_);
    if (items_.empty()) return std::nullopt;
    void* const item = items_.front();
    items_.pop_front();
    return item;
  }

 private:
  Mutex mu_;
  std::deque<void*> items_ ABSL_GUARDED_BY(mu_);
};

class WeftDeque : public Deque<void*> {
 public:
  std::optional<void*> StealOldest() { return stealer().Steal().item; }
};

// glibc's mutex does without locked instructions until a program starts its first thread. Programs
// that need a deque have threads, so the comparison starts with one.
void BecomeMultithreaded() {
  std::thread([] {}).join();
}

template <typename D>
void BM_Deque_PushPop(benchmark::State& state) {
  BecomeMultithreaded();
  D deque;
  for (auto _ : state) {
    deque.Push(&state);
    benchmark::DoNotOptimize(deque.Pop());
  }
}
BENCHMARK(BM_Deque_PushPop<WeftDeque>)->Name("BM_Deque_PushPop/weft");
BENCHMARK(BM_Deque_PushPop<MutexDeque>)->Name("BM_Deque_PushPop/mutex");

// Time per item of a burst of 512 pushes and 512 pops.
template <typename D>
void BM_Deque_Burst(benchmark::State& state) {
  BecomeMultithreaded();
  constexpr int kBurst = 512;
  D deque;
  for (auto _ : state) {
    for (int i = 0; i < kBurst; ++i) deque.Push(&state);
    for (int i = 0; i < kBurst; ++i) benchmark::DoNotOptimize(deque.Pop());
  }
  state.SetItemsProcessed(state.iterations() * kBurst);
}
BENCHMARK(BM_Deque_Burst<WeftDeque>)->Name("BM_Deque_Burst/weft");
BENCHMARK(BM_Deque_Burst<MutexDeque>)->Name("BM_Deque_Burst/mutex");

template <typename D>
void BM_Deque_PushSteal(benchmark::State& state) {
  BecomeMultithreaded();
  D deque;
  for (auto _ : state) {
    deque.Push(&state);
    benchmark::DoNotOptimize(deque.StealOldest());
  }
}
BENCHMARK(BM_Deque_PushSteal<WeftDeque>)->Name("BM_Deque_PushSteal/weft");
BENCHMARK(BM_Deque_PushSteal<MutexDeque>)->Name("BM_Deque_PushSteal/mutex");

// The owner's bursts of 16 while another thread steals without pause.
template <typename D>
void BM_Deque_BurstUnderSteal(benchmark::State& state) {
  constexpr int kBurst = 16;
  D deque;
  std::atomic<bool> stop{false};
  std::int64_t stolen = 0;
  std::thread thief([&] {
    while (!stop.load(std::memory_order_relaxed)) stolen += deque.StealOldest().has_value();
  });
  for (auto _ : state) {
    for (int i = 0; i < kBurst; ++i) deque.Push(&state);
    while (deque.Pop().has_value()) {
    }
  }
  stop.store(true, std::memory_order_relaxed);
  thief.join();
  state.SetItemsProcessed(state.iterations() * kBurst);
  state.counters["stolen"] =
      benchmark::Counter(static_cast<double>(stolen), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_Deque_BurstUnderSteal<WeftDeque>)
    ->Name("BM_Deque_BurstUnderSteal/weft")
    ->UseRealTime();
BENCHMARK(BM_Deque_BurstUnderSteal<MutexDeque>)
    ->Name("BM_Deque_BurstUnderSteal/mutex")
    ->UseRealTime();

}  // namespace
}  // namespace weft

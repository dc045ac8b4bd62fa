// What an owner's push and pop, and a thief's steal, cost, beside a plain array (the floor: no
// thieves at all), Chase-Lev with full fences, and a mutex around std::deque.
//
// Shapes (BM_Deque_<shape>/<who>):
//   PushPop           one item, from empty
//   PushPopBacklog    one item, above 64 that stay
//   Burst16           16 pushes, 16 pops; time per pair
//   SlowThief         PushPopBacklog beside a thief that takes an item about each microsecond
//   HammeringThief    Burst16 beside a thief that never pauses; steals/us says what it got
//   Drain             time per steal of 4,096 items whose owner does nothing
//   PushToTaken       nanoseconds from a push until a spinning thief has the item (p50, p99), the
//                     owner doing nothing else meanwhile
//   Boxed             PushPop with an item of 32 bytes
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/atomics.h"
#include "base/mutex.h"
#include "benchmark/benchmark.h"
#include "deque/deque.h"
#include "deque/internal/ring_word.h"
#include "deque/testing/chase_lev.h"

namespace weft {
namespace {

using Clock = std::chrono::steady_clock;

class Plain {
 public:
  void Push(void* item) {
    items_[size_++] = item;
    std::atomic_signal_fence(std::memory_order_seq_cst);  // the stack lives in memory
  }
  void* Pop() {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    return size_ == 0 ? nullptr : items_[--size_];
  }

 private:
  std::size_t size_ = 0;
  std::array<void*, 8'192> items_;
};

class Weft {
 public:
  void Push(void* item) { deque_.Push(item); }
  void* Pop() { return deque_.Pop().value_or(nullptr); }
  void* Steal() { return deque_.stealer().Steal().item.value_or(nullptr); }

 protected:
  explicit Weft(DequeBarriers barriers) : deque_(DequeOptions{.barriers = barriers}) {}

 public:
  Weft() = default;

 private:
  Deque<void*> deque_;
};

class WeftFenced : public Weft {
 public:
  WeftFenced() : Weft(DequeBarriers::kFences) {}
};

class WeftFifo {
 public:
  void Push(void* item) { deque_.Push(item); }
  void* Pop() { return deque_.Pop().value_or(nullptr); }
  void* Steal() { return deque_.stealer().Steal().item.value_or(nullptr); }

 private:
  FifoDeque<void*> deque_;
};

class ChaseLevFence {
 public:
  void Push(void* item) { deque_.Push(item); }
  void* Pop() {
    void* item;
    return deque_.Pop(&item) == deque_internal::Taken::kItem ? item : nullptr;
  }
  void* Steal() {
    void* item;
    return deque_.Steal(&item) == deque_internal::Taken::kItem ? item : nullptr;
  }

 private:
  deque_internal::ChaseLev<void*, StdAtomics> deque_{64};
};

class MutexDeque {
 public:
  void Push(void* item) {
    MutexLock lock(&mu_);
    items_.push_back(item);
  }
  void* Pop() {
    MutexLock lock(&mu_);
    if (items_.empty()) return nullptr;
    void* const item = items_.back();
    items_.pop_back();
    return item;
  }
  void* Steal() {
    MutexLock lock(&mu_);
    if (items_.empty()) return nullptr;
    void* const item = items_.front();
    items_.pop_front();
    return item;
  }

 private:
  Mutex mu_;
  std::deque<void*> items_ ABSL_GUARDED_BY(mu_);
};

// glibc's mutex does without locked instructions until a program starts its first thread. Programs
// that need a deque have threads, so the comparison starts with one.
void BecomeMultithreaded() {
  std::thread([] {}).join();
}

// Runs `turn` on a thread of its own until destroyed.
template <typename Turn>
class Thief {
 public:
  explicit Thief(Turn turn)
      : thread_([this, turn] {
          while (!stop_.load(std::memory_order_relaxed)) turn();
        }) {}
  ~Thief() {
    stop_.store(true, std::memory_order_relaxed);
    thread_.join();
  }

 private:
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

void SpinFor(std::chrono::nanoseconds time) {
  const Clock::time_point end = Clock::now() + time;
  while (Clock::now() < end) StdAtomics::SpinPause();
}

template <typename D>
void PushPop(benchmark::State& state, D& deque, int backlog) {
  for (int i = 0; i < backlog; ++i) deque.Push(&state);
  for (auto _ : state) {
    deque.Push(&state);
    benchmark::DoNotOptimize(deque.Pop());
  }
}

template <typename D>
void BM_PushPop(benchmark::State& state) {
  BecomeMultithreaded();
  const auto deque = std::make_unique<D>();
  PushPop(state, *deque, static_cast<int>(state.range(0)));
}

template <typename D>
void Burst16(benchmark::State& state, D& deque) {
  constexpr int kBurst = 16;
  for (auto _ : state) {
    for (int i = 0; i < kBurst; ++i) deque.Push(&state);
    for (int i = 0; i < kBurst; ++i) benchmark::DoNotOptimize(deque.Pop());
  }
  state.SetItemsProcessed(state.iterations() * kBurst);
  state.counters["per_pair"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * kBurst,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

template <typename D>
void BM_Burst16(benchmark::State& state) {
  BecomeMultithreaded();
  const auto deque = std::make_unique<D>();
  Burst16(state, *deque);
}

template <typename D>
void BM_SlowThief(benchmark::State& state) {
  const auto deque = std::make_unique<D>();
  Thief thief([&deque = *deque] {
    if (deque.Steal() != nullptr) SpinFor(std::chrono::microseconds(1));
  });
  // What was stolen is replaced, so that the backlog stays.
  int missing = 64;
  for (auto _ : state) {
    for (; missing > 0; --missing) deque->Push(&state);
    deque->Push(&state);
    if (void* const item = deque->Pop()) {
      benchmark::DoNotOptimize(item);
    } else {
      missing = 64;
    }
  }
}

template <typename D>
void BM_HammeringThief(benchmark::State& state) {
  const auto deque = std::make_unique<D>();
  std::atomic<std::int64_t> stolen{0};
  std::int64_t before = 0;
  const Clock::time_point begin = Clock::now();
  {
    Thief thief([&deque = *deque, &stolen] {
      if (deque.Steal() != nullptr) {
        stolen.store(stolen.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      } else {
        StdAtomics::SpinPause();
      }
    });
    before = stolen.load(std::memory_order_relaxed);
    Burst16(state, *deque);
  }
  const double microseconds =
      std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
  state.counters["steals/us"] =
      static_cast<double>(stolen.load(std::memory_order_relaxed) - before) / microseconds;
}

template <typename D>
void BM_Drain(benchmark::State& state) {
  constexpr int kItems = 4'096;
  for (auto _ : state) {
    const auto deque = std::make_unique<D>();
    for (int i = 0; i < kItems; ++i) deque->Push(&state);
    double seconds = 0;
    std::thread([&deque = *deque, &seconds] {
      const Clock::time_point begin = Clock::now();
      for (int taken = 0; taken < kItems;) taken += deque.Steal() != nullptr;
      seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    }).join();
    state.SetIterationTime(seconds);
  }
  state.counters["per_steal"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * kItems,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

template <typename D>
void BM_PushToTaken(benchmark::State& state) {
  const auto deque = std::make_unique<D>();
  std::atomic<std::int64_t> taken{0};
  std::vector<double> nanoseconds;
  {
    Thief thief([&deque = *deque, &taken] {
      if (deque.Steal() != nullptr) {
        taken.fetch_add(1, std::memory_order_release);
      } else {
        StdAtomics::SpinPause();
      }
    });
    std::int64_t pushed = 0;
    for (auto _ : state) {
      SpinFor(std::chrono::microseconds(3));
      const Clock::time_point begin = Clock::now();
      deque->Push(&state);
      ++pushed;
      while (taken.load(std::memory_order_acquire) != pushed) {
      }
      const std::chrono::duration<double> seconds = Clock::now() - begin;
      state.SetIterationTime(seconds.count());
      nanoseconds.push_back(seconds.count() * 1e9);
    }
  }
  std::sort(nanoseconds.begin(), nanoseconds.end());
  state.counters["p50_ns"] = nanoseconds[nanoseconds.size() / 2];
  state.counters["p99_ns"] = nanoseconds[nanoseconds.size() * 99 / 100];
}

void BM_Boxed(benchmark::State& state) {
  BecomeMultithreaded();
  Deque<std::array<std::uint64_t, 4>> deque;
  for (auto _ : state) {
    deque.Push({1, 2, 3, 4});
    benchmark::DoNotOptimize(deque.Pop());
  }
}
BENCHMARK(BM_Boxed)->Name("BM_Deque_Boxed/weft");

#define WEFT_OWNER_SHAPES(D, who)                                          \
  BENCHMARK(BM_PushPop<D>)->Name("BM_Deque_PushPop/" who)->Arg(0);         \
  BENCHMARK(BM_PushPop<D>)->Name("BM_Deque_PushPopBacklog/" who)->Arg(64); \
  BENCHMARK(BM_Burst16<D>)->Name("BM_Deque_Burst16/" who)
#define WEFT_SHAPES(D, who)                                                             \
  WEFT_OWNER_SHAPES(D, who);                                                            \
  BENCHMARK(BM_SlowThief<D>)->Name("BM_Deque_SlowThief/" who);                          \
  BENCHMARK(BM_HammeringThief<D>)->Name("BM_Deque_HammeringThief/" who)->UseRealTime(); \
  BENCHMARK(BM_Drain<D>)->Name("BM_Deque_Drain/" who)->UseManualTime();                 \
  BENCHMARK(BM_PushToTaken<D>)->Name("BM_Deque_PushToTaken/" who)->UseManualTime()

WEFT_OWNER_SHAPES(Plain, "plain");
WEFT_SHAPES(Weft, "weft");
WEFT_SHAPES(ChaseLevFence, "chase_lev");
WEFT_SHAPES(WeftFenced, "weft_fenced");
WEFT_SHAPES(WeftFifo, "weft_fifo");
WEFT_SHAPES(MutexDeque, "mutex");

}  // namespace
}  // namespace weft

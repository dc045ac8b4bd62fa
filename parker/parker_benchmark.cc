// Shapes: token (unpark and park without sleeping), pingpong (two threads wake each other),
// notify (an event count with nobody waiting), barrier (the two halves of the asymmetric one).
// Rivals: a mutex with a condition variable and a flag; the three-state parker that crossbeam and
// Rust's std have; the bare instruction or the bare futex that a shape cannot do without.
//
// The pingpong rows show wall time, and as counters the processor time of both threads for a round
// and the quantiles of the wake latency.
#include <time.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "base/asymmetric_barrier.h"
#include "base/instant.h"
#include "benchmark/benchmark.h"
#include "parker/event_count.h"
#include "parker/internal/futex.h"
#include "parker/park_stats.h"
#include "parker/parker.h"
#include "parker/riding_event_count.h"

namespace weft {
namespace {

using parker_internal::FutexAtomics;

class CondVarParker {
 public:
  void Unpark() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      token_ = true;
    }
    condition_.notify_one();
  }
  void Park() {
    std::unique_lock<std::mutex> lock(mutex_);
    condition_.wait(lock, [this] { return token_; });
    token_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
  bool token_ = false;
};

// The algorithm of most parkers: a word {empty, token, parked} and an exchange on either side.
class ThreeStateParker {
 public:
  void Unpark() {
    if (state_.exchange(kToken, std::memory_order_release) == kParked) {
      FutexAtomics::FutexWake(state_, 1);
    }
  }
  void Park() {
    uint64_t token = kToken;
    if (state_.compare_exchange_strong(token, kEmpty, std::memory_order_acquire)) return;
    uint64_t empty = kEmpty;
    if (!state_.compare_exchange_strong(empty, kParked, std::memory_order_acquire)) {
      state_.exchange(kEmpty, std::memory_order_acquire);
      return;
    }
    while (true) {
      FutexAtomics::FutexWait(state_, kParked, Instant::InfiniteFuture());
      token = kToken;
      if (state_.compare_exchange_strong(token, kEmpty, std::memory_order_acquire)) return;
    }
  }

 private:
  static constexpr uint64_t kEmpty = 0;
  static constexpr uint64_t kToken = 1;
  static constexpr uint64_t kParked = 2;
  std::atomic<uint64_t> state_{kEmpty};
};

// What waking costs at least: a store and a system call; a system call and a load. Knows nothing of
// tokens that come before the sleep, except that the kernel compares the word.
class BareFutex {
 public:
  void Unpark() {
    word_.fetch_add(1, std::memory_order_release);
    FutexAtomics::FutexWake(word_, 1);
  }
  void Park() {
    while (word_.load(std::memory_order_acquire) == seen_) {
      FutexAtomics::FutexWait(word_, seen_, Instant::InfiniteFuture());
    }
    ++seen_;
  }

 private:
  std::atomic<uint64_t> word_{0};
  uint64_t seen_ = 0;
};

template <int kMaxSpinPauses>
class Ours {
 public:
  void Unpark() { unparker_.Unpark(); }
  void Park() { parker_.Park(); }
  const ParkStats* stats() const { return &stats_; }

 private:
  ParkStats stats_;
  Parker parker_{{.max_spin_pauses = kMaxSpinPauses, .stats = &stats_}};
  Unparker unparker_ = parker_.unparker();
};

class OursWithoutStats {
 public:
  void Unpark() { unparker_.Unpark(); }
  void Park() { parker_.Park(); }

 private:
  Parker parker_;
  Unparker unparker_ = parker_.unparker();
};

// A pair of event counts, with a flag as the condition.
template <typename Events>
class ByEventCount {
 public:
  void Unpark() {
    flag_.store(true, std::memory_order_relaxed);
    events_.NotifyOne();
  }
  void Park() {
    events_.Await([this] { return flag_.load(std::memory_order_relaxed); });
    flag_.store(false, std::memory_order_relaxed);
  }

 private:
  std::atomic<bool> flag_{false};
  Events events_;
};

// ---- token

template <typename P>
void BM_Token_UnparkAndPark(benchmark::State& state) {
  P parker;
  for (auto _ : state) {
    parker.Unpark();
    parker.Park();
  }
}

template <typename P>
void BM_Token_Unpark(benchmark::State& state) {
  P parker;
  for (auto _ : state) parker.Unpark();
  parker.Park();
}

// The floor of an unpark.
void BM_Token_BareFetchAdd(benchmark::State& state) {
  std::atomic<uint64_t> word{0};
  for (auto _ : state) benchmark::DoNotOptimize(word.fetch_add(4, std::memory_order_release));
}

// Parks that find a token, without the unparks, which are done before for a batch of parkers.
void BM_Token_Park(benchmark::State& state) {
  constexpr int kBatch = 128;
  std::vector<OursWithoutStats> parkers(kBatch);
  while (state.KeepRunningBatch(kBatch)) {
    for (OursWithoutStats& parker : parkers) parker.Unpark();
    const Instant begin = MonotonicNow();
    for (OursWithoutStats& parker : parkers) parker.Park();
    state.SetIterationTime(absl::ToDoubleSeconds(MonotonicNow() - begin));
  }
}

BENCHMARK(BM_Token_BareFetchAdd);
BENCHMARK(BM_Token_Unpark<OursWithoutStats>);
BENCHMARK(BM_Token_Unpark<ThreeStateParker>);
BENCHMARK(BM_Token_Park)->UseManualTime();
BENCHMARK(BM_Token_UnparkAndPark<OursWithoutStats>);
BENCHMARK(BM_Token_UnparkAndPark<Ours<0>>);
BENCHMARK(BM_Token_UnparkAndPark<ThreeStateParker>);
BENCHMARK(BM_Token_UnparkAndPark<CondVarParker>);

// ---- pingpong

double ProcessorNanos() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

template <typename P>
void BM_PingPong(benchmark::State& state) {
  P here;
  P there;
  std::atomic<bool> done{false};
  std::thread other([&] {
    for (;;) {
      there.Park();
      if (done.load(std::memory_order_relaxed)) return;
      here.Unpark();
    }
  });
  const double before = ProcessorNanos();
  for (auto _ : state) {
    there.Unpark();
    here.Park();
  }
  const double spent = ProcessorNanos() - before;
  done.store(true, std::memory_order_relaxed);
  there.Unpark();
  other.join();
  const auto rounds = static_cast<double>(state.iterations());
  state.counters["cpu_ns/round"] = spent / rounds;
  if constexpr (requires { here.stats(); }) {
    const ParkStats& stats = *here.stats();
    const ParkStats::Counts counts = stats.Read();
    state.counters["wake_p50_ns"] = absl::ToDoubleNanoseconds(stats.wake_latency().Quantile(0.5));
    state.counters["wake_p99_ns"] = absl::ToDoubleNanoseconds(stats.wake_latency().Quantile(0.99));
    state.counters["spin_hits"] = static_cast<double>(counts.spin_hits) / rounds;
    state.counters["sleeps"] = static_cast<double>(counts.sleeps) / rounds;
  }
}

BENCHMARK(BM_PingPong<BareFutex>)->UseRealTime();
BENCHMARK(BM_PingPong<OursWithoutStats>)->UseRealTime();
BENCHMARK(BM_PingPong<Ours<0>>)->UseRealTime();
BENCHMARK(BM_PingPong<Ours<200>>)->UseRealTime();
BENCHMARK(BM_PingPong<Ours<2000>>)->UseRealTime();
BENCHMARK(BM_PingPong<ThreeStateParker>)->UseRealTime();
BENCHMARK(BM_PingPong<CondVarParker>)->UseRealTime();
BENCHMARK(BM_PingPong<ByEventCount<EventCount>>)->UseRealTime();
BENCHMARK(BM_PingPong<ByEventCount<AsymmetricEventCount>>)->UseRealTime();

// ---- notify: nobody waits

void BM_Notify_Fenced(benchmark::State& state) {
  EventCount events;
  for (auto _ : state) events.NotifyOne();
}

void BM_Notify_Asymmetric(benchmark::State& state) {
  AsymmetricEventCount events;
  for (auto _ : state) events.NotifyOne();
}

// The caller's own read-modify-write, then the same with the notify riding on it.
void BM_Notify_ChangeOnly(benchmark::State& state) {
  std::atomic<uint64_t> word{0};
  for (auto _ : state) benchmark::DoNotOptimize(word.fetch_add(1, std::memory_order_release));
}

void BM_Notify_ChangeAndRide(benchmark::State& state) {
  RidingEventCount items;
  for (auto _ : state) items.NotifyOne(items.FetchAdd(1, std::memory_order_release));
}

void BM_Notify_ChangeAndFenced(benchmark::State& state) {
  std::atomic<uint64_t> word{0};
  EventCount events;
  for (auto _ : state) {
    benchmark::DoNotOptimize(word.fetch_add(1, std::memory_order_release));
    events.NotifyOne();
  }
}

void BM_Notify_ChangeAndAsymmetric(benchmark::State& state) {
  std::atomic<uint64_t> word{0};
  AsymmetricEventCount events;
  for (auto _ : state) {
    benchmark::DoNotOptimize(word.fetch_add(1, std::memory_order_release));
    events.NotifyOne();
  }
}

template <typename Events>
void BM_PrepareAndCancel(benchmark::State& state) {
  Events events;
  for (auto _ : state) {
    auto key = events.PrepareWait();
    events.CancelWait(key);
  }
}

BENCHMARK(BM_Notify_Fenced);
BENCHMARK(BM_Notify_Asymmetric);
BENCHMARK(BM_Notify_ChangeOnly);
BENCHMARK(BM_Notify_ChangeAndRide);
BENCHMARK(BM_Notify_ChangeAndFenced);
BENCHMARK(BM_Notify_ChangeAndAsymmetric);
BENCHMARK(BM_PrepareAndCancel<EventCount>);
BENCHMARK(BM_PrepareAndCancel<AsymmetricEventCount>);
BENCHMARK(BM_PrepareAndCancel<RidingEventCount>);

// ---- the asymmetric barrier

void BM_Barrier_Light(benchmark::State& state) {
  std::atomic<int> word{0};
  for (auto _ : state) {
    word.store(1, std::memory_order_relaxed);
    LightBarrier();
    benchmark::DoNotOptimize(word.load(std::memory_order_relaxed));
  }
}

void BM_Barrier_Fence(benchmark::State& state) {
  std::atomic<int> word{0};
  for (auto _ : state) {
    word.store(1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    benchmark::DoNotOptimize(word.load(std::memory_order_relaxed));
  }
}

// With state.range(0) other threads of the process that run: the kernel interrupts them.
void BM_Barrier_Heavy(benchmark::State& state) {
  if (!AsymmetricBarriersAreAvailable()) {
    state.SkipWithError("the kernel offers no private expedited membarrier");
    return;
  }
  std::atomic<bool> done{false};
  std::optional<std::thread> other;
  if (state.range(0) > 0) {
    other.emplace([&done] {
      while (!done.load(std::memory_order_relaxed)) FutexAtomics::SpinPause();
    });
  }
  for (auto _ : state) HeavyBarrier();
  done.store(true, std::memory_order_relaxed);
  if (other.has_value()) other->join();
}

BENCHMARK(BM_Barrier_Light);
BENCHMARK(BM_Barrier_Fence);
BENCHMARK(BM_Barrier_Heavy)->Arg(0)->Arg(1)->ArgName("others");

}  // namespace
}  // namespace weft

// How long single steps take, by quantiles: the call of Spawn(), and from ready to running. A mean
// would hide what the goals are about.
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "base/backoff.h"
#include "base/instant.h"
#include "benchmark/benchmark.h"
#include "future/executor.h"
#include "future/poll_fn.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "future/task.h"
#include "parker/parker.h"
#include "runtime/internal/processor_mask.h"
#include "runtime/parallelism.h"
#include "runtime/runtime.h"

namespace weft {
namespace {

using runtime_internal::ProcessorMask;

// Mean, median and 99th percentile as counters.
void ReportQuantiles(benchmark::State& state, std::vector<double> nanos) {
  if (nanos.empty()) return;
  std::sort(nanos.begin(), nanos.end());
  double sum = 0;
  for (const double value : nanos) sum += value;
  state.counters["mean_ns"] = sum / static_cast<double>(nanos.size());
  state.counters["p50_ns"] = nanos[nanos.size() / 2];
  state.counters["p99_ns"] = nanos[nanos.size() * 99 / 100];
}

// ---- The call of Spawn() -------------------------------------------------------------------

// A count of the processor's clock, or nanoseconds where there is none.
int64_t Cycles() {
#if defined(__x86_64__)
  return static_cast<int64_t>(__builtin_ia32_rdtsc());
#else
  return MonotonicNow().nanos();
#endif
}

double NanosPerCycle() {
  const Instant begin = MonotonicNow();
  const int64_t cycles = Cycles();
  while (MonotonicNow() - begin < absl::Milliseconds(20)) CpuRelax();
  return static_cast<double>((MonotonicNow() - begin) / absl::Nanoseconds(1)) /
         static_cast<double>(Cycles() - cycles);
}

// Each call measured by the cycle counter, whose own cost is subtracted; 200 calls, then their
// runs.
void BM_Runtime_SpawnCall(benchmark::State& state) {
  constexpr int kCalls = 200;
  Runtime runtime(RuntimeOptions{.workers = static_cast<int>(state.range(0))});
  const double nanos_per_cycle = NanosPerCycle();
  int64_t overhead = 1'000'000;
  for (int i = 0; i < 1'000; ++i) {
    const int64_t begin = Cycles();
    overhead = std::min(overhead, Cycles() - begin);
  }
  std::vector<double> nanos;
  nanos.reserve(static_cast<std::size_t>(kCalls * state.max_iterations));
  for (auto _ : state) {
    (void)runtime.BlockOn([](Executor& executor, int64_t skip, double unit,
                             std::vector<double>* results) -> Task<void> {
      std::vector<JoinHandle<int>> handles;
      handles.reserve(kCalls);
      for (int i = 0; i < kCalls; ++i) {
        const int64_t begin = Cycles();
        handles.push_back(Spawn(executor, Ready<int>(i)));
        results->push_back(static_cast<double>(Cycles() - begin - skip) * unit);
      }
      for (JoinHandle<int>& handle : handles) (void)co_await std::move(handle);
    }(runtime, overhead, nanos_per_cycle, &nanos));
  }
  ReportQuantiles(state, std::move(nanos));
}
BENCHMARK(BM_Runtime_SpawnCall)
    ->ArgName("workers")
    ->Arg(1)
    ->Arg(2)
    ->UseRealTime()
    ->Iterations(2'000);

// ---- From ready to running -----------------------------------------------------------------

constexpr absl::Duration kPause = absl::Microseconds(200);
constexpr int kSamples = 500;

// Until whoever is to be woken sleeps. A token that is left of the last sample ends no pause.
void Pause(Parker& parker) {
  const Instant end = MonotonicNow() + kPause;
  while (MonotonicNow() < end) parker.ParkUntil(end);
}

// Notes when it runs, and tells a thread that waits for it.
class Stamp final : public Runnable {
 public:
  explicit Stamp(Parker* owner) : owner_(owner->unparker()) {}

  void Run() noexcept override {
    ran_at_ = MonotonicNow();
    // Before the flag is set: whoever sees it may destroy the stamp.
    Unparker owner = std::move(owner_);
    has_run_.store(true, std::memory_order_release);
    owner.Unpark();
  }
  bool HasRun() const { return has_run_.load(std::memory_order_acquire); }
  double NanosSince(Instant begin) const {
    return static_cast<double>((ran_at_ - begin) / absl::Nanoseconds(1));
  }

 private:
  Unparker owner_;
  Instant ran_at_;
  std::atomic<bool> has_run_{false};
};

// The floor: one thread hands another one, which sleeps, the token of a Parker, and waits.
template <typename Wait>
void MeasureParker(benchmark::State& state, const std::vector<ProcessorMask>& masks, Wait wait) {
  Parker here;
  std::atomic<Stamp*> ready{nullptr};
  std::optional<Unparker> other;
  std::atomic<bool> is_up{false};
  std::thread sleeper([&] {
    if (!masks.empty()) (void)masks[1].ApplyTo(0);
    Parker parker;
    other = parker.unparker();
    is_up.store(true, std::memory_order_release);
    while (true) {
      parker.Park();
      Stamp* const stamp = ready.exchange(nullptr, std::memory_order_acquire);
      if (stamp == nullptr) return;
      stamp->Run();
    }
  });
  if (!masks.empty()) (void)masks[0].ApplyTo(0);
  while (!is_up.load(std::memory_order_acquire)) CpuRelax();
  std::vector<double> nanos;
  for (auto _ : state) {
    Pause(here);
    Stamp stamp(&here);
    const Instant begin = MonotonicNow();
    ready.store(&stamp, std::memory_order_release);
    other->Unpark();
    while (!stamp.HasRun()) wait(here);
    nanos.push_back(stamp.NanosSince(begin));
  }
  other->Unpark();
  sleeper.join();
  ReportQuantiles(state, std::move(nanos));
}

// The waker goes to sleep.
void BM_Parker_ReadyToRunning(benchmark::State& state) {
  MeasureParker(state, {}, [](Parker& parker) { parker.Park(); });
}
BENCHMARK(BM_Parker_ReadyToRunning)->UseRealTime()->Iterations(kSamples);

// The waker goes on, on a processor of its own: left to themselves, both threads may share one.
void BM_Parker_ReadyBeside(benchmark::State& state) {
  const std::vector<int> processors = *AllowedProcessors();
  if (processors.size() < 2) return state.SkipWithError("needs two processors");
  const ProcessorMask before = *ProcessorMask::OfThread(0);
  MeasureParker(state,
                {*ProcessorMask::Of({&processors[0], 1}), *ProcessorMask::Of({&processors[1], 1})},
                [](Parker&) { CpuRelax(); });
  (void)before.ApplyTo(0);
}
BENCHMARK(BM_Parker_ReadyBeside)->UseRealTime()->Iterations(kSamples);

// What else the workers have to do: so many tasks that are always ready.
struct Load {
  int tasks;
  absl::Duration run;  // how long each computes before it yields
};
constexpr Load kLoads[] = {
    {.tasks = 0, .run = absl::ZeroDuration()},
    {.tasks = 8, .run = absl::Microseconds(10)},
    {.tasks = 200, .run = absl::Microseconds(10)},
    {.tasks = 1'000, .run = absl::ZeroDuration()},
};
enum LoadIndex { kIdle, kFewLong, kManyLong, kThousandShort, kLoadCount };

Task<void> ComputeAndYield(absl::Duration run, const std::atomic<bool>* stop) {
  while (!stop->load(std::memory_order_relaxed)) {
    const Instant end = MonotonicNow() + run;
    while (MonotonicNow() < end) CpuRelax();
    co_await YieldNow();
  }
}

// A runtime of two workers under load.
class Loaded {
 public:
  explicit Loaded(benchmark::State& state) : runtime_(RuntimeOptions{.workers = 2}) {
    const Load& load = kLoads[state.range(0)];
    for (int i = 0; i < load.tasks; ++i) {
      Spawn(runtime_, ComputeAndYield(load.run, &stop_)).Detach();
    }
    static constexpr const char* kNames[kLoadCount] = {"idle", "8 x 10 us", "200 x 10 us",
                                                       "1000 yields"};
    state.SetLabel(kNames[state.range(0)]);
  }
  ~Loaded() { stop_ = true; }

  Runtime& runtime() { return runtime_; }

 private:
  std::atomic<bool> stop_{false};
  Runtime runtime_;
};

// A task that waits is made ready by a thread that is no worker: it goes through the injector.
void BM_Runtime_ReadyFromOutside(benchmark::State& state) {
  Loaded loaded(state);
  Parker parker;
  std::vector<double> nanos;
  for (auto _ : state) {
    Pause(parker);
    Stamp stamp(&parker);
    const Instant begin = MonotonicNow();
    loaded.runtime().Schedule(&stamp, ScheduleHint::kWake);
    while (!stamp.HasRun()) parker.Park();
    nanos.push_back(stamp.NanosSince(begin));
  }
  ReportQuantiles(state, std::move(nanos));
}

// A task spawns one and keeps its worker, which an idle one has to notice; or, under load, spawns
// two: the second one, for which the slot is not free, waits behind all that is queued.
struct Spawns {
  bool keep_worker;
  int64_t samples;
};
Task<void> SpawnBehind(Executor& executor, Spawns spawns, Parker* nobody,
                       std::vector<double>* nanos) {
  for (int64_t i = 0; i < spawns.samples; ++i) {
    co_await SleepFor(kPause);
    Stamp in_slot(nobody);
    Stamp last(nobody);
    if (!spawns.keep_worker) executor.Schedule(&in_slot, ScheduleHint::kSpawn);
    const Instant begin = MonotonicNow();
    executor.Schedule(&last, ScheduleHint::kSpawn);
    while (spawns.keep_worker && !last.HasRun()) CpuRelax();
    while (!last.HasRun() || !(spawns.keep_worker || in_slot.HasRun())) co_await YieldNow();
    nanos->push_back(last.NanosSince(begin));
  }
}

void BM_Runtime_ReadyFromWorker(benchmark::State& state) {
  Loaded loaded(state);
  Parker nobody;
  std::vector<double> nanos;
  const Spawns spawns = {.keep_worker = state.range(0) == kIdle, .samples = kSamples};
  while (state.KeepRunningBatch(kSamples)) {
    (void)loaded.runtime().BlockOn(SpawnBehind(loaded.runtime(), spawns, &nobody, &nanos));
  }
  ReportQuantiles(state, std::move(nanos));
}

// A timer makes a task ready: from its deadline to the task's run.
Task<void> SleepAgainAndAgain(Executor& executor, int64_t samples, std::vector<double>* nanos) {
  for (int64_t i = 0; i < samples; ++i) {
    const Instant due = executor.Now() + kPause;
    co_await SleepUntil(due);
    nanos->push_back(static_cast<double>((executor.Now() - due) / absl::Nanoseconds(1)));
  }
}

void BM_Runtime_ReadyFromTimer(benchmark::State& state) {
  Loaded loaded(state);
  std::vector<double> nanos;
  while (state.KeepRunningBatch(kSamples)) {
    (void)loaded.runtime().BlockOn(SleepAgainAndAgain(loaded.runtime(), kSamples, &nanos));
  }
  ReportQuantiles(state, std::move(nanos));
}

void UnderEachLoad(benchmark::internal::Benchmark* it) {
  it->ArgName("load")->DenseRange(kIdle, kLoadCount - 1)->UseRealTime()->Iterations(kSamples);
}
BENCHMARK(BM_Runtime_ReadyFromOutside)->Apply(UnderEachLoad);
BENCHMARK(BM_Runtime_ReadyFromWorker)->Apply(UnderEachLoad);
BENCHMARK(BM_Runtime_ReadyFromTimer)->Apply(UnderEachLoad);

}  // namespace
}  // namespace weft

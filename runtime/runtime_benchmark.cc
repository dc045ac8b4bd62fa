// What tasks cost on the runtime: spawn and join in several shapes, yield, a wake-up between two
// tasks, a round trip from a foreign thread, timers, latencies, and processor time while idle.
// "cpu" is the time of all threads: the one to read on a machine that others use too.
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/backoff.h"
#include "base/instant.h"
#include "base/mutex.h"
#include "benchmark/benchmark.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "future/task.h"
#include "future/waker.h"
#include "parker/parker.h"
#include "runtime/runtime.h"
#include "runtime/stats.h"

namespace weft {
namespace {

Runtime::Options Workers(const benchmark::State& state) {
  Runtime::Options options;
  options.workers = static_cast<int>(state.range(0));
  return options;
}

void ForOneAndTwoWorkers(benchmark::internal::Benchmark* it) {
  it->ArgName("workers")->Arg(1)->Arg(2)->UseRealTime()->MeasureProcessCPUTime();
}

// ---- Spawn and join ------------------------------------------------------------------------

Task<void> SpawnThenJoin(Executor& executor, int count) {
  std::vector<JoinHandle<int>> handles;
  handles.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) handles.push_back(Spawn(executor, Ready<int>(i)));
  for (JoinHandle<int>& handle : handles) benchmark::DoNotOptimize(co_await std::move(handle));
}

// 10,000 tasks spawned by a task, then joined in order.
void BM_Runtime_SpawnJoin(benchmark::State& state) {
  constexpr int kTasks = 10'000;
  Runtime runtime(Workers(state));
  for (auto _ : state) (void)runtime.BlockOn(SpawnThenJoin(runtime, kTasks));
  state.SetItemsProcessed(state.iterations() * kTasks);
}
BENCHMARK(BM_Runtime_SpawnJoin)->Apply(ForOneAndTwoWorkers);

Task<void> SpawnAndJoinEach(Executor& executor, int count) {
  for (int i = 0; i < count; ++i) {
    JoinHandle<int> handle = Spawn(executor, Ready<int>(i));
    benchmark::DoNotOptimize(co_await std::move(handle));
  }
}

// A task spawns one child and joins it, again and again.
void BM_Runtime_SpawnJoinOne(benchmark::State& state) {
  constexpr int kTasks = 10'000;
  Runtime runtime(Workers(state));
  for (auto _ : state) (void)runtime.BlockOn(SpawnAndJoinEach(runtime, kTasks));
  state.SetItemsProcessed(state.iterations() * kTasks);
}
BENCHMARK(BM_Runtime_SpawnJoinOne)->Apply(ForOneAndTwoWorkers);

// Empty tasks that nobody joins, counted when they run.
class Empties {
 public:
  explicit Empties(Executor* executor) : executor_(*executor) {}

  void Spawn(int count) {
    for (int i = 0; i < count; ++i) {
      weft::Spawn(executor_, PollFn([this](Context&) -> Poll<void> {
                    done_.fetch_add(1, std::memory_order_relaxed);
                    return Poll<void>::Ready();
                  }))
          .Detach();
    }
  }
  auto SpawnAsTask(int count) {
    return PollFn([this, count](Context&) -> Poll<void> {
      Spawn(count);
      return Poll<void>::Ready();
    });
  }
  bool AreDone(int count) const { return done_.load(std::memory_order_acquire) >= count; }

 private:
  Executor& executor_;
  std::atomic<int> done_{0};
};

Task<void> AwaitEmpties(Executor& executor, int spawners, int count) {
  Empties empties(&executor);
  std::vector<JoinHandle<void>> handles;
  for (int i = 0; i < spawners; ++i) {
    handles.push_back(Spawn(executor, empties.SpawnAsTask(count)));
  }
  for (JoinHandle<void>& handle : handles) (void)co_await std::move(handle);
  while (!empties.AreDone(spawners * count)) co_await YieldNow();
}

// Empty tasks, spawned by one task, or by two at once.
void BM_Runtime_EmptyTasks(benchmark::State& state) {
  constexpr int kTasks = 10'000;
  const int spawners = static_cast<int>(state.range(1));
  Runtime runtime(Workers(state));
  for (auto _ : state) (void)runtime.BlockOn(AwaitEmpties(runtime, spawners, kTasks));
  state.SetItemsProcessed(state.iterations() * spawners * kTasks);
}
BENCHMARK(BM_Runtime_EmptyTasks)
    ->ArgNames({"workers", "spawners"})
    ->Args({1, 1})
    ->Args({2, 1})
    ->Args({2, 2})
    ->UseRealTime()
    ->MeasureProcessCPUTime();

// One task spawns and holds its worker until the other one has run all.
void BM_Runtime_SpawnForOthers(benchmark::State& state) {
  constexpr int kTasks = 10'000;
  Runtime runtime(Workers(state));
  for (auto _ : state) {
    (void)runtime.BlockOn(PollFn([&runtime](Context&) -> Poll<void> {
      Empties empties(&runtime);
      empties.Spawn(kTasks);
      while (!empties.AreDone(kTasks)) CpuRelax();
      return Poll<void>::Ready();
    }));
  }
  const WorkerStats total = runtime.Stats().Total();
  state.SetItemsProcessed(state.iterations() * kTasks);
  state.counters["attempts_per_steal"] = static_cast<double>(total.steal_attempts) /
                                         static_cast<double>(std::max<uint64_t>(total.steals, 1));
}
BENCHMARK(BM_Runtime_SpawnForOthers)
    ->ArgName("workers")
    ->Arg(2)
    ->UseRealTime()
    ->MeasureProcessCPUTime();

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

void ReportQuantiles(benchmark::State& state, std::vector<double> nanos) {
  if (nanos.empty()) return;
  std::sort(nanos.begin(), nanos.end());
  double sum = 0;
  for (const double value : nanos) sum += value;
  state.counters["mean_ns"] = sum / static_cast<double>(nanos.size());
  state.counters["p50_ns"] = nanos[nanos.size() / 2];
  state.counters["p99_ns"] = nanos[nanos.size() * 99 / 100];
}

// The call of Spawn() alone, each one measured by the cycle counter; 200 calls, then their runs.
void BM_Runtime_SpawnCall(benchmark::State& state) {
  constexpr int kCalls = 200;
  Runtime runtime(Workers(state));
  const double nanos_per_cycle = NanosPerCycle();
  int64_t overhead = 1'000'000;
  for (int i = 0; i < 1'000; ++i) {
    const int64_t begin = Cycles();
    overhead = std::min(overhead, Cycles() - begin);
  }
  std::vector<double> nanos;
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
BENCHMARK(BM_Runtime_SpawnCall)->Apply(ForOneAndTwoWorkers)->Iterations(2'000);

// ---- Yield and wake ------------------------------------------------------------------------

Task<void> YieldTimes(int count) {
  for (int i = 0; i < count; ++i) co_await YieldNow();
}

Task<void> YieldTogether(Executor& executor, int tasks, int count) {
  std::vector<JoinHandle<void>> handles;
  for (int i = 0; i < tasks; ++i) handles.push_back(Spawn(executor, YieldTimes(count)));
  for (JoinHandle<void>& handle : handles) (void)co_await std::move(handle);
}

// 200 tasks that yield 200 times each.
void BM_Runtime_Yield(benchmark::State& state) {
  Runtime runtime(Workers(state));
  for (auto _ : state) (void)runtime.BlockOn(YieldTogether(runtime, 200, 200));
  state.SetItemsProcessed(state.iterations() * 200 * 200);
}
BENCHMARK(BM_Runtime_Yield)->Apply(ForOneAndTwoWorkers);

// Two tasks hand a turn to and fro.
class Turns {
 public:
  auto Take(int self) {
    return PollFn([this, self](Context& cx) -> Poll<void> {
      MutexLock lock(&mutex_);
      if (turn_ == self) return Poll<void>::Ready();
      waker_ = cx.waker().Clone();
      return kPending;
    });
  }
  void Give(int other) {
    Waker waker;
    {
      MutexLock lock(&mutex_);
      turn_ = other;
      waker = std::move(waker_);
    }
    std::move(waker).Wake();
  }

 private:
  Mutex mutex_;
  int turn_ ABSL_GUARDED_BY(mutex_) = 0;
  Waker waker_ ABSL_GUARDED_BY(mutex_);
};

Task<void> Play(Turns& turns, int self, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    co_await turns.Take(self);
    turns.Give(1 - self);
  }
}

Task<void> PlayBoth(Executor& executor, int rounds) {
  Turns turns;
  JoinHandle<void> other = Spawn(executor, Play(turns, 1, rounds));
  co_await Play(turns, 0, rounds);
  (void)co_await std::move(other);
}

void BM_Runtime_PingPong(benchmark::State& state) {
  constexpr int kRounds = 1'000;
  Runtime runtime(Workers(state));
  for (auto _ : state) (void)runtime.BlockOn(PlayBoth(runtime, kRounds));
  state.SetItemsProcessed(state.iterations() * kRounds);
}
BENCHMARK(BM_Runtime_PingPong)->Apply(ForOneAndTwoWorkers);

// One task from a foreign thread, and its result back: two wake-ups of threads.
void BM_Runtime_BlockOn(benchmark::State& state) {
  Runtime runtime(Workers(state));
  for (auto _ : state) benchmark::DoNotOptimize(runtime.BlockOn(Ready<int>(1)));
}
BENCHMARK(BM_Runtime_BlockOn)->Apply(ForOneAndTwoWorkers);

// From a push by a foreign thread until the task runs: the workers idle, or one of them busy with
// 100 tasks that yield.
class Stamp final : public Runnable {
 public:
  void Run() noexcept override {
    ran_at_ = MonotonicNow();
    is_done_.store(true, std::memory_order_release);
  }
  double NanosSince(Instant begin) const {
    while (!is_done_.load(std::memory_order_acquire)) CpuRelax();
    return static_cast<double>((ran_at_ - begin) / absl::Nanoseconds(1));
  }

 private:
  Instant ran_at_;
  std::atomic<bool> is_done_{false};
};

Task<void> YieldUntil(const std::atomic<bool>& flag) {
  while (!flag.load(std::memory_order_relaxed)) co_await YieldNow();
}

void BM_Runtime_WakeLatency(benchmark::State& state) {
  Runtime runtime(Workers(state));
  const int64_t load = state.range(1);
  std::atomic<bool> stop{false};
  for (int64_t i = 0; i < load; ++i) Spawn(runtime, YieldUntil(stop)).Detach();
  Parker parker;
  std::vector<double> nanos;
  for (auto _ : state) {
    parker.ParkUntil(MonotonicNow() + absl::Microseconds(200));
    Stamp stamp;
    const Instant begin = MonotonicNow();
    runtime.Schedule(&stamp, ScheduleHint::kSpawn);
    nanos.push_back(stamp.NanosSince(begin));
  }
  stop = true;
  ReportQuantiles(state, std::move(nanos));
}
BENCHMARK(BM_Runtime_WakeLatency)
    ->ArgNames({"workers", "load"})
    ->Args({1, 0})
    ->Args({1, 100})
    ->UseRealTime()
    ->Iterations(2'000);

// ---- Timers and idleness -------------------------------------------------------------------

Task<void> SleepTogether(Executor& executor, int tasks) {
  std::vector<JoinHandle<void>> handles;
  for (int i = 0; i < tasks; ++i) {
    handles.push_back(Spawn(executor, SleepFor(absl::Milliseconds(1))));
  }
  for (JoinHandle<void>& handle : handles) (void)co_await std::move(handle);
}

// 10,000 tasks that sleep for a millisecond.
void BM_Runtime_Sleep(benchmark::State& state) {
  constexpr int kTasks = 10'000;
  Runtime runtime(Workers(state));
  for (auto _ : state) (void)runtime.BlockOn(SleepTogether(runtime, kTasks));
  state.SetItemsProcessed(state.iterations() * kTasks);
}
BENCHMARK(BM_Runtime_Sleep)->Apply(ForOneAndTwoWorkers);

int64_t ProcessorMicroseconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const auto total = [](const timeval& time) {
    return int64_t{time.tv_sec} * 1'000'000 + time.tv_usec;
  };
  return total(usage.ru_utime) + total(usage.ru_stime);
}

// Processor time of the whole process per 20 ms in which it does nothing.
void BM_Runtime_Idle(benchmark::State& state) {
  Runtime runtime(Workers(state));
  Parker parker;
  int64_t used = 0;
  for (auto _ : state) {
    const int64_t before = ProcessorMicroseconds();
    parker.ParkUntil(MonotonicNow() + absl::Milliseconds(20));
    used += ProcessorMicroseconds() - before;
  }
  state.counters["cpu_us"] =
      benchmark::Counter(static_cast<double>(used), benchmark::Counter::kAvgIterations);
}
BENCHMARK(BM_Runtime_Idle)->ArgName("workers")->Arg(2)->Arg(16)->UseRealTime();

}  // namespace
}  // namespace weft

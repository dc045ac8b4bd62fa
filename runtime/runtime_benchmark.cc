// What tasks cost on the runtime: spawn and join in several shapes, yield, a wake-up between two
// tasks, a round trip from a foreign thread, timers, and what is left of the processors for work.
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

Task<void> SpawnEmpties(Executor& executor, int count) {
  for (int i = 0; i < count; ++i) SpawnDetached(executor, Ready<>());
  co_return;
}

// Nothing counts the tasks but the runtime: a counter of their own would be what is measured.
Task<void> AwaitEmpties(Runtime& runtime, int spawners, int count) {
  const uint64_t others = runtime.Stats().live_tasks;
  std::vector<JoinHandle<void>> handles;
  for (int i = 0; i < spawners; ++i) {
    handles.push_back(Spawn(runtime, SpawnEmpties(runtime, count)));
  }
  // Until all are spawned, nobody looks at what the workers write.
  for (JoinHandle<void>& handle : handles) (void)co_await std::move(handle);
  while (runtime.Stats().live_tasks > others) co_await YieldNow();
}

// Empty tasks that nobody joins, spawned by one task, or by two at once.
void BM_Runtime_EmptyTasks(benchmark::State& state) {
  constexpr int kTasks = 100'000;
  const int spawners = static_cast<int>(state.range(1));
  Runtime runtime(Workers(state));
  for (auto _ : state) (void)runtime.BlockOn(AwaitEmpties(runtime, spawners, kTasks));
  state.SetItemsProcessed(state.iterations() * spawners * kTasks);
  state.counters["millions_per_s"] =
      benchmark::Counter(static_cast<double>(state.iterations() * spawners * kTasks) * 1e-6,
                         benchmark::Counter::kIsRate);
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
      std::atomic<int> done{0};
      for (int i = 0; i < kTasks; ++i) {
        SpawnDetached(runtime, PollFn([&done](Context&) -> Poll<void> {
                        done.fetch_add(1, std::memory_order_relaxed);
                        return Poll<void>::Ready();
                      }));
      }
      while (done.load(std::memory_order_acquire) < kTasks) CpuRelax();
      return Poll<void>::Ready();
    }));
  }
  state.SetItemsProcessed(state.iterations() * kTasks);
}
BENCHMARK(BM_Runtime_SpawnForOthers)
    ->ArgName("workers")
    ->Arg(2)
    ->UseRealTime()
    ->MeasureProcessCPUTime();

// ---- Work that computes --------------------------------------------------------------------

// Processor time of all threads of the process.
absl::Duration ProcessorTime() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return absl::DurationFromTimeval(usage.ru_utime) + absl::DurationFromTimeval(usage.ru_stime);
}

// Some microseconds of arithmetic, of which a compiler cannot do several steps at once.
uint64_t Compute(uint64_t value) {
  for (int i = 0; i < 3'000; ++i) {
    value ^= value >> 29;
    value *= 0xbf58476d1ce4e5b9u;
  }
  return value;
}

Task<void> ComputeApart(Executor& executor, int count) {
  std::vector<JoinHandle<uint64_t>> handles;
  handles.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    auto body = [](int seed) -> Task<uint64_t> { co_return Compute(static_cast<uint64_t>(seed)); };
    handles.push_back(Spawn(executor, body(i)));
  }
  for (auto& handle : handles) benchmark::DoNotOptimize(co_await std::move(handle));
}

// A task spawns 1,000 that compute and joins them: how much of the workers' time is work, by the
// runtime's account and by the kernel's, and what stealing takes.
void BM_Runtime_CpuUse(benchmark::State& state) {
  constexpr int kTasks = 1'000;
  Runtime runtime(Workers(state));
  const WorkerStats stats = runtime.Stats().Total();
  const absl::Duration used = ProcessorTime();
  const Instant begin = MonotonicNow();
  for (auto _ : state) (void)runtime.BlockOn(ComputeApart(runtime, kTasks));
  const absl::Duration offered = (MonotonicNow() - begin) * runtime.workers();
  const WorkerStats end = runtime.Stats().Total();
  state.SetItemsProcessed(state.iterations() * kTasks);
  state.counters["busy_percent"] =
      100 * absl::FDivDuration(end.busy_time - stats.busy_time, offered);
  state.counters["cpu_percent"] = 100 * absl::FDivDuration(ProcessorTime() - used, offered);
  state.counters["attempts_per_steal"] =
      static_cast<double>(end.steal_attempts - stats.steal_attempts) /
      static_cast<double>(std::max<uint64_t>(end.steals - stats.steals, 1));
}
BENCHMARK(BM_Runtime_CpuUse)->Apply(ForOneAndTwoWorkers);

// ---- Yield and wake ------------------------------------------------------------------------

Task<void> YieldTimes(int count) {
  for (int i = 0; i < count; ++i) co_await YieldNow();
}

Task<void> YieldTogether(Executor& executor, int tasks, int count) {
  std::vector<JoinHandle<void>> handles;
  for (int i = 0; i < tasks; ++i) handles.push_back(Spawn(executor, YieldTimes(count)));
  for (JoinHandle<void>& handle : handles) (void)co_await std::move(handle);
}

// 400,000 yields, by one task or by many together.
void BM_Runtime_Yield(benchmark::State& state) {
  constexpr int kYields = 400'000;
  const int tasks = static_cast<int>(state.range(1));
  Runtime runtime(Workers(state));
  for (auto _ : state) (void)runtime.BlockOn(YieldTogether(runtime, tasks, kYields / tasks));
  state.SetItemsProcessed(state.iterations() * kYields);
}
BENCHMARK(BM_Runtime_Yield)
    ->ArgNames({"workers", "tasks"})
    ->ArgsProduct({{1, 2}, {1, 2, 200, 1'000}})
    ->UseRealTime()
    ->MeasureProcessCPUTime();

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

// ---- Timers --------------------------------------------------------------------------------

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

}  // namespace
}  // namespace weft

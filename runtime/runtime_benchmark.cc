// What tasks cost on the runtime: spawn and join, yield, a wake-up between two tasks, a round trip
// from a foreign thread, timers, and processor time while idle.
#include <sys/resource.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
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

namespace weft {
namespace {

Runtime::Options Workers(const benchmark::State& state) {
  Runtime::Options options;
  options.workers = static_cast<int>(state.range(0));
  return options;
}

Task<void> SpawnAndJoin(Executor& executor, int count) {
  std::vector<JoinHandle<int>> handles;
  handles.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) handles.push_back(Spawn(executor, Ready<int>(i)));
  for (JoinHandle<int>& handle : handles) benchmark::DoNotOptimize(co_await std::move(handle));
}

// 10,000 tasks spawned by a task, then joined in order.
void BM_Runtime_SpawnJoin(benchmark::State& state) {
  constexpr int kTasks = 10'000;
  Runtime runtime(Workers(state));
  for (auto _ : state) (void)runtime.BlockOn(SpawnAndJoin(runtime, kTasks));
  state.SetItemsProcessed(state.iterations() * kTasks);
}
BENCHMARK(BM_Runtime_SpawnJoin)->ArgName("workers")->Arg(1)->Arg(2)->UseRealTime();

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
BENCHMARK(BM_Runtime_Yield)->ArgName("workers")->Arg(1)->Arg(2)->UseRealTime();

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
BENCHMARK(BM_Runtime_PingPong)->ArgName("workers")->Arg(1)->Arg(2)->UseRealTime();

// One task from a foreign thread, and its result back: two wake-ups of threads.
void BM_Runtime_BlockOn(benchmark::State& state) {
  Runtime runtime(Workers(state));
  for (auto _ : state) benchmark::DoNotOptimize(runtime.BlockOn(Ready<int>(1)));
}
BENCHMARK(BM_Runtime_BlockOn)->ArgName("workers")->Arg(1)->Arg(2)->UseRealTime();

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
BENCHMARK(BM_Runtime_Sleep)->ArgName("workers")->Arg(1)->Arg(2)->UseRealTime();

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

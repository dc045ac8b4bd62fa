// What more workers bring: the same work on one worker and on many, in turn. Counters: how many
// times as fast ("speedup"), and that per worker ("efficiency"; 1 is linear). The plain threads say
// what the machine itself gives: two virtual processors may be one core.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "base/instant.h"
#include "benchmark/benchmark.h"
#include "channel/channel.h"
#include "future/executor.h"
#include "future/poll_fn.h"
#include "future/spawn.h"
#include "future/task.h"
#include "runtime/fork_join.h"
#include "runtime/parallelism.h"
#include "runtime/runtime.h"

namespace weft {
namespace {

// ---- Work: each is a class that is made for a number of workers and called again and again --

// A number that takes some nanoseconds and no memory.
uint64_t Mixed(uint64_t value) {
  for (int i = 0; i < 8; ++i) {
    value ^= value >> 29;
    value *= 0xbf58476d1ce4e5b9u;
  }
  return value;
}
constexpr uint64_t kNumbers = 1 << 23;  // some milliseconds
uint64_t SumOfMixed(uint64_t begin, uint64_t end) {
  uint64_t sum = 0;
  for (uint64_t i = begin; i < end; ++i) sum += Mixed(i);
  return sum;
}

// Computes in equal shares on threads that nothing schedules.
class PlainThreads {
 public:
  explicit PlainThreads(int workers) : workers_(static_cast<uint64_t>(workers)) {}

  void operator()() {
    std::vector<std::thread> threads;
    for (uint64_t i = 0; i < workers_; ++i) {
      threads.emplace_back([begin = kNumbers / workers_ * i, end = kNumbers / workers_ * (i + 1)] {
        benchmark::DoNotOptimize(SumOfMixed(begin, end));
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

 private:
  const uint64_t workers_;
};

class OnRuntime {
 public:
  explicit OnRuntime(int workers) : runtime_(RuntimeOptions{.workers = workers}) {}

 protected:
  Runtime runtime_;
};

// The same sum, by ParallelReduce.
class Reduce : OnRuntime {
 public:
  using OnRuntime::OnRuntime;

  // Mixed() is inlined, as in the loop of SumOfMixed(): by its name, it would be called.
  void operator()() {
    benchmark::DoNotOptimize(RunOn(runtime_, [] {
      return ParallelReduce(
          uint64_t{0}, kNumbers, uint64_t{0}, [](uint64_t i) { return Mixed(i); },
          std::plus<uint64_t>());
    }));
  }
};

// fib(30) by Join: forks and little else.
class ForkJoin : OnRuntime {
 public:
  using OnRuntime::OnRuntime;

  void operator()() {
    benchmark::DoNotOptimize(RunOn(runtime_, [] { return Fib(30); }));
  }

 private:
  [[gnu::noinline]] static int64_t Fib(int64_t n) {
    if (n < 2) return n;
    const auto [a, b] = Join([n] { return Fib(n - 1); }, [n] { return Fib(n - 2); });
    return a + b;
  }
};

Task<> SpawnAndJoin(Executor& executor, int count) {
  std::vector<JoinHandle<int>> handles;
  handles.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) handles.push_back(Spawn(executor, Ready<int>(i)));
  for (JoinHandle<int>& handle : handles) benchmark::DoNotOptimize(co_await std::move(handle));
}

template <typename Make>
Task<> RunAll(Executor& executor, int count, Make make) {
  std::vector<JoinHandle<void>> handles;
  for (int i = 0; i < count; ++i) handles.push_back(Spawn(executor, make(executor)));
  for (JoinHandle<void>& handle : handles) (void)co_await std::move(handle);
}

// 64 tasks that spawn 1,000 empty ones each and join them.
class SpawnStorm : OnRuntime {
 public:
  using OnRuntime::OnRuntime;

  void operator()() {
    (void)runtime_.BlockOn(
        RunAll(runtime_, 64, [](Executor& executor) { return SpawnAndJoin(executor, 1'000); }));
  }
};

Task<> SendMany(Sender<int> sender, int count) {
  for (int i = 0; i < count; ++i) (void)co_await sender.Send(i);
  sender.Close();
}
Task<> SendAndReceive(Executor& executor, int count) {
  auto [sender, receiver] = MakeChannel<int>(1'024);
  Spawn(executor, SendMany(sender, count)).Detach();
  while (true) {
    const std::optional<int> value = co_await receiver.Receive();
    if (!value.has_value()) break;
    benchmark::DoNotOptimize(*value);
  }
}

// 64 channels, each with a task that sends 4,000 numbers and one that receives them.
class Channels : OnRuntime {
 public:
  using OnRuntime::OnRuntime;

  void operator()() {
    (void)runtime_.BlockOn(
        RunAll(runtime_, 64, [](Executor& executor) { return SendAndReceive(executor, 4'000); }));
  }
};

// ---- Measuring -----------------------------------------------------------------------------

template <typename Work>
absl::Duration TimeOf(Work& work) {
  const Instant begin = MonotonicNow();
  work();
  return MonotonicNow() - begin;
}

template <typename Work>
void BM_Scaling(benchmark::State& state) {
  const int workers = static_cast<int>(state.range(0));
  Work alone(1);
  Work together(workers);
  (void)TimeOf(alone);
  (void)TimeOf(together);
  absl::Duration alone_sum;
  absl::Duration together_sum;
  for (auto _ : state) {
    alone_sum += TimeOf(alone);
    const absl::Duration time = TimeOf(together);
    together_sum += time;
    state.SetIterationTime(absl::ToDoubleSeconds(time));
  }
  const double speedup = absl::FDivDuration(alone_sum, together_sum);
  state.counters["speedup"] = speedup;
  state.counters["efficiency"] = speedup / workers;
}

// 1, 2, 4, 8 ... workers, as far as there are processors.
void ForEachCountOfWorkers(benchmark::internal::Benchmark* it) {
  it->ArgName("workers")->UseManualTime()->Unit(benchmark::kMillisecond);
  for (int workers = 1; workers <= AvailableParallelism(); workers *= 2) it->Arg(workers);
}

BENCHMARK(BM_Scaling<PlainThreads>)->Apply(ForEachCountOfWorkers);
BENCHMARK(BM_Scaling<Reduce>)->Apply(ForEachCountOfWorkers);
BENCHMARK(BM_Scaling<ForkJoin>)->Apply(ForEachCountOfWorkers);
BENCHMARK(BM_Scaling<SpawnStorm>)->Apply(ForEachCountOfWorkers);
BENCHMARK(BM_Scaling<Channels>)->Apply(ForEachCountOfWorkers);

}  // namespace
}  // namespace weft

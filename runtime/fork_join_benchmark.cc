// What fork-join costs: the shapes of fork_join_shapes.h by Join and ParallelFor with 1 and 2
// workers, and by plain calls ("serial"), which is the floor; loops by ParallelFor, sorts by
// ParallelSort. Rivals: rivals_benchmark.cc.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "benchmark/benchmark.h"
#include "runtime/fork_join.h"
#include "runtime/fork_join_shapes.h"
#include "runtime/parallel_sort.h"
#include "runtime/runtime.h"

namespace weft {
namespace {

using fork_join_shapes::CountRuns;
using fork_join_shapes::Scaled;
using fork_join_shapes::TimeShape;
using fork_join_shapes::TimeSort;

struct Serial {
  template <typename F, typename G>
  static auto Both(F f, G g) {
    auto first = f();
    return std::pair(first, g());
  }
  template <typename F>
  static void Each(std::size_t n, F f) {
    for (std::size_t i = 0; i < n; ++i) f(i);
  }
};
struct Parallel {
  template <typename F, typename G>
  static auto Both(F f, G g) {
    return Join(f, g);
  }
  template <typename F>
  static void Each(std::size_t n, F f) {
    ParallelFor(std::size_t{0}, n, f, {.grain = 1});
  }
};

RuntimeOptions OptionsOf(const benchmark::State& state) {
  return {.workers = static_cast<int>(state.range(0))};
}

template <std::size_t kShape>
void BM_Serial(benchmark::State& state) {
  TimeShape<Serial, kShape>(state, [](auto shape) { return shape(); });
}
template <std::size_t kShape>
void BM_Join(benchmark::State& state) {
  Runtime runtime(OptionsOf(state));
  TimeShape<Parallel, kShape>(state, [&](auto shape) { return RunOn(runtime, shape); });
  if (kShape == 0) {
    state.counters["per_fork"] =
        benchmark::Counter(static_cast<double>(state.iterations() * fork_join_shapes::kFib35Forks),
                           benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  }
}

template <std::size_t kSize>
void BM_LoopSerial(benchmark::State& state) {
  const Scaled body;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kSize; ++i) body(i);
    benchmark::DoNotOptimize(body.to);
    benchmark::ClobberMemory();
  }
  CountRuns(state);
}
template <std::size_t kSize>
void BM_LoopFor(benchmark::State& state) {
  Runtime runtime(OptionsOf(state));
  const Scaled body;
  // On the worker all the time: the way there is no part of the loop.
  RunOn(runtime, [&] {
    for (auto _ : state) {
      ParallelFor(std::size_t{0}, kSize, body);
      benchmark::DoNotOptimize(body.to);
      benchmark::ClobberMemory();
    }
  });
  CountRuns(state);
}

constexpr std::size_t kSorted = 1'000'000;
void BM_SortSerial(benchmark::State& state) {
  TimeSort(state, kSorted, [](auto& numbers) { std::sort(numbers.begin(), numbers.end()); });
}
void BM_SortParallel(benchmark::State& state) {
  Runtime runtime(OptionsOf(state));
  TimeSort(state, kSorted, [&](auto& numbers) { RunOn(runtime, [&] { ParallelSort(numbers); }); });
}

#define WEFT_SERIAL(function, name) \
  BENCHMARK(function)->Name("BM_ForkJoin_" name "/serial")->UseRealTime()
#define WEFT_WORKERS(function, name)      \
  BENCHMARK(function)                     \
      ->Name("BM_ForkJoin_" name "/weft") \
      ->ArgName("workers")                \
      ->Arg(1)                            \
      ->Arg(2)                            \
      ->MeasureProcessCPUTime()           \
      ->UseRealTime()
#define WEFT_SHAPE(index, name)        \
  WEFT_SERIAL(BM_Serial<index>, name); \
  WEFT_WORKERS(BM_Join<index>, name)

WEFT_SHAPE(0, "Fib");
WEFT_SHAPE(1, "Fib37");
WEFT_SHAPE(2, "Skynet");
WEFT_SHAPE(3, "Queens");
WEFT_SHAPE(4, "Matmul");
WEFT_SHAPE(5, "SkynetTen");
WEFT_SERIAL(BM_LoopSerial<10'000>, "Loop10k");
WEFT_WORKERS(BM_LoopFor<10'000>, "Loop10k");
WEFT_SERIAL(BM_LoopSerial<1'000'000>, "Loop1M");
WEFT_WORKERS(BM_LoopFor<1'000'000>, "Loop1M");
WEFT_SERIAL(BM_SortSerial, "Sort");
WEFT_WORKERS(BM_SortParallel, "Sort");

}  // namespace
}  // namespace weft

// The shapes of fork_join_shapes.h by oneTBB: parallel_invoke, parallel_for with its own choice of
// pieces, and std::sort(std::execution::par), which libstdc++ builds on it. Ours are those of
// fork_join_benchmark.cc, with the same names, and in this program too: what is compared runs on
// the same memory.
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/parallel_invoke.h>
#include <tbb/parallel_sort.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <execution>
#include <utility>
#include <vector>

#include "benchmark/benchmark.h"
#include "runtime/fork_join_shapes.h"

namespace weft {
namespace {

using fork_join_shapes::CountRuns;
using fork_join_shapes::Scaled;
using fork_join_shapes::TimeShape;
using fork_join_shapes::TimeSort;

struct Invoke {
  template <typename F, typename G>
  static auto Both(F f, G g) {
    std::pair<decltype(f()), decltype(g())> results;
    tbb::parallel_invoke([&] { results.first = f(); }, [&] { results.second = g(); });
    return results;
  }
  template <typename F>
  static void Each(std::size_t n, F f) {
    tbb::parallel_for(std::size_t{0}, n, f);
  }
};

// So many threads, the calling one included.
class Threads {
 public:
  explicit Threads(const benchmark::State& state)
      : limit_(tbb::global_control::max_allowed_parallelism,
               static_cast<std::size_t>(state.range(0))),
        arena_(static_cast<int>(state.range(0))) {}

  template <typename F>
  auto Run(F f) {
    return arena_.execute(f);
  }

 private:
  tbb::global_control limit_;
  tbb::task_arena arena_;
};

template <std::size_t kShape>
void BM_Invoke(benchmark::State& state) {
  Threads threads(state);
  TimeShape<Invoke, kShape>(state, [&](auto shape) { return threads.Run(shape); });
}

template <std::size_t kSize>
void BM_LoopFor(benchmark::State& state) {
  Threads threads(state);
  const Scaled body;
  threads.Run([&] {
    for (auto _ : state) {
      tbb::parallel_for(std::size_t{0}, kSize, [&body](std::size_t i) { body(i); });
      benchmark::DoNotOptimize(body.to);
      benchmark::ClobberMemory();
    }
  });
  CountRuns(state);
}

constexpr std::size_t kSorted = 1'000'000;
void BM_SortStandard(benchmark::State& state) {
  Threads threads(state);
  TimeSort(state, kSorted, [&](auto& numbers) {
    threads.Run([&] { std::sort(std::execution::par, numbers.begin(), numbers.end()); });
  });
}
void BM_SortParallel(benchmark::State& state) {
  Threads threads(state);
  TimeSort(state, kSorted, [&](auto& numbers) {
    threads.Run([&] { tbb::parallel_sort(numbers.begin(), numbers.end()); });
  });
}

#define WEFT_RIVAL(function, name) \
  BENCHMARK(function)              \
      ->Name("BM_ForkJoin_" name)  \
      ->ArgName("workers")         \
      ->Arg(1)                     \
      ->Arg(2)                     \
      ->MeasureProcessCPUTime()    \
      ->UseRealTime()

WEFT_RIVAL(BM_Invoke<0>, "Fib/onetbb");
WEFT_RIVAL(BM_Invoke<1>, "Fib37/onetbb");
WEFT_RIVAL(BM_Invoke<2>, "Skynet/onetbb");
WEFT_RIVAL(BM_Invoke<3>, "Queens/onetbb");
WEFT_RIVAL(BM_Invoke<4>, "Matmul/onetbb");
WEFT_RIVAL(BM_Invoke<5>, "SkynetTen/onetbb");
WEFT_RIVAL(BM_LoopFor<10'000>, "Loop10k/onetbb");
WEFT_RIVAL(BM_LoopFor<1'000'000>, "Loop1M/onetbb");
WEFT_RIVAL(BM_SortParallel, "Sort/onetbb");
WEFT_RIVAL(BM_SortStandard, "Sort/execution_par");

}  // namespace
}  // namespace weft

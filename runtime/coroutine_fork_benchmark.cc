// What fork-join of coroutines costs: fib(27) with a leaf of n < 2 and no cut-off (time per fork,
// of which each makes two calls), and skynet (a sum of 10^5 leaves, ten children a node); by
// ForkJoin and by tasks that are spawned and joined ("spawn"), with 1 and 2 workers, and by
// awaiting one child after the other ("await"), which is the floor.
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "benchmark/benchmark.h"
#include "future/executor.h"
#include "future/fork_join.h"
#include "future/poll_fn.h"
#include "future/spawn.h"
#include "future/task.h"
#include "runtime/runtime.h"

namespace weft {
namespace {

using Sum = Task<std::int64_t>;

Sum FibByAwait(int n) {
  if (n < 2) co_return n;
  const std::int64_t a = co_await FibByAwait(n - 1);
  const std::int64_t b = co_await FibByAwait(n - 2);
  co_return a + b;
}
Sum FibByFork(int n) {
  if (n < 2) co_return n;
  auto fork = ForkJoin(FibByFork(n - 1), FibByFork(n - 2));
  const auto [a, b] = co_await std::move(fork);
  co_return a + b;
}
Sum FibBySpawn(int n) {
  if (n < 2) co_return n;
  Executor* const executor = co_await CurrentExecutor();
  JoinHandle<std::int64_t> second = Spawn(*executor, FibBySpawn(n - 2));
  const std::int64_t a = co_await FibBySpawn(n - 1);
  const absl::StatusOr<std::int64_t> b = co_await std::move(second);
  co_return a + *b;
}

constexpr int kFib = 27;
constexpr double kForks = 317'810;
constexpr std::int64_t kLeaves = 100'000;

Sum SkynetByAwait(std::int64_t number, std::int64_t size) {
  if (size == 1) co_return number;
  std::int64_t sum = 0;
  for (int i = 0; i < 10; ++i) sum += co_await SkynetByAwait(number + i * (size / 10), size / 10);
  co_return sum;
}
Sum SkynetByFork(std::int64_t number, std::int64_t size) {
  if (size == 1) co_return number;
  std::vector<Sum> children;
  children.reserve(10);
  for (int i = 0; i < 10; ++i) {
    children.push_back(SkynetByFork(number + i * (size / 10), size / 10));
  }
  auto fork = ForkJoin(std::move(children));
  const std::vector<std::int64_t> sums = co_await std::move(fork);
  std::int64_t sum = 0;
  for (const std::int64_t each : sums) sum += each;
  co_return sum;
}

void Run(benchmark::State& state, Sum (*shape)(), double count) {
  Runtime runtime(RuntimeOptions{.workers = static_cast<int>(state.range(0))});
  for (auto _ : state) benchmark::DoNotOptimize(*runtime.BlockOn(shape()));
  state.counters["per_fork"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * count,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
template <Sum (*fib)(int)>
void BM_Fib(benchmark::State& state) {
  Run(state, [] { return fib(kFib); }, kForks);
}
template <Sum (*skynet)(std::int64_t, std::int64_t)>
void BM_Skynet(benchmark::State& state) {
  Run(state, [] { return skynet(0, kLeaves); }, static_cast<double>(kLeaves));
}

#define WEFT_WORKERS ArgName("workers")->Arg(1)->Arg(2)->MeasureProcessCPUTime()->UseRealTime()
#define WEFT_ONE_WORKER ArgName("workers")->Arg(1)->UseRealTime()

BENCHMARK(BM_Fib<FibByAwait>)->Name("BM_Coroutines_Fib/await")->WEFT_ONE_WORKER;
BENCHMARK(BM_Fib<FibByFork>)->Name("BM_Coroutines_Fib/fork")->WEFT_WORKERS;
BENCHMARK(BM_Fib<FibBySpawn>)->Name("BM_Coroutines_Fib/spawn")->WEFT_WORKERS;
BENCHMARK(BM_Skynet<SkynetByAwait>)->Name("BM_Coroutines_Skynet/await")->WEFT_ONE_WORKER;
BENCHMARK(BM_Skynet<SkynetByFork>)->Name("BM_Coroutines_Skynet/fork")->WEFT_WORKERS;

}  // namespace
}  // namespace weft

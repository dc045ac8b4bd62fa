// What fork-join of coroutines costs: fib(27) with a leaf of n < 2 and no cut-off (time per fork),
// and skynet (a sum of 10^5 leaves, ten children a node); by ForkJoin, by tasks that are spawned
// and joined ("spawn"), by nurseries, all with 1 and 2 workers, and by awaiting one child after the
// other ("await"), which is the floor.
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "benchmark/benchmark.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/fork_join.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/spawn.h"
#include "future/task.h"
#include "nursery/nursery.h"
#include "runtime/runtime.h"

namespace weft {
namespace {

using Sum = Task<std::int64_t>;

auto CurrentExecutor() {
  return PollFn([](Context& cx) { return Poll<Executor*>(&cx.executor()); });
}

Sum FibByAwait(int n) {
  if (n < 2) co_return n;
  const std::int64_t a = co_await FibByAwait(n - 1);
  co_return a + co_await FibByAwait(n - 2);
}
Sum FibByForkJoin(int n) {
  if (n < 2) co_return n;
  const auto [a, b] = co_await ForkJoin(FibByForkJoin(n - 1), FibByForkJoin(n - 2));
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
Task<> FibInto(std::int64_t* sum, int n);
Task<> FibChildren(Nursery& nursery, std::int64_t* a, std::int64_t* b, int n) {
  nursery.Spawn(FibInto(b, n - 2));
  co_await FibInto(a, n - 1);
}
Task<> FibInto(std::int64_t* sum, int n) {
  if (n < 2) {
    *sum = n;
    co_return;
  }
  std::int64_t a = 0;
  std::int64_t b = 0;
  const absl::Status status = co_await WithNursery(&FibChildren, &a, &b, n);
  *sum = status.ok() ? a + b : 0;
}
Sum FibByNursery(int n) {
  std::int64_t sum = 0;
  co_await FibInto(&sum, n);
  co_return sum;
}

constexpr int kFib = 27;
constexpr double kForks = 317'810;
template <Sum (*fib)(int)>
Sum Fib() {
  return fib(kFib);
}

Sum SkynetByAwait(std::int64_t number, std::int64_t size) {
  if (size == 1) co_return number;
  std::int64_t sum = 0;
  for (int i = 0; i < 10; ++i) sum += co_await SkynetByAwait(number + i * (size / 10), size / 10);
  co_return sum;
}
Sum SkynetByForkJoin(std::int64_t number, std::int64_t size) {
  if (size == 1) co_return number;
  std::vector<Sum> children;
  children.reserve(10);
  for (int i = 0; i < 10; ++i) {
    children.push_back(SkynetByForkJoin(number + i * (size / 10), size / 10));
  }
  const std::vector<std::int64_t> sums = co_await ForkJoin(std::move(children));
  std::int64_t sum = 0;
  for (const std::int64_t each : sums) sum += each;
  co_return sum;
}
Task<> SkynetInto(std::int64_t* sum, std::int64_t number, std::int64_t size);
Task<> SkynetChildren(Nursery& nursery, std::int64_t* sums, std::int64_t number,
                      std::int64_t size) {
  for (int i = 0; i < 10; ++i) {
    nursery.Spawn(SkynetInto(&sums[i], number + i * (size / 10), size / 10));
  }
  co_return;
}
Task<> SkynetInto(std::int64_t* sum, std::int64_t number, std::int64_t size) {
  if (size == 1) {
    *sum = number;
    co_return;
  }
  std::int64_t sums[10] = {};
  (void)co_await WithNursery(&SkynetChildren, &sums[0], number, size);
  *sum = 0;
  for (const std::int64_t each : sums) *sum += each;
}
Sum SkynetByNursery(std::int64_t number, std::int64_t size) {
  std::int64_t sum = 0;
  co_await SkynetInto(&sum, number, size);
  co_return sum;
}
constexpr std::int64_t kLeaves = 100'000;
template <Sum (*skynet)(std::int64_t, std::int64_t)>
Sum Skynet() {
  return skynet(0, kLeaves);
}

template <Sum (*shape)()>
void Run(benchmark::State& state, double count) {
  Runtime runtime(RuntimeOptions{.workers = static_cast<int>(state.range(0))});
  for (auto _ : state) benchmark::DoNotOptimize(*runtime.BlockOn(shape()));
  state.counters["per_fork"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * count,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
template <Sum (*fib)(int)>
void BM_Fib(benchmark::State& state) {
  Run<Fib<fib>>(state, kForks);
}
template <Sum (*skynet)(std::int64_t, std::int64_t)>
void BM_Skynet(benchmark::State& state) {
  Run<Skynet<skynet>>(state, static_cast<double>(kLeaves));
}

#define WEFT_WORKERS ArgName("workers")->Arg(1)->Arg(2)->MeasureProcessCPUTime()->UseRealTime()

BENCHMARK(BM_Fib<FibByAwait>)
    ->Name("BM_Coroutines_Fib/await")
    ->ArgName("workers")
    ->Arg(1)
    ->UseRealTime();
BENCHMARK(BM_Fib<FibByForkJoin>)->Name("BM_Coroutines_Fib/fork")->WEFT_WORKERS;
BENCHMARK(BM_Fib<FibBySpawn>)->Name("BM_Coroutines_Fib/spawn")->WEFT_WORKERS;
BENCHMARK(BM_Fib<FibByNursery>)->Name("BM_Coroutines_Fib/nursery")->WEFT_WORKERS;
BENCHMARK(BM_Skynet<SkynetByAwait>)
    ->Name("BM_Coroutines_Skynet/await")
    ->ArgName("workers")
    ->Arg(1)
    ->UseRealTime();
BENCHMARK(BM_Skynet<SkynetByForkJoin>)->Name("BM_Coroutines_Skynet/fork")->WEFT_WORKERS;
BENCHMARK(BM_Skynet<SkynetByNursery>)->Name("BM_Coroutines_Skynet/nursery")->WEFT_WORKERS;

}  // namespace
}  // namespace weft

// Costs of the pieces that everything above is made of.

#include <cstdint>
#include <tuple>
#include <utility>

#include "absl/status/statusor.h"
#include "benchmark/benchmark.h"
#include "future/block_on.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/manual_executor.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/spawn.h"
#include "future/task.h"
#include "future/waker.h"
#include "future/when_all.h"

namespace weft {
namespace {

Task<int> AddOne(int x) { co_return x + 1; }

void BM_Task_AwaitSynchronousChild(benchmark::State& state) {
  auto body = [](benchmark::State* loop) -> Task<int64_t> {
    int64_t sum = 0;
    for (auto _ : *loop) sum += co_await AddOne(1);
    co_return sum;
  };
  benchmark::DoNotOptimize(BlockOn(body(&state)));
}
BENCHMARK(BM_Task_AwaitSynchronousChild);

void BM_Task_AwaitReadyFuture(benchmark::State& state) {
  auto body = [](benchmark::State* loop) -> Task<int64_t> {
    int64_t sum = 0;
    for (auto _ : *loop) sum += co_await Ready<int>(1);
    co_return sum;
  };
  benchmark::DoNotOptimize(BlockOn(body(&state)));
}
BENCHMARK(BM_Task_AwaitReadyFuture);

void BM_WhenAll_TwoSynchronousTasks(benchmark::State& state) {
  auto body = [](benchmark::State* loop) -> Task<int64_t> {
    int64_t sum = 0;
    for (auto _ : *loop) {
      std::tuple<int, int> both = co_await WhenAll(AddOne(1), AddOne(2));
      sum += std::get<0>(both) + std::get<1>(both);
    }
    co_return sum;
  };
  benchmark::DoNotOptimize(BlockOn(body(&state)));
}
BENCHMARK(BM_WhenAll_TwoSynchronousTasks);

void BM_Spawn_SpawnAndJoin(benchmark::State& state) {
  ManualExecutor executor;
  auto body = [](benchmark::State* loop, Executor* where) -> Task<> {
    for (auto _ : *loop) {
      JoinHandle<int> handle = Spawn(*where, AddOne(1));
      absl::StatusOr<int> result = co_await std::move(handle);
      benchmark::DoNotOptimize(result);
    }
  };
  (void)executor.BlockOn(body(&state, &executor));
}
BENCHMARK(BM_Spawn_SpawnAndJoin);

void BM_Waker_CloneAndDrop(benchmark::State& state) {
  ManualExecutor executor;
  (void)executor.BlockOn(PollFn([&state](Context& cx) {
    for (auto _ : state) {
      Waker clone = cx.waker().Clone();
      benchmark::DoNotOptimize(clone);
    }
    return Poll<void>::Ready();
  }));
}
BENCHMARK(BM_Waker_CloneAndDrop);

void BM_Waker_WakeAndPoll(benchmark::State& state) {
  ManualExecutor executor;
  auto body = [](benchmark::State* loop) -> Task<> {
    for (auto _ : *loop) co_await YieldNow();
  };
  (void)executor.BlockOn(body(&state));
}
BENCHMARK(BM_Waker_WakeAndPoll);

void BM_CancelToken_StopRequested(benchmark::State& state) {
  CancelSource root;
  CancelSource child(root.token());
  for (auto _ : state) benchmark::DoNotOptimize(child.StopRequested());
}
BENCHMARK(BM_CancelToken_StopRequested);

void BM_CancelSource_MakeAndDropChild(benchmark::State& state) {
  CancelSource root;
  for (auto _ : state) {
    CancelSource child(root.token());
    benchmark::DoNotOptimize(child);
  }
}
BENCHMARK(BM_CancelSource_MakeAndDropChild);

}  // namespace
}  // namespace weft

// Costs of scopes, beside the same work without one.

#include <utility>

#include "absl/status/status.h"
#include "benchmark/benchmark.h"
#include "future/executor.h"
#include "future/manual_executor.h"
#include "future/poll_fn.h"
#include "future/spawn.h"
#include "future/task.h"
#include "nursery/nursery.h"

namespace weft {
namespace {

Task<> Nothing() { co_return; }

void BM_Nursery_SpawnAndRun(benchmark::State& state) {
  ManualExecutor executor;
  auto body = [](Nursery& nursery, benchmark::State* loop) -> Task<> {
    for (auto _ : *loop) {
      nursery.Spawn(Nothing());
      co_await YieldNow();
    }
  };
  (void)executor.BlockOn(WithNursery(body, &state));
}
BENCHMARK(BM_Nursery_SpawnAndRun);

void BM_Executor_SpawnAndRun(benchmark::State& state) {
  ManualExecutor executor;
  auto body = [](benchmark::State* loop, Executor* where) -> Task<> {
    for (auto _ : *loop) {
      Spawn(*where, Nothing()).Detach();
      co_await YieldNow();
    }
  };
  (void)executor.BlockOn(body(&state, &executor));
}
BENCHMARK(BM_Executor_SpawnAndRun);

void BM_Nursery_EmptyScope(benchmark::State& state) {
  ManualExecutor executor;
  auto scopes = [](benchmark::State* loop) -> Task<> {
    auto body = [](Nursery&) { return Ready<absl::Status>(absl::OkStatus()); };
    for (auto _ : *loop) {
      absl::Status status = co_await WithNursery(body);
      benchmark::DoNotOptimize(status);
    }
  };
  (void)executor.BlockOn(scopes(&state));
}
BENCHMARK(BM_Nursery_EmptyScope);

// From Cancel() to the end of the scope.
void BM_Nursery_CancelFanOut(benchmark::State& state) {
  ManualExecutor executor;
  const int children = static_cast<int>(state.range(0));
  auto body = [](Nursery& nursery, benchmark::State* loop, int count) -> Task<> {
    for (int i = 0; i < count; ++i) nursery.Spawn(Never<>());
    co_await YieldNow();
    loop->ResumeTiming();
    nursery.Cancel();
  };
  for (auto _ : state) {
    state.PauseTiming();
    (void)executor.BlockOn(WithNursery(body, &state, children));
  }
  state.SetItemsProcessed(state.iterations() * children);
}
BENCHMARK(BM_Nursery_CancelFanOut)->Arg(1000);

}  // namespace
}  // namespace weft

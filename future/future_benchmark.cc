// Costs of the pieces that everything above is made of.

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "benchmark/benchmark.h"
#include "future/block_on.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/frame_cache.h"
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

[[gnu::noinline]] Task<int> AddOneElsewhere(int x) { co_return x + 1; }

void BM_Task_AwaitSynchronousChildNotInlined(benchmark::State& state) {
  auto body = [](benchmark::State* loop) -> Task<int64_t> {
    int64_t sum = 0;
    for (auto _ : *loop) sum += co_await AddOneElsewhere(1);
    co_return sum;
  };
  benchmark::DoNotOptimize(BlockOn(body(&state)));
}
BENCHMARK(BM_Task_AwaitSynchronousChildNotInlined);

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

// One thread, one list, newest first: what a task costs beside its executor.
class BareExecutor final : public Executor {
 public:
  explicit BareExecutor(bool runs_in_place = false) : runs_in_place_(runs_in_place) {}

  void Schedule(Runnable* runnable, ScheduleHint) override {
    runnable->next_runnable = first_;
    first_ = runnable;
  }
  void ScheduleBlocking(Runnable* job) override { Schedule(job, ScheduleHint::kSpawn); }
  Instant Now() override { return Instant(); }
  TimerService& timers() override { return nothing_.timers(); }
  const CancelToken& token() override { return source_.token(); }
  void OnTaskSpawned() override {}
  void OnTaskFinished() override {}
  void StartTask(Runnable* task) override { Schedule(task, ScheduleHint::kSpawn); }
  bool TakeIfNext(Runnable* task) override {
    if (!runs_in_place_ || task != first_) return false;
    first_ = task->next_runnable;
    return true;
  }

  bool RunOne() {
    Runnable* const runnable = first_;
    if (runnable == nullptr) return false;
    first_ = runnable->next_runnable;
    runnable->Run();
    return true;
  }

 private:
  const bool runs_in_place_;
  Runnable* first_ = nullptr;
  ManualExecutor nothing_;
  CancelSource source_;
};

void BM_Spawn_Call(benchmark::State& state) {
  constexpr int kTasks = 1000;
  BareExecutor executor;
  for (auto _ : state) {
    const Instant start = MonotonicNow();
    for (int i = 0; i < kTasks; ++i) Spawn(executor, AddOne(i)).Detach();
    state.SetIterationTime(absl::ToDoubleSeconds(MonotonicNow() - start));
    while (executor.RunOne()) {
    }
  }
  state.SetItemsProcessed(state.iterations() * kTasks);
}
BENCHMARK(BM_Spawn_Call)->UseManualTime();

void BM_Spawn_CallRunAndFree(benchmark::State& state) {
  BareExecutor executor;
  for (auto _ : state) {
    Spawn(executor, AddOne(1)).Detach();
    executor.RunOne();
  }
}
BENCHMARK(BM_Spawn_CallRunAndFree);

// With and without TakeIfNext(): then the joiner waits, and is woken.
void BM_Spawn_BareSpawnAndJoin(benchmark::State& state) {
  BareExecutor executor(state.range(0) != 0);
  auto body = [](benchmark::State* loop, Executor* where) -> Task<> {
    for (auto _ : *loop) {
      JoinHandle<int> handle = Spawn(*where, AddOne(1));
      absl::StatusOr<int> result = co_await std::move(handle);
      benchmark::DoNotOptimize(result);
    }
  };
  Spawn(executor, body(&state, &executor)).Detach();
  while (executor.RunOne()) {
  }
}
BENCHMARK(BM_Spawn_BareSpawnAndJoin)->ArgName("in_place")->Arg(0)->Arg(1);

// The bytes of a million tasks that wait, as they ask for them.
void BM_Spawn_WaitingTasks(benchmark::State& state) {
  constexpr int kTasks = 1'000'000;
  auto body = [](int* ended) -> Task<> {
    co_await Never<>();
    ++*ended;
  };
  std::size_t bytes = 0;
  int ended = 0;
  for (auto _ : state) {
    ManualExecutor executor;
    bytes = FrameBytesOf([&] {
      for (int i = 0; i < kTasks; ++i) Spawn(executor, body(&ended)).Detach();
      executor.RunUntilStalled();
      return 0;
    });
  }
  state.counters["bytes_per_task"] = static_cast<double>(bytes) / kTasks;
  state.SetItemsProcessed(state.iterations() * kTasks);
}
BENCHMARK(BM_Spawn_WaitingTasks)->Unit(benchmark::kMillisecond)->Iterations(1);

void BM_FrameCache_AllocateAndFree(benchmark::State& state) {
  for (auto _ : state) {
    void* const memory = future_internal::AllocateFrame(96);
    benchmark::DoNotOptimize(memory);
    future_internal::FreeFrame(memory, 96);
  }
}
BENCHMARK(BM_FrameCache_AllocateAndFree);

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

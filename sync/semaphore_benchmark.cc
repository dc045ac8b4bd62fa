// Shape: uncontended (acquire + release, polled by hand). Rival: std::counting_semaphore.
#include <semaphore>

#include "benchmark/benchmark.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/waker.h"
#include "sync/semaphore.h"

namespace weft {
namespace {

void BM_Semaphore_AcquireRelease(benchmark::State& state) {
  Semaphore semaphore(4);
  const Waker waker;
  const CancelToken token;
  Context cx(waker, token);
  for (auto _ : state) {
    auto acquire = semaphore.Acquire();
    benchmark::DoNotOptimize(acquire.poll(cx));
  }
}

void BM_Semaphore_TryAcquireRelease(benchmark::State& state) {
  Semaphore semaphore(4);
  for (auto _ : state) benchmark::DoNotOptimize(semaphore.TryAcquire());
}

void BM_StdSemaphore_AcquireRelease(benchmark::State& state) {
  std::counting_semaphore<> semaphore(4);
  for (auto _ : state) {
    semaphore.acquire();
    semaphore.release();
  }
}

BENCHMARK(BM_Semaphore_AcquireRelease);
BENCHMARK(BM_Semaphore_TryAcquireRelease);
BENCHMARK(BM_StdSemaphore_AcquireRelease);

}  // namespace
}  // namespace weft

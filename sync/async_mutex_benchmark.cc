// Shapes: uncontended (lock + unlock, polled by hand) and contended (threads that block on the
// lock). Rival: std::mutex.
#include <mutex>

#include "benchmark/benchmark.h"
#include "future/block_on.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/waker.h"
#include "sync/async_mutex.h"

namespace weft {
namespace {

void BM_AsyncMutex_LockUnlock(benchmark::State& state) {
  AsyncMutex mutex;
  const Waker waker;
  const CancelToken token;
  Context cx(waker, token);
  for (auto _ : state) {
    auto lock = mutex.Lock();
    benchmark::DoNotOptimize(lock.poll(cx));
  }
}

void BM_StdMutex_LockUnlock(benchmark::State& state) {
  std::mutex mutex;
  for (auto _ : state) std::lock_guard<std::mutex> lock(mutex);
}

void BM_AsyncMutex_Contended(benchmark::State& state) {
  static AsyncMutex mutex;
  static int count = 0;
  for (auto _ : state) {
    const AsyncMutexGuard guard = BlockOn(mutex.Lock());
    benchmark::DoNotOptimize(++count);
  }
}

void BM_StdMutex_Contended(benchmark::State& state) {
  static std::mutex mutex;
  static int count = 0;
  for (auto _ : state) {
    std::lock_guard<std::mutex> lock(mutex);
    benchmark::DoNotOptimize(++count);
  }
}

BENCHMARK(BM_AsyncMutex_LockUnlock);
BENCHMARK(BM_StdMutex_LockUnlock);
BENCHMARK(BM_AsyncMutex_Contended)->Threads(2)->UseRealTime();
BENCHMARK(BM_StdMutex_Contended)->Threads(2)->UseRealTime();

}  // namespace
}  // namespace weft

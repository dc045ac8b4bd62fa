// Shapes: uncontended (notify, then wait with the token) and broadcast (notify 100 waiters). Rival:
// a mutex, a condition variable and a flag.
#include <condition_variable>
#include <deque>
#include <mutex>

#include "benchmark/benchmark.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/waker.h"
#include "sync/notify.h"

namespace weft {
namespace {

void BM_Notify_Token(benchmark::State& state) {
  Notify notify;
  const Waker waker;
  const CancelToken token;
  Context cx(waker, token);
  for (auto _ : state) {
    notify.NotifyOne();
    NotifyWait wait = notify.Wait();
    benchmark::DoNotOptimize(wait.poll(cx));
  }
}

void BM_CondVar_Token(benchmark::State& state) {
  std::mutex mutex;
  std::condition_variable condition;
  bool token = false;
  for (auto _ : state) {
    {
      std::lock_guard<std::mutex> lock(mutex);
      token = true;
    }
    condition.notify_one();
    std::unique_lock<std::mutex> lock(mutex);
    condition.wait(lock, [&] { return token; });
    token = false;
  }
}

void BM_Notify_Broadcast100(benchmark::State& state) {
  Notify notify;
  const Waker waker;
  const CancelToken token;
  Context cx(waker, token);
  for (auto _ : state) {
    std::deque<NotifyWait> waits;
    for (int i = 0; i < 100; ++i) {
      waits.push_back(notify.Wait());
      benchmark::DoNotOptimize(waits.back().poll(cx));
    }
    notify.NotifyAll();
    for (NotifyWait& wait : waits) benchmark::DoNotOptimize(wait.poll(cx));
  }
}

BENCHMARK(BM_Notify_Token);
BENCHMARK(BM_CondVar_Token);
BENCHMARK(BM_Notify_Broadcast100);

}  // namespace
}  // namespace weft

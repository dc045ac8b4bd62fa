// Shapes: uncontended (make, send, receive on one thread, polled by hand). Rival: std::promise and
// std::future.
#include <future>
#include <utility>

#include "benchmark/benchmark.h"
#include "channel/oneshot.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/waker.h"

namespace weft {
namespace {

void BM_Oneshot_SendReceive(benchmark::State& state) {
  const Waker waker;
  const CancelToken token;
  Context cx(waker, token);
  for (auto _ : state) {
    auto [sender, receiver] = MakeOneshot<int>();
    (void)std::move(sender).Send(1);
    auto receive = receiver.Receive();
    benchmark::DoNotOptimize(receive.poll(cx));
  }
}

void BM_StdPromise_SendReceive(benchmark::State& state) {
  for (auto _ : state) {
    std::promise<int> promise;
    std::future<int> future = promise.get_future();
    promise.set_value(1);
    benchmark::DoNotOptimize(future.get());
  }
}

BENCHMARK(BM_Oneshot_SendReceive);
BENCHMARK(BM_StdPromise_SendReceive);

}  // namespace
}  // namespace weft

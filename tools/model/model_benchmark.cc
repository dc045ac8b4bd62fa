// Question: how many executions per second does the checker explore?
//
// BM_StoreBuffering  two threads that store a word and load the other's, `pairs` times. One pair
//                    is 8 events and four executions: it shows what an exploration costs besides.
//                    Four pairs are 20 events.
// BM_SeqCst          BM_StoreBuffering of seq_cst accesses: the order of all has to be found.
// BM_Updates         two threads with eight relaxed read-modify-writes each on one word: 40 events.
//
// `executions` is per second of processor time.
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "benchmark/benchmark.h"
#include "tools/model/model.h"

namespace weft::model {
namespace {

void Run(benchmark::State& state, const std::function<void()>& scenario) {
  uint64_t executions = 0;
  for (auto _ : state) executions += Explore({}, scenario).executions;
  state.counters["executions"] =
      benchmark::Counter(static_cast<double>(executions), benchmark::Counter::kIsRate);
}

void BufferStores(int64_t pairs, std::memory_order order) {
  std::array<Atomic<int>, 4> x;
  std::array<Atomic<int>, 4> y;
  Thread other([&] {
    for (int64_t i = 0; i < pairs; ++i) {
      y[static_cast<std::size_t>(i)].store(1, order);
      (void)x[static_cast<std::size_t>(i)].load(order);
    }
  });
  for (int64_t i = 0; i < pairs; ++i) {
    x[static_cast<std::size_t>(i)].store(1, order);
    (void)y[static_cast<std::size_t>(i)].load(order);
  }
  other.Join();
}

void BM_StoreBuffering(benchmark::State& state) {
  Run(state, [&state] { BufferStores(state.range(0), std::memory_order_relaxed); });
}
BENCHMARK(BM_StoreBuffering)->ArgName("pairs")->Arg(1)->Arg(4);

void BM_SeqCst(benchmark::State& state) {
  Run(state, [&state] { BufferStores(state.range(0), std::memory_order_seq_cst); });
}
BENCHMARK(BM_SeqCst)->ArgName("pairs")->Arg(4);

void BM_Updates(benchmark::State& state) {
  Run(state, [] {
    Atomic<int> count{0};
    const auto add = [&count] {
      for (int i = 0; i < 8; ++i) count.fetch_add(1, std::memory_order_relaxed);
    };
    Thread a(add), b(add);
    a.Join();
    b.Join();
  });
}
BENCHMARK(BM_Updates);

}  // namespace
}  // namespace weft::model

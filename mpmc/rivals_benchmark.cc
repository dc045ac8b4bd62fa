// Our queues beside those of atomic_queue, Boost, moodycamel, oneTBB and xenium, in the shapes of
// docs/benchmarks.md. Names are BM_<Queue>_<Shape>/<group>/<parameters>.
#include <cstddef>
#include <string>

#include "benchmark/benchmark.h"
#include "mpmc/rivals.h"
#include "mpmc/rivals_harness.h"

namespace weft::mpmc_rivals {
namespace {

constexpr std::size_t kCapacity = 1024;

// Capacities other than powers of two tell who divides or rounds up.
enum class Capacities { kAny, kPowersOfTwo };

benchmark::internal::Benchmark* Threaded(benchmark::internal::Benchmark* benchmark) {
  return benchmark->MeasureProcessCPUTime()->UseManualTime();
}

template <Rival Q>
void RegisterUncontended(const std::string& name, std::size_t capacity) {
  benchmark::RegisterBenchmark(
      ("BM_" + name + "_Uncontended/capacity:" + std::to_string(capacity)).c_str(),
      [capacity](benchmark::State& state) { Uncontended<Q>(state, capacity); });
}

template <Rival Q>
void RegisterPingPong(const std::string& name) {
  Threaded(benchmark::RegisterBenchmark(("BM_" + name + "_PingPong").c_str(),
                                        [](benchmark::State& state) {
                                          Q there(kCapacity);
                                          Q back(kCapacity);
                                          PingPong(state, there, back);
                                        }));
}

template <Rival Q>
void RegisterBalanced(const std::string& name, int width) {
  const std::string side = std::to_string(width);
  Threaded(benchmark::RegisterBenchmark(
      ("BM_" + name + "_MpmcBalanced/" + side + "P" + side + "C").c_str(),
      [width](benchmark::State& state) { MpmcBalanced<Q>(state, kCapacity, width); }));
}

template <Rival Q>
void RegisterBounded(const std::string& name, Capacities capacities = Capacities::kAny) {
  RegisterUncontended<Q>(name, kCapacity);
  if (capacities == Capacities::kAny) RegisterUncontended<Q>(name, 1000);
  for (int width : {1, 2, 4}) RegisterBalanced<Q>(name, width);
  RegisterPingPong<Q>(name);
}

template <Rival Q>
void RegisterSpsc(const std::string& name) {
  RegisterUncontended<Q>(name, kCapacity);
  RegisterUncontended<Q>(name, 1000);
  RegisterPingPong<Q>(name);
  Threaded(benchmark::RegisterBenchmark(
      ("BM_" + name + "_Spsc").c_str(),
      [](benchmark::State& state) { MpmcBalanced<Q>(state, kCapacity, 1); }));
}

template <Rival Q>
void RegisterUnbounded(const std::string& name) {
  RegisterUncontended<Q>(name, kCapacity);
  for (int width : {1, 2, 4}) RegisterBalanced<Q>(name, width);
  benchmark::RegisterBenchmark(("BM_" + name + "_Burst/items:100000").c_str(),
                               [](benchmark::State& state) { Burst<Q>(state, 100'000); });
}

[[maybe_unused]] const bool registered = [] {
  RegisterBounded<Bounded>("BoundedQueue");
  RegisterBounded<BoundedPolled>("BoundedQueuePolled");
  RegisterBounded<BoundedPadded>("BoundedQueuePadded");
  RegisterBounded<XeniumVyukov>("XeniumVyukov", Capacities::kPowersOfTwo);
  RegisterBounded<AtomicQueueB>("AtomicQueueB");
  RegisterBounded<AtomicQueueB2>("AtomicQueueB2");
  RegisterBounded<BoostQueue>("BoostQueue");
  RegisterBounded<TbbBounded>("TbbBounded");
  RegisterBounded<MoodycamelBounded>("MoodycamelBounded");
  RegisterBounded<MutexDeque<true>>("MutexDequeBounded");

  RegisterSpsc<Spsc>("SpscQueue");
  RegisterSpsc<BoundedMpsc>("BoundedMpscQueue");
  RegisterSpsc<BoostSpsc>("BoostSpsc");
  RegisterSpsc<MoodycamelSpsc>("MoodycamelSpsc");
  RegisterSpsc<AtomicQueueSpsc>("AtomicQueueSpsc");

  RegisterUnbounded<Unbounded>("UnboundedQueue");
  RegisterUnbounded<UnboundedPolled>("UnboundedQueuePolled");
  RegisterUnbounded<Moodycamel>("Moodycamel");
  RegisterUnbounded<MoodycamelTokens>("MoodycamelTokens");
  RegisterUnbounded<XeniumRamalhete>("XeniumRamalhete");
  RegisterUnbounded<Tbb>("Tbb");
  RegisterUnbounded<MutexDeque<false>>("MutexDeque");

  Threaded(benchmark::RegisterBenchmark("BM_CacheLine_PingPong", [](benchmark::State& state) {
    CacheLine there;
    CacheLine back;
    PingPong(state, there, back);
  }));
  return true;
}();

}  // namespace
}  // namespace weft::mpmc_rivals

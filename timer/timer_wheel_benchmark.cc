// Costs of the wheel beside those of a 4-ary heap, with a million timers pending.
//
// Deadlines are 1 ms to 60 s ahead, as network time-outs are. "Cold" timers are visited in random
// order and found in memory, not in a cache. A timer takes 32 bytes, of which the wheel uses 16.
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <new>
#include <numeric>
#include <random>
#include <span>
#include <vector>

#include "absl/time/time.h"
#include "base/instant.h"
#include "benchmark/benchmark.h"
#include "timer/testing/quaternary_heap.h"
#include "timer/timer_wheel.h"

namespace weft {
namespace {

// A smoke run, which is not optimised, needs no million to show that the program works.
#ifdef NDEBUG
constexpr uint32_t kMillion = 1'000'000;
constexpr int kWarmRounds = 256;
#else
constexpr uint32_t kMillion = 10'000;
constexpr int kWarmRounds = 2;
#endif
constexpr uint64_t kLongest = 60'000;  // Ticks.
constexpr uint64_t kBegin = 1'000'003;

class Wheel {
 public:
  struct Timer : TimerEntry {
    uint64_t payload[2] = {};
  };

  Wheel() : wheel_{Instant()} {
    wheel_.Reserve(kMillion + 4096);
    wheel_.Advance(InstantOf(kBegin));
  }
  void Arm(Timer* timer, uint64_t tick) { wheel_.Arm(timer, InstantOf(tick)); }
  void Cancel(Timer* timer) { wheel_.Cancel(timer); }
  int64_t Next() { return wheel_.NextDeadline().nanos(); }
  uint32_t FireUntil(uint64_t tick) {
    uint32_t fired = 0;
    wheel_.Advance(InstantOf(tick));
    while (TimerEntry* const entry = wheel_.PopExpired()) {
      ++static_cast<Timer*>(entry)->payload[0];
      ++fired;
    }
    return fired;
  }

 private:
  static Instant InstantOf(uint64_t tick) {
    return Instant::FromNanos(static_cast<int64_t>(tick) * TimerWheel::kTickNanos);
  }

  TimerWheel wheel_;
};

class Heap {
 public:
  struct Timer : timer_internal::HeapTimer {
    uint64_t payload[3] = {};
  };

  Heap() { heap_.Reserve(kMillion + 4096); }
  void Arm(Timer* timer, uint64_t tick) { heap_.Arm(timer, tick); }
  void Cancel(Timer* timer) { heap_.Cancel(timer); }
  int64_t Next() { return static_cast<int64_t>(heap_.FirstTick()); }
  uint32_t FireUntil(uint64_t tick) {
    uint32_t fired = 0;
    while (!heap_.IsEmpty() && heap_.FirstTick() <= tick) {
      ++static_cast<Timer*>(heap_.Pop())->payload[0];
      ++fired;
    }
    return fired;
  }

 private:
  timer_internal::QuaternaryHeap heap_;
};

// Timers in huge pages, so that what is measured is the data structure and not the page tables.
template <typename Timer>
class Timers {
 public:
  explicit Timers(size_t count) : count_(count) {
    constexpr size_t kHuge = size_t{1} << 21;
    const size_t bytes = (count * sizeof(Timer) + kHuge - 1) / kHuge * kHuge;
    void* const memory = std::aligned_alloc(kHuge, bytes);
    madvise(memory, bytes, MADV_HUGEPAGE);
    timers_ = static_cast<Timer*>(memory);
    std::uninitialized_default_construct_n(timers_, count);
  }
  ~Timers() {
    std::destroy_n(timers_, count_);
    std::free(timers_);
  }
  Timer& operator[](size_t i) { return timers_[i]; }

 private:
  size_t count_;
  Timer* timers_;
};

// Numbers that are not in order, drawn ahead.
struct Draws {
  Draws() : order(kMillion), ticks(1 << 16) {
    std::mt19937_64 random(5);
    std::iota(order.begin(), order.end(), 0u);
    std::shuffle(order.begin(), order.end(), random);
    for (uint64_t& tick : ticks) tick = kBegin + 1 + random() % kLongest;
  }
  uint64_t Tick(uint64_t i) const { return ticks[i % (1 << 16)]; }

  std::vector<uint32_t> order;
  std::vector<uint64_t> ticks;
};

const Draws& TheDraws() {
  static const Draws draws;
  return draws;
}

// A million timers armed in random order, of 4096 more that are idle.
template <typename Set>
struct Million {
  Million() : timers(kMillion + 4096) {
    const Draws& draws = TheDraws();
    for (uint32_t i = 0; i < kMillion; ++i) set.Arm(&timers[draws.order[i]], draws.Tick(i));
  }
  ~Million() { set.FireUntil(kBegin + kLongest + 1); }
  typename Set::Timer* idle(size_t i) { return &timers[kMillion + i % 4096]; }

  Timers<typename Set::Timer> timers;
  Set set;
};

// The million that benchmarks share which leave it as it is.
template <typename Set>
Million<Set>& TheMillion() {
  static auto* const million = new Million<Set>;
  return *million;
}

double CpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// One timer, armed and cancelled.
template <typename Set>
void BM_ArmCancelWarm(benchmark::State& state) {
  Million<Set>& million = TheMillion<Set>();
  const Draws& draws = TheDraws();
  uint64_t i = 0;
  for (auto _ : state) {
    million.set.Arm(million.idle(0), draws.Tick(i++));
    million.set.Cancel(million.idle(0));
  }
}

// As requests with a time-out come and are answered: the oldest of 4096 is cancelled, one is armed.
template <typename Set>
void BM_CancelOldestArm(benchmark::State& state) {
  Million<Set>& million = TheMillion<Set>();
  const Draws& draws = TheDraws();
  uint64_t i = 0;
  for (auto _ : state) {
    million.set.Cancel(million.idle(i));
    million.set.Arm(million.idle(i), draws.Tick(i));
    ++i;
  }
  for (i = 0; i < 4096; ++i) million.set.Cancel(million.idle(i));
}

// Cancels a random one of the million and arms it again.
template <typename Set>
void BM_ReArmCold(benchmark::State& state) {
  Million<Set>& million = TheMillion<Set>();
  const Draws& draws = TheDraws();
  uint64_t i = 0;
  for (auto _ : state) {
    auto* const timer = &million.timers[draws.order[i * 2654435761u % kMillion]];
    million.set.Cancel(timer);
    million.set.Arm(timer, draws.Tick(i));
    ++i;
  }
}

template <typename Set>
void BM_NextDeadline(benchmark::State& state) {
  Million<Set>& million = TheMillion<Set>();
  for (auto _ : state) benchmark::DoNotOptimize(million.set.Next());
}

// Arms a million timers in random order.
template <typename Set>
void BM_ArmCold(benchmark::State& state) {
  const Draws& draws = TheDraws();
  Timers<typename Set::Timer> timers(kMillion);
  for (auto _ : state) {
    Set set;
    const double begin = CpuSeconds();
    for (uint32_t i = 0; i < kMillion; ++i) set.Arm(&timers[draws.order[i]], draws.Tick(i));
    state.SetIterationTime(CpuSeconds() - begin);
    for (uint32_t i = 0; i < kMillion; ++i) set.Cancel(&timers[draws.order[i]]);
  }
  state.SetItemsProcessed(state.iterations() * int64_t{kMillion});
}

// Fires a million timers tick by tick over 60 s, with all the cascades.
template <typename Set>
void BM_FireCold(benchmark::State& state) {
  for (auto _ : state) {
    Million<Set> million;
    uint32_t fired = 0;
    const double begin = CpuSeconds();
    for (uint64_t tick = kBegin; tick <= kBegin + kLongest + 1; ++tick) {
      fired += million.set.FireUntil(tick);
    }
    state.SetIterationTime(CpuSeconds() - begin);
    if (fired != kMillion) state.SkipWithError("timers were lost");
  }
  state.SetItemsProcessed(state.iterations() * int64_t{kMillion});
}

// Fires 4096 timers tick by tick over some ticks.
template <typename Set>
void FireOver(benchmark::State& state, uint32_t ticks) {
  constexpr uint32_t kTimers = 4096;
  Set set;
  Timers<typename Set::Timer> timers(kTimers);
  const Draws& draws = TheDraws();
  uint64_t now = kBegin;
  for (auto _ : state) {
    for (uint32_t i = 0; i < kTimers; ++i) {
      set.Arm(&timers[i], now + 1 + draws.Tick(i) % ticks);
    }
    uint32_t fired = 0;
    const double begin = CpuSeconds();
    for (uint32_t i = 0; i < ticks; ++i) fired += set.FireUntil(++now);
    state.SetIterationTime(CpuSeconds() - begin);
    if (fired != kTimers) state.SkipWithError("timers were lost");
  }
  state.SetItemsProcessed(state.iterations() * int64_t{kTimers});
}

// As many in a tick as in BM_FireCold.
template <typename Set>
void BM_FireWarm(benchmark::State& state) {
  FireOver<Set>(state, 256);
}

// One in a tick: what a timer costs that shares neither its tick nor its wake-up.
template <typename Set>
void BM_FireSparse(benchmark::State& state) {
  FireOver<Set>(state, 4096);
}

BENCHMARK_TEMPLATE(BM_ArmCancelWarm, Wheel);
BENCHMARK_TEMPLATE(BM_ArmCancelWarm, Heap);
BENCHMARK_TEMPLATE(BM_CancelOldestArm, Wheel);
BENCHMARK_TEMPLATE(BM_CancelOldestArm, Heap);
BENCHMARK_TEMPLATE(BM_ReArmCold, Wheel)->Iterations(1 << 18);
BENCHMARK_TEMPLATE(BM_ReArmCold, Heap)->Iterations(1 << 18);
BENCHMARK_TEMPLATE(BM_NextDeadline, Wheel);
BENCHMARK_TEMPLATE(BM_NextDeadline, Heap);
BENCHMARK_TEMPLATE(BM_ArmCold, Wheel)->UseManualTime()->Iterations(1);
BENCHMARK_TEMPLATE(BM_ArmCold, Heap)->UseManualTime()->Iterations(1);
BENCHMARK_TEMPLATE(BM_FireCold, Wheel)->UseManualTime()->Iterations(1);
BENCHMARK_TEMPLATE(BM_FireCold, Heap)->UseManualTime()->Iterations(1);
BENCHMARK_TEMPLATE(BM_FireWarm, Wheel)->UseManualTime()->Iterations(kWarmRounds);
BENCHMARK_TEMPLATE(BM_FireWarm, Heap)->UseManualTime()->Iterations(kWarmRounds);
BENCHMARK_TEMPLATE(BM_FireSparse, Wheel)->UseManualTime()->Iterations(kWarmRounds);
BENCHMARK_TEMPLATE(BM_FireSparse, Heap)->UseManualTime()->Iterations(kWarmRounds);

}  // namespace
}  // namespace weft

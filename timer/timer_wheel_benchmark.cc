// Costs of the wheel beside those of the ordered containers that one would use otherwise.
#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <queue>
#include <random>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "base/instant.h"
#include "benchmark/benchmark.h"
#include "timer/timer_wheel.h"

namespace weft {
namespace {

constexpr int kPending = 1 << 16;

// Deadlines of 1 ms to 60 s, as network timeouts are.
std::vector<int64_t> Delays() {
  std::mt19937_64 random(1);
  std::vector<int64_t> delays(kPending);
  for (int64_t& delay : delays) {
    delay = static_cast<int64_t>(random() % 60'000 + 1) * TimerWheel::kTickNanos;
  }
  return delays;
}

void BM_TimerWheel_ReArmAmongPending(benchmark::State& state) {
  const std::vector<int64_t> delays = Delays();
  TimerWheel wheel{Instant()};
  const auto timers = std::make_unique<TimerEntry[]>(kPending);
  for (int i = 0; i < kPending; ++i) wheel.Arm(&timers[i], Instant::FromNanos(delays[i]));
  int i = 0;
  for (auto _ : state) {
    wheel.Arm(&timers[i], Instant::FromNanos(delays[kPending - 1 - i]));
    i = (i + 1) % kPending;
  }
  for (int j = 0; j < kPending; ++j) wheel.Cancel(&timers[j]);
}
BENCHMARK(BM_TimerWheel_ReArmAmongPending);

void BM_StdMultimap_ReArmAmongPending(benchmark::State& state) {
  const std::vector<int64_t> delays = Delays();
  std::multimap<int64_t, int> timers;
  std::vector<std::multimap<int64_t, int>::iterator> places(kPending);
  for (int i = 0; i < kPending; ++i) places[i] = timers.emplace(delays[i], i);
  int i = 0;
  for (auto _ : state) {
    timers.erase(places[i]);
    places[i] = timers.emplace(delays[kPending - 1 - i], i);
    i = (i + 1) % kPending;
  }
}
BENCHMARK(BM_StdMultimap_ReArmAmongPending);

void BM_TimerWheel_ArmAndExpireAll(benchmark::State& state) {
  const std::vector<int64_t> delays = Delays();
  const auto timers = std::make_unique<TimerEntry[]>(kPending);
  Instant now;
  for (auto _ : state) {
    TimerWheel wheel(now);
    for (int i = 0; i < kPending; ++i) wheel.Arm(&timers[i], now + absl::Nanoseconds(delays[i]));
    while (wheel.size() > 0) {
      now = wheel.NextDeadline();
      wheel.Advance(now);
      while (TimerEntry* const entry = wheel.PopExpired()) benchmark::DoNotOptimize(entry);
    }
  }
  state.SetItemsProcessed(state.iterations() * kPending);
}
BENCHMARK(BM_TimerWheel_ArmAndExpireAll);

// A heap cannot cancel, only expire.
void BM_StdPriorityQueue_ArmAndExpireAll(benchmark::State& state) {
  using Item = std::pair<int64_t, int>;
  const std::vector<int64_t> delays = Delays();
  for (auto _ : state) {
    std::priority_queue<Item, std::vector<Item>, std::greater<>> timers;
    for (int i = 0; i < kPending; ++i) timers.emplace(delays[i], i);
    while (!timers.empty()) {
      benchmark::DoNotOptimize(timers.top().second);
      timers.pop();
    }
  }
  state.SetItemsProcessed(state.iterations() * kPending);
}
BENCHMARK(BM_StdPriorityQueue_ArmAndExpireAll);

void BM_TimerWheel_ArmAndCancel(benchmark::State& state) {
  TimerWheel wheel{Instant()};
  TimerEntry timer;
  for (auto _ : state) {
    wheel.Arm(&timer, Instant::FromNanos(300 * TimerWheel::kTickNanos));
    benchmark::DoNotOptimize(wheel.Cancel(&timer));
  }
}
BENCHMARK(BM_TimerWheel_ArmAndCancel);

void BM_StdMultimap_ArmAndCancel(benchmark::State& state) {
  std::multimap<int64_t, int> timers;
  for (auto _ : state) {
    timers.erase(timers.emplace(300, 1));
    benchmark::DoNotOptimize(timers);
  }
}
BENCHMARK(BM_StdMultimap_ArmAndCancel);

}  // namespace
}  // namespace weft

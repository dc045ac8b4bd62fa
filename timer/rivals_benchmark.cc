// The wheel beside Boost.Asio's timers, a million pending, in the shapes of docs/benchmarks.md.
//
// Both are driven by a clock that stands still until it is told to move, so that nothing waits. A
// timer of Asio's is an object with a handler that the io_context runs: an expired or cancelled one
// costs its run too, as it does any user of Asio.

// With epoll, Asio waits for the kernel's timer, which knows nothing of a clock that stands still;
// with select it asks the clock. The queue of timers is the same.
#define BOOST_ASIO_DISABLE_EPOLL

#include <algorithm>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <deque>
#include <numeric>
#include <random>
#include <vector>

#include "absl/time/time.h"
#include "base/instant.h"
#include "benchmark/benchmark.h"
#include "timer/timer_wheel.h"

namespace weft {
namespace {

constexpr std::size_t kPending = 1'000'000;
// Deadlines are 1 ms to 60 s ahead, as network time-outs are.
constexpr int64_t kLongestMillis = 60'000;

class Wheel {
 public:
  explicit Wheel(std::size_t timers) : entries_(timers) { wheel_.Reserve(timers); }
  ~Wheel() {
    for (TimerEntry& entry : entries_) wheel_.Cancel(&entry);
  }

  void Arm(std::size_t timer, int64_t millis) { wheel_.Arm(&entries_[timer], At(millis)); }
  void Cancel(std::size_t timer) { wheel_.Cancel(&entries_[timer]); }
  // What is left to do after a number of cancellations.
  void Settle() {}
  std::size_t FireUntil(int64_t millis) {
    std::size_t fired = 0;
    wheel_.Advance(At(millis));
    while (wheel_.PopExpired() != nullptr) ++fired;
    return fired;
  }

 private:
  static Instant At(int64_t millis) { return Instant() + absl::Milliseconds(millis); }

  TimerWheel wheel_{Instant()};
  std::vector<TimerEntry> entries_;
};

// A clock of the standard's kind that stands still.
struct StillClock {
  using rep = int64_t;
  using period = std::milli;
  using duration = std::chrono::milliseconds;
  using time_point = std::chrono::time_point<StillClock>;
  [[maybe_unused]] static constexpr bool is_steady = true;

  static time_point now() { return current; }
  static inline time_point current{};
};

class Asio {
 public:
  explicit Asio(std::size_t timers) {
    StillClock::current = {};
    for (std::size_t i = 0; i < timers; ++i) timers_.emplace_back(context_);
  }

  void Arm(std::size_t timer, int64_t millis) {
    timers_[timer].expires_at(StillClock::time_point(std::chrono::milliseconds(millis)));
    timers_[timer].async_wait([this](const boost::system::error_code& error) {
      if (!error) ++fired_;
    });
  }
  void Cancel(std::size_t timer) { timers_[timer].cancel(); }
  void Settle() { context_.poll(); }
  std::size_t FireUntil(int64_t millis) {
    fired_ = 0;
    StillClock::current = StillClock::time_point(std::chrono::milliseconds(millis));
    context_.restart();
    context_.poll();
    return fired_;
  }

 private:
  boost::asio::io_context context_{1};  // one thread
  std::deque<boost::asio::basic_waitable_timer<StillClock>> timers_;
  std::size_t fired_ = 0;
};

// Numbers that are not in order, drawn ahead.
struct Draws {
  Draws() : order(kPending), millis(1 << 16) {
    std::mt19937_64 random(5);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::shuffle(order.begin(), order.end(), random);
    for (int64_t& delay : millis) delay = 1 + static_cast<int64_t>(random() % kLongestMillis);
  }
  int64_t Millis(std::size_t i) const { return millis[i % millis.size()]; }

  std::vector<std::size_t> order;
  std::vector<int64_t> millis;
};

const Draws& TheDraws() {
  static const Draws draws;
  return draws;
}

double CpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// How many cancellations go by before the loop of the program runs.
constexpr std::size_t kBatch = 64;

template <typename Set>
void ArmPending(Set* set) {
  for (std::size_t i = 0; i < kPending; ++i) set->Arm(TheDraws().order[i], TheDraws().Millis(i));
}

// Shape arm_cancel, warm: timers that were idle a moment ago.
template <typename Set>
void ArmCancelWarm(benchmark::State& state) {
  Set set(kPending + kBatch);
  ArmPending(&set);
  std::size_t i = 0;
  for (auto _ : state) {
    set.Arm(kPending + i % kBatch, TheDraws().Millis(i));
    set.Cancel(kPending + i % kBatch);
    if (++i % kBatch == 0) set.Settle();
  }
  set.Settle();
  state.SetItemsProcessed(state.iterations());
}

// Shape re_arm, cold: any of the million.
template <typename Set>
void ReArmCold(benchmark::State& state) {
  Set set(kPending);
  ArmPending(&set);
  std::size_t i = 0;
  for (auto _ : state) {
    const std::size_t timer = TheDraws().order[i * 2654435761u % kPending];
    set.Cancel(timer);
    set.Arm(timer, TheDraws().Millis(i));
    if (++i % kBatch == 0) set.Settle();
  }
  set.Settle();
  state.SetItemsProcessed(state.iterations());
}

// Shape fire, cold: a million, tick by tick over a minute. The time is the thread's processor time.
template <typename Set>
void FireCold(benchmark::State& state) {
  for (auto _ : state) {
    Set set(kPending);
    ArmPending(&set);
    std::size_t fired = 0;
    const double begin = CpuSeconds();
    for (int64_t millis = 1; millis <= kLongestMillis + 1; ++millis) fired += set.FireUntil(millis);
    state.SetIterationTime(CpuSeconds() - begin);
    if (fired != kPending) state.SkipWithError("timers were lost");
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kPending));
}

// Shape fire, warm: 4096, tick by tick over some ticks.
template <typename Set>
void FireOver(benchmark::State& state, int64_t ticks) {
  constexpr int64_t kTimers = 4096;
  Set set(kTimers);
  int64_t now = 0;
  for (auto _ : state) {
    for (int64_t i = 0; i < kTimers; ++i) {
      const auto timer = static_cast<std::size_t>(i);
      set.Arm(timer, now + 1 + TheDraws().Millis(timer) % ticks);
    }
    int64_t fired = 0;
    const double begin = CpuSeconds();
    for (int64_t i = 0; i < ticks; ++i) fired += static_cast<int64_t>(set.FireUntil(++now));
    state.SetIterationTime(CpuSeconds() - begin);
    if (fired != kTimers) state.SkipWithError("timers were lost");
  }
  state.SetItemsProcessed(state.iterations() * kTimers);
}

// As many in a tick as in FireCold.
template <typename Set>
void FireWarm(benchmark::State& state) {
  FireOver<Set>(state, 256);
}

// One in a tick: what a timer costs that shares neither its tick nor its wake-up.
template <typename Set>
void FireSparse(benchmark::State& state) {
  FireOver<Set>(state, 4096);
}

void BM_TimerWheel_ArmCancelWarm(benchmark::State& state) { ArmCancelWarm<Wheel>(state); }
void BM_AsioTimer_ArmCancelWarm(benchmark::State& state) { ArmCancelWarm<Asio>(state); }
void BM_TimerWheel_ReArmCold(benchmark::State& state) { ReArmCold<Wheel>(state); }
void BM_AsioTimer_ReArmCold(benchmark::State& state) { ReArmCold<Asio>(state); }
void BM_TimerWheel_FireCold(benchmark::State& state) { FireCold<Wheel>(state); }
void BM_AsioTimer_FireCold(benchmark::State& state) { FireCold<Asio>(state); }
void BM_TimerWheel_FireWarm(benchmark::State& state) { FireWarm<Wheel>(state); }
void BM_AsioTimer_FireWarm(benchmark::State& state) { FireWarm<Asio>(state); }
void BM_TimerWheel_FireSparse(benchmark::State& state) { FireSparse<Wheel>(state); }
void BM_AsioTimer_FireSparse(benchmark::State& state) { FireSparse<Asio>(state); }

BENCHMARK(BM_TimerWheel_ArmCancelWarm);
BENCHMARK(BM_AsioTimer_ArmCancelWarm);
BENCHMARK(BM_TimerWheel_ReArmCold)->Iterations(kPending);
BENCHMARK(BM_AsioTimer_ReArmCold)->Iterations(kPending);
BENCHMARK(BM_TimerWheel_FireCold)->UseManualTime()->Iterations(1);
BENCHMARK(BM_AsioTimer_FireCold)->UseManualTime()->Iterations(1);
BENCHMARK(BM_TimerWheel_FireWarm)->UseManualTime()->Iterations(256);
BENCHMARK(BM_AsioTimer_FireWarm)->UseManualTime()->Iterations(256);
BENCHMARK(BM_TimerWheel_FireSparse)->UseManualTime()->Iterations(256);
BENCHMARK(BM_AsioTimer_FireSparse)->UseManualTime()->Iterations(256);

}  // namespace
}  // namespace weft

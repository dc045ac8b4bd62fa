// Costs of arming and cancelling from another thread while the owner is awake, beside those of a
// wheel under a lock.
//
// A million other timers are pending. The owner polls every few microseconds, as a busy worker
// does.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "base/backoff.h"
#include "base/instant.h"
#include "base/mutex.h"
#include "benchmark/benchmark.h"
#include "timer/shared_timer_wheel.h"
#include "timer/timer_wheel.h"

namespace weft {
namespace {

// A smoke run, which is not optimised, needs no million to show that the program works.
#ifdef NDEBUG
constexpr size_t kMillion = 1'000'000;
#else
constexpr size_t kMillion = 10'000;
#endif
constexpr size_t kRemote = 1 << 15;

std::vector<Instant> Deadlines() {
  std::mt19937_64 random(5);
  std::vector<Instant> deadlines(1 << 16);
  for (Instant& deadline : deadlines) {
    deadline = Instant() + absl::Milliseconds(1'000 + random() % 60'000);
  }
  return deadlines;
}

const std::vector<Instant>& TheDeadlines() {
  static const std::vector<Instant> deadlines = Deadlines();
  return deadlines;
}

class Shared {
 public:
  using Timer = SharedTimer;

  void Arm(Timer* timer, Instant deadline) {
    benchmark::DoNotOptimize(wheel_.ArmRemotely(timer, deadline));
  }
  void Cancel(Timer* timer) { wheel_.CancelRemotely(timer); }
  void ArmByOwner(Timer* timer, Instant deadline) { wheel_.Arm(timer, deadline); }
  void CancelByOwner(Timer* timer) { wheel_.Cancel(timer); }
  void Poll() { wheel_.Advance(Instant()); }

 private:
  SharedTimerWheel wheel_{Instant()};
};

class Locked {
 public:
  using Timer = TimerEntry;

  void Arm(Timer* timer, Instant deadline) {
    MutexLock lock(&mutex_);
    wheel_.Arm(timer, deadline);
  }
  void Cancel(Timer* timer) {
    MutexLock lock(&mutex_);
    wheel_.Cancel(timer);
  }
  void ArmByOwner(Timer* timer, Instant deadline) { Arm(timer, deadline); }
  void CancelByOwner(Timer* timer) { Cancel(timer); }
  void Poll() {
    MutexLock lock(&mutex_);
    wheel_.Advance(Instant());
  }

 private:
  Mutex mutex_;
  TimerWheel wheel_{Instant()};
};

// A wheel with a million timers and an owner that polls it.
template <typename Wheel>
class Busy {
 public:
  Busy() : pending_(kMillion), timers(kRemote) {
    for (size_t i = 0; i < kMillion; ++i)
      wheel.ArmByOwner(&pending_[i], TheDeadlines()[i % 65'536]);
    owner_.emplace([this] {
      while (!is_done_.load(std::memory_order_relaxed)) {
        wheel.Poll();
        for (int i = 0; i < 200; ++i) CpuRelax();
      }
    });
  }
  ~Busy() {
    is_done_.store(true);
    owner_->join();
    wheel.Poll();
    for (auto& timer : timers) wheel.CancelByOwner(&timer);
    for (auto& timer : pending_) wheel.CancelByOwner(&timer);
  }

 private:
  std::vector<typename Wheel::Timer> pending_;

 public:
  std::vector<typename Wheel::Timer> timers;
  Wheel wheel;

 private:
  std::atomic<bool> is_done_{false};
  std::optional<std::thread> owner_;
};

// A request that is answered at once: armed and cancelled before the owner looks.
template <typename Wheel>
void BM_RemoteArmCancel(benchmark::State& state) {
  Busy<Wheel> busy;
  size_t i = 0;
  for (auto _ : state) {
    auto* const timer = &busy.timers[i++ % kRemote];
    busy.wheel.Arm(timer, TheDeadlines()[i % 65'536]);
    busy.wheel.Cancel(timer);
  }
}

// The oldest of some thousands is cancelled, one is armed: the owner has had both in the wheel.
template <typename Wheel>
void BM_RemoteCancelOldestArm(benchmark::State& state) {
  Busy<Wheel> busy;
  size_t i = 0;
  for (auto _ : state) {
    busy.wheel.Cancel(&busy.timers[(i + kRemote / 2) % kRemote]);
    busy.wheel.Arm(&busy.timers[i % kRemote], TheDeadlines()[i % 65'536]);
    ++i;
  }
}

// The owner itself.
template <typename Wheel>
void BM_OwnerArmCancel(benchmark::State& state) {
  Wheel wheel;
  typename Wheel::Timer timer;
  size_t i = 0;
  for (auto _ : state) {
    wheel.ArmByOwner(&timer, TheDeadlines()[i++ % 65'536]);
    wheel.CancelByOwner(&timer);
  }
}

BENCHMARK_TEMPLATE(BM_RemoteArmCancel, Shared)->Iterations(1 << 18);
BENCHMARK_TEMPLATE(BM_RemoteArmCancel, Locked)->Iterations(1 << 18);
BENCHMARK_TEMPLATE(BM_RemoteCancelOldestArm, Shared)->Iterations(1 << 18);
BENCHMARK_TEMPLATE(BM_RemoteCancelOldestArm, Locked)->Iterations(1 << 18);
BENCHMARK_TEMPLATE(BM_OwnerArmCancel, Shared);
BENCHMARK_TEMPLATE(BM_OwnerArmCancel, Locked);

}  // namespace
}  // namespace weft

// Requests with a time-out: one thread owns the wheel and sleeps, others arm and cancel.
#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>

#include "absl/time/time.h"
#include "base/instant.h"
#include "timer/shared_timer_wheel.h"

namespace {

// What the owner sleeps on: it keeps a wake-up that comes early. Programs take a reactor or
// parker/.
class Sleeper {
 public:
  void Wake() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      is_woken_ = true;
    }
    woken_.notify_one();
  }
  void SleepUntil(weft::Instant deadline) {
    const absl::Duration left =
        std::clamp(deadline - weft::MonotonicNow(), absl::ZeroDuration(), absl::Hours(24));
    std::unique_lock<std::mutex> lock(mutex_);
    woken_.wait_for(lock, absl::ToChronoNanoseconds(left), [this] { return is_woken_; });
    is_woken_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable woken_;
  bool is_woken_ = false;
};

}  // namespace

int main() {
  weft::SharedTimerWheel wheel(weft::MonotonicNow());
  Sleeper sleeper;
  bool running = true;
  weft::SharedTimer request, lease;
  int fired = 0;

  std::thread other([&] {
    const weft::Instant now = weft::MonotonicNow();
    if (wheel.ArmRemotely(&request, now + absl::Hours(1)) == weft::ArmResult::kMustWakeOwner) {
      sleeper.Wake();
    }
    wheel.CancelRemotely(&request);  // The answer came.
    // The lease is over at once: the owner must hear of it, whatever it sleeps for.
    if (wheel.ArmRemotely(&lease, now) == weft::ArmResult::kMustWakeOwner) sleeper.Wake();
  });

  while (running) {
    sleeper.SleepUntil(wheel.BeginSleep());
    wheel.EndSleep();
    wheel.Advance(weft::MonotonicNow());
    while (weft::SharedTimer* const timer = wheel.PopExpired()) {
      std::printf("%s\n", timer == &lease ? "the lease is over" : "no answer");
      ++fired;
      running = false;
    }
  }
  other.join();
  wheel.Advance(weft::MonotonicNow());  // Lets go of what was cancelled.
  return fired == 1 && request.IsReleased() ? 0 : 1;
}

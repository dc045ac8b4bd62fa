// What an idle runtime costs: the processor time of its threads in ten seconds. Long, so by hand or
// by tools/bench/compare.
#include <pthread.h>
#include <time.h>

#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "base/mutex.h"
#include "benchmark/benchmark.h"
#include "future/poll_fn.h"
#include "future/spawn.h"
#include "parker/parker.h"
#include "runtime/runtime.h"

namespace weft {
namespace {

// A runtime whose threads' clocks can be read: what the measuring thread uses is not counted.
class WatchedRuntime {
 public:
  explicit WatchedRuntime(int workers)
      : runtime_(RuntimeOptions{.workers = workers, .on_worker_start = [this](int) { Watch(); }}) {}

  Runtime& runtime() { return runtime_; }

  // Processor time of all workers so far.
  absl::Duration Used() {
    MutexLock lock(&mutex_);
    absl::Duration sum;
    for (const clockid_t clock : clocks_) {
      timespec time;
      clock_gettime(clock, &time);
      sum += absl::DurationFromTimespec(time);
    }
    return sum;
  }

 private:
  void Watch() {
    clockid_t clock;
    pthread_getcpuclockid(pthread_self(), &clock);
    MutexLock lock(&mutex_);
    clocks_.push_back(clock);
  }

  Mutex mutex_;
  std::vector<clockid_t> clocks_ ABSL_GUARDED_BY(mutex_);
  Runtime runtime_;
};

void SpawnWaiters(Runtime& runtime) {
  for (int i = 0; i < 1'000; ++i) Spawn(runtime, Never<>()).Detach();
}

double Micros(absl::Duration duration) { return absl::ToDoubleMicroseconds(duration); }

// Two runtimes at once, with 2 and 16 workers and a thousand tasks that wait in each.
void BM_Runtime_IdleTenSeconds(benchmark::State& state) {
  WatchedRuntime two(2);
  WatchedRuntime sixteen(16);
  SpawnWaiters(two.runtime());
  SpawnWaiters(sixteen.runtime());
  Parker parker;
  parker.ParkUntil(MonotonicNow() + absl::Milliseconds(500));  // until the workers sleep
  for (auto _ : state) {
    const absl::Duration two_before = two.Used();
    const absl::Duration sixteen_before = sixteen.Used();
    parker.ParkUntil(MonotonicNow() + absl::Seconds(10));
    state.counters["us_2_workers"] = Micros(two.Used() - two_before);
    state.counters["us_16_workers"] = Micros(sixteen.Used() - sixteen_before);
  }
}
BENCHMARK(BM_Runtime_IdleTenSeconds)->UseRealTime()->Iterations(1);

}  // namespace
}  // namespace weft

// runtime/internal/watchdog.h — finds tasks that keep a worker, or wait for one, for too long.
//
// It only reads what the observers of the workers publish. While no run begins or ends it sleeps
// without a deadline, until the beginning of a run wakes it: an idle runtime stays idle.
#ifndef WEFT_RUNTIME_INTERNAL_WATCHDOG_H_
#define WEFT_RUNTIME_INTERNAL_WATCHDOG_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "parker/event_count.h"
#include "parker/parker.h"
#include "runtime/internal/thread_setup.h"
#include "runtime/internal/worker_observer.h"
#include "runtime/observe.h"

namespace weft::runtime_internal {

// Thread-compatible, but for run_begins(). Start() and Stop() once, or never: then Check() is
// called by hand.
class Watchdog {
 public:
  // Uses starvation_limit and on_starvation.
  explicit Watchdog(const ObserveOptions& options);
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog() { Stop(); }

  // What observers notify of each run that begins.
  AsymmetricEventCount& run_begins() { return run_begins_; }

  // Before Start(). The observer outlives Stop().
  void Watch(const WorkerObserver* observer, std::function<std::size_t()> queue_depth);

  // Reports what is too late at `now`. Returns whether some worker is in a run, or was since the
  // last time.
  bool Check(Instant now);

  // The thread that does so. Fails, and nothing is watched, when it cannot be started.
  absl::Status Start();
  void Stop();

 private:
  struct Watched {
    const WorkerObserver* observer;
    std::function<std::size_t()> queue_depth;
    uint64_t changes = 0;                               // of runs, that were seen
    uint64_t late_runs = 0;                             // that were reported
    Instant run = Instant::InfinitePast();              // the run that was seen last
    absl::Duration next_report = absl::ZeroDuration();  // when it has lasted so long
  };

  void Main(const std::stop_token& stop);
  bool HasMoved() const;
  bool CheckRun(std::size_t worker, Instant now);
  void CheckWaits(std::size_t worker);
  void Report(std::size_t worker, Starvation::Kind kind, const TraceEvent& run,
              absl::Duration duration);

  const absl::Duration limit_;
  const std::function<void(const Starvation&)> on_starvation_;
  std::vector<Watched> workers_;
  AsymmetricEventCount run_begins_;
  std::stop_source stop_;
  RuntimeThread thread_;
};

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_WATCHDOG_H_

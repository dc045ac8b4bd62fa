// runtime/observe.h — what a Runtime can be asked to measure, record and watch while it works.
//
// All of it is off unless RuntimeOptions::observe says otherwise. Off, a run of a task costs one
// test of a pointer more. On, each run reads the clock twice, each queueing once, and no task runs
// on top of the one that awaits it, so that each run is seen by itself.
#ifndef WEFT_RUNTIME_OBSERVE_H_
#define WEFT_RUNTIME_OBSERVE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <typeinfo>
#include <vector>

#include "absl/time/time.h"
#include "base/instant.h"
#include "future/task_id.h"
#include "runtime/stats.h"

namespace weft {

// Who has had a worker, or who has had to wait for one, for longer than the limit.
struct Starvation {
  enum class Kind : unsigned char {
    kLongRun,   // the task runs on and has not returned to the scheduler; reported while it does
    kLongWait,  // the task was ready for so long before it ran; reported once it runs
  };

  Kind kind = Kind::kLongRun;
  int worker = 0;
  TaskId task{};
  std::string name;                // its beginning; empty if it has none
  std::string type;                // of the task's future
  absl::Duration duration;         // of the run so far, or of the wait
  std::size_t waiting_behind = 0;  // tasks that are queued at the worker
};

// One line of text without its end.
std::string ToString(const Starvation& starvation);

// See RuntimeOptions::observe.
struct ObserveOptions {
  Latencies latencies = Latencies::kNotMeasured;
  // Each worker keeps this many of its latest events for Runtime::Trace(), 64 bytes each.
  std::size_t trace_events = 0;
  // From this time on a run, or the wait for one, is reported. Infinite: nothing is watched. Else a
  // thread of its own looks every half of it while workers are busy, and sleeps while all are idle.
  absl::Duration starvation_limit = absl::InfiniteDuration();
  // Called on that thread. A long run is reported again each time that its duration has doubled.
  // Must not throw. Empty: a line on standard error.
  std::function<void(const Starvation&)> on_starvation = nullptr;

  bool IsWatching() const { return starvation_limit != absl::InfiniteDuration(); }
  bool IsOn() const {
    return latencies == Latencies::kMeasured || trace_events > 0 || IsWatching();
  }
};

// Something that a worker did.
struct TraceEvent {
  enum class Kind : unsigned char {
    kRunBegin,    // of `task`, called `name`, a future of `type`; queued since `queued_at`
    kRunEnd,      // of `task`
    kQueued,      // `task` was spawned, woken or gave way on this worker
    kSteal,       // `count` tasks came from worker `other`
    kTimers,      // `count` timers fired
    kSleepBegin,  // on the parker, without work
    kSleepEnd,
    kWatchBegin,  // asleep in the kernel, for timers and descriptors
    kWatchEnd,
  };
  // Longer names are cut.
  static constexpr std::size_t kNameBytes = 24;

  Kind kind = Kind::kRunBegin;
  Instant at;
  TaskId task{};
  Instant queued_at = Instant::InfinitePast();  // then nobody knows
  const std::type_info* type = nullptr;
  std::string name;
  uint32_t count = 0;
  int other = -1;
};

// The latest events of each worker.
struct RuntimeTrace {
  struct Worker {
    std::vector<TraceEvent> events;  // without a gap, oldest first
    uint64_t dropped = 0;            // older ones that were overwritten
  };
  std::vector<Worker> workers;
};

}  // namespace weft

#endif  // WEFT_RUNTIME_OBSERVE_H_

// runtime/stats.h — what a runtime has done so far, as numbers.
#ifndef WEFT_RUNTIME_STATS_H_
#define WEFT_RUNTIME_STATS_H_

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "base/latency_histogram.h"

namespace weft {

// Whether a worker measures how long its tasks run, and how long they were queued before.
enum class Latencies : unsigned char { kNotMeasured, kMeasured };

// Counts of one worker since its start. A snapshot: exact when the runtime is at rest, else each
// number is right for some recent moment. They cost nothing worth measuring, so they are always on.
struct WorkerStats {
  uint64_t spawned = 0;         // tasks that were spawned on this worker
  uint64_t completed = 0;       // tasks that ended on it
  uint64_t tasks_run = 0;       // runs of a task, one for each time that it was scheduled
  uint64_t slot_taken = 0;      // of these: taken from the worker's slot
  uint64_t injected = 0;        // tasks taken from the injector
  uint64_t steal_attempts = 0;  // tries to take from a worker that seemed to have tasks
  uint64_t steals = 0;          // of these: successful
  uint64_t stolen = 0;          // tasks that these brought
  uint64_t raids = 0;           // steals from the slot and batch of a worker stuck in one run
  uint64_t parks = 0;           // sleeps on the parker
  uint64_t polls = 0;           // waits for, or looks at, the reactor
  uint64_t wakes = 0;           // idle workers that this one has woken
  uint64_t queue_depth = 0;     // tasks that are queued at it now
  absl::Duration busy_time;     // not searching, not idle
  absl::Duration cpu_time;      // of the worker's thread, as the kernel counts it
  // Empty unless ObserveOptions::latencies says that they are measured.
  LatencySnapshot run_times;    // of each run of a task
  LatencySnapshot queue_times;  // from ready to running
  LatencySnapshot spawn_times;  // of these, the first of each task: from its spawn to running

  WorkerStats& operator+=(const WorkerStats& other);
};

// Counts of the whole runtime.
struct RuntimeStats {
  std::vector<WorkerStats> workers;
  uint64_t tasks_spawned = 0;
  uint64_t live_tasks = 0;  // spawned and not finished
  uint64_t blocking_jobs = 0;
  int blocking_threads = 0;  // alive now
  Latencies latencies = Latencies::kNotMeasured;

  // Sum over the workers.
  WorkerStats Total() const {
    WorkerStats total;
    for (const WorkerStats& worker : workers) total += worker;
    return total;
  }
};

inline WorkerStats& WorkerStats::operator+=(const WorkerStats& other) {
  spawned += other.spawned;
  completed += other.completed;
  tasks_run += other.tasks_run;
  slot_taken += other.slot_taken;
  injected += other.injected;
  steal_attempts += other.steal_attempts;
  steals += other.steals;
  stolen += other.stolen;
  raids += other.raids;
  parks += other.parks;
  polls += other.polls;
  wakes += other.wakes;
  queue_depth += other.queue_depth;
  busy_time += other.busy_time;
  cpu_time += other.cpu_time;
  run_times += other.run_times;
  queue_times += other.queue_times;
  spawn_times += other.spawn_times;
  return *this;
}

}  // namespace weft

#endif  // WEFT_RUNTIME_STATS_H_

// runtime/stats.h — what a runtime has done so far, as numbers.
#ifndef WEFT_RUNTIME_STATS_H_
#define WEFT_RUNTIME_STATS_H_

#include <cstdint>
#include <vector>

namespace weft {

// Counts of one worker since its start. A snapshot: exact when the runtime is at rest, else each
// number is right for some recent moment.
struct WorkerStats {
  uint64_t tasks_run = 0;       // runs of a task, one for each time that it was scheduled
  uint64_t slot_taken = 0;      // of these: taken from the worker's slot
  uint64_t injected = 0;        // of these: taken from the injector
  uint64_t stolen = 0;          // tasks taken from other workers' queues
  uint64_t steal_attempts = 0;  // looks at another worker's queue
  uint64_t parks = 0;           // sleeps on the parker
  uint64_t polls = 0;           // waits for, or looks at, the reactor
  uint64_t wakes = 0;           // idle workers that this one has woken
};

// Counts of the whole runtime.
struct RuntimeStats {
  std::vector<WorkerStats> workers;
  uint64_t tasks_spawned = 0;
  uint64_t live_tasks = 0;  // spawned and not finished
  uint64_t blocking_jobs = 0;
  int blocking_threads = 0;  // alive now

  // Sum over the workers.
  WorkerStats Total() const {
    WorkerStats total;
    for (const WorkerStats& worker : workers) {
      total.tasks_run += worker.tasks_run;
      total.slot_taken += worker.slot_taken;
      total.injected += worker.injected;
      total.stolen += worker.stolen;
      total.steal_attempts += worker.steal_attempts;
      total.parks += worker.parks;
      total.polls += worker.polls;
      total.wakes += worker.wakes;
    }
    return total;
  }
};

}  // namespace weft

#endif  // WEFT_RUNTIME_STATS_H_

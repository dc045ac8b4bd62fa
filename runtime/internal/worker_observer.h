// runtime/internal/worker_observer.h — what a worker notes while it works, if it is asked to.
//
// A worker without an observer has a null pointer. The clock is read once for each thing that
// happens, and its time serves histograms, trace and watchdog alike.
//
// Since when a task is queued stands in its own link (Runnable::next_runnable), which is the
// executor's while the task is scheduled and which no queue of this runtime uses. It is odd, which
// no pointer is, so whatever else stands there is not taken for a time. It also says whether the
// task has run before; between two runs it says only that.
#ifndef WEFT_RUNTIME_INTERNAL_WORKER_OBSERVER_H_
#define WEFT_RUNTIME_INTERNAL_WORKER_OBSERVER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/atomics.h"
#include "base/instant.h"
#include "base/latency_histogram.h"
#include "future/executor.h"
#include "parker/event_count.h"
#include "runtime/internal/event_ring.h"
#include "runtime/observe.h"

namespace weft::runtime_internal {

// A TraceEvent in words: time, kind and numbers, task, queued since, type, name.
using EventRing = BasicEventRing<StdAtomics, 5 + TraceEvent::kNameBytes / 8>;
using EventWords = EventRing::Record;

EventWords EncodeEvent(const TraceEvent& event);
// The same with another name, which is cut.
EventWords EncodeEvent(const TraceEvent& event, std::string_view name);
TraceEvent DecodeEvent(const EventWords& words);

// Since when a Runnable is queued, InfinitePast() if nobody knows, and whether for its first run.
struct QueuedNote {
  Instant since = Instant::InfinitePast();
  bool is_first = false;
};

// Notes that in a Runnable; takes the note out; says of one that has lost it that it ran before.
void NoteQueued(Runnable* runnable, Instant now);
QueuedNote TakeQueued(Runnable* runnable);
void NoteRun(Runnable* runnable);

// All methods are for the worker's own thread unless they say otherwise.
class WorkerObserver {
 public:
  // `run_begins` is notified of each run that begins; null if nothing is watched.
  WorkerObserver(const ObserveOptions& options, AsymmetricEventCount* run_begins);
  WorkerObserver(const WorkerObserver&) = delete;
  WorkerObserver& operator=(const WorkerObserver&) = delete;

  // Runs it.
  void Run(Runnable* runnable) { Run(runnable, MonotonicNow()); }
  void Run(Runnable* runnable, Instant begin);

  void OnQueued(Runnable* runnable) { OnQueued(runnable, MonotonicNow()); }
  void OnQueued(Runnable* runnable, Instant now);
  // The same for one that waited, and whose link had another use meanwhile.
  void OnWoken(Runnable* runnable) {
    NoteRun(runnable);
    OnQueued(runnable);
  }
  void OnSteal(int victim, std::size_t count);
  void OnTimers(std::size_t count);
  // The beginning or the end of a sleep.
  void OnSleep(TraceEvent::Kind kind);

  // The rest for any thread.

  LatencySnapshot run_times() const { return run_times_.Read(); }
  LatencySnapshot queue_times() const { return queue_times_.Read(); }
  LatencySnapshot spawn_times() const { return spawn_times_.Read(); }
  RuntimeTrace::Worker Trace() const;

  // For the watchdog: how many runs have begun and ended; the last of these, and the last run that
  // came too late, if they can be read without waiting.
  uint64_t run_changes() const { return runs_.pushed(); }
  std::optional<TraceEvent> LastRun() const { return LastOf(runs_); }
  uint64_t late_runs() const { return late_runs_.pushed(); }
  std::optional<TraceEvent> LastLateRun() const { return LastOf(late_runs_); }

 private:
  static std::optional<TraceEvent> LastOf(const EventRing& ring);

  void Record(const TraceEvent& event);
  void NoteBegin(const Runnable& runnable, Instant begin, Instant queued_at);
  void NoteEnd(TaskId task, Instant end);

  const bool measures_;
  const bool traces_;
  const bool watches_;
  const absl::Duration limit_;
  AsymmetricEventCount* const run_begins_;
  LatencyHistogram run_times_;
  LatencyHistogram queue_times_;
  LatencyHistogram spawn_times_;
  EventRing trace_;
  EventRing runs_{2};  // begin and end of runs, for the watchdog
  EventRing late_runs_{2};
};

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_WORKER_OBSERVER_H_

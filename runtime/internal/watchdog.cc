#include "runtime/internal/watchdog.h"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <optional>
#include <stop_token>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "parker/parker.h"
#include "runtime/internal/type_name.h"

namespace weft::runtime_internal {
namespace {

void PrintLine(const Starvation& starvation) {
  std::fprintf(stderr, "%s\n", ToString(starvation).c_str());
}

}  // namespace

Watchdog::Watchdog(const ObserveOptions& options)
    : limit_(options.starvation_limit),
      on_starvation_(options.on_starvation ? options.on_starvation : PrintLine) {}

void Watchdog::Watch(const WorkerObserver* observer, std::function<std::size_t()> queue_depth) {
  workers_.push_back({.observer = observer, .queue_depth = std::move(queue_depth)});
}

bool Watchdog::Check(Instant now) {
  bool is_busy = false;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    CheckWaits(i);
    is_busy |= CheckRun(i, now);
  }
  return is_busy;
}

bool Watchdog::CheckRun(std::size_t worker, Instant now) {
  Watched& watched = workers_[worker];
  // Read first: what comes later is seen the next time.
  const bool has_moved = watched.changes != watched.observer->run_changes();
  watched.changes = watched.observer->run_changes();
  // None can be read if runs begin and end at this moment; then none of them is long.
  const std::optional<TraceEvent> run = watched.observer->LastRun();
  if (!run || run->kind != TraceEvent::Kind::kRunBegin) return has_moved;
  if (run->at != watched.run) {
    watched.run = run->at;
    watched.next_report = limit_;
  }
  const absl::Duration duration = now - run->at;
  if (duration >= watched.next_report) {
    watched.next_report = 2 * duration;
    Report(worker, Starvation::Kind::kLongRun, *run, duration);
  }
  return true;
}

void Watchdog::CheckWaits(std::size_t worker) {
  Watched& watched = workers_[worker];
  const uint64_t late_runs = watched.observer->late_runs();
  if (late_runs == watched.late_runs) return;
  const std::optional<TraceEvent> run = watched.observer->LastLateRun();
  if (!run) return;
  watched.late_runs = late_runs;
  Report(worker, Starvation::Kind::kLongWait, *run, run->at - run->queued_at);
}

void Watchdog::Report(std::size_t worker, Starvation::Kind kind, const TraceEvent& run,
                      absl::Duration duration) {
  on_starvation_({.kind = kind,
                  .worker = static_cast<int>(worker),
                  .task = run.task,
                  .name = run.name,
                  .type = TypeName(run.type),
                  .duration = duration,
                  .waiting_behind = workers_[worker].queue_depth()});
}

bool Watchdog::HasMoved() const {
  for (const Watched& watched : workers_) {
    if (watched.changes != watched.observer->run_changes()) return true;
  }
  return false;
}

absl::Status Watchdog::Start() {
  return thread_.Start("weft-watchdog", 0, [this] { Main(stop_.get_token()); });
}

void Watchdog::Stop() {
  stop_.request_stop();
  run_begins_.NotifyAll();
  thread_.Join();
}

void Watchdog::Main(const std::stop_token& stop) {
  Parker parker;
  while (!stop.stop_requested()) {
    if (Check(MonotonicNow())) {
      (void)parker.ParkUntil(MonotonicNow() + limit_ / 2, stop);
    } else {
      run_begins_.Await([&] { return stop.stop_requested() || HasMoved(); });
    }
  }
}

}  // namespace weft::runtime_internal

#include "runtime/metrics.h"

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/check.h"
#include "base/latency_histogram.h"
#include "runtime/internal/open_metrics.h"

namespace weft {
namespace {

using runtime_internal::MetricFamily;
using runtime_internal::MetricType;
using runtime_internal::OpenMetricsWriter;

constexpr MetricType kCounter = MetricType::kCounter;
constexpr MetricType kGauge = MetricType::kGauge;
constexpr MetricType kHistogram = MetricType::kHistogram;

// A family, and where its values are. docs/metrics.md has the same rows.
template <typename Where>
struct Metric {
  MetricFamily family;
  Where where;
};

constexpr Metric<ProcessCount> kOfProcess[] = {
    {{"weft_scopes_opened", kCounter, "Scopes that began."}, ProcessCount::kScopesOpened},
    {{"weft_scopes_closed", kCounter, "Scopes that are gone."}, ProcessCount::kScopesClosed},
    {{"weft_scopes_waited", kCounter, "Scopes whose body ended before their children."},
     ProcessCount::kScopesWaited},
    {{"weft_scopes_cancelled", kCounter, "Scopes that were cancelled before their children ended."},
     ProcessCount::kScopesCancelled},
    {{"weft_scope_children_spawned", kCounter, "Children that were spawned in scopes."},
     ProcessCount::kScopeChildrenSpawned},
    {{"weft_cancel_tokens_created", kCounter, "Cancel tokens that were made, one for each source."},
     ProcessCount::kTokensCreated},
    {{"weft_cancel_tokens_cancelled", kCounter,
      "Cancel tokens that were cancelled, also by those above them."},
     ProcessCount::kTokensCancelled},
    {{"weft_cancel_tokens_dropped", kCounter, "Cancel tokens whose last copy is gone."},
     ProcessCount::kTokensDropped},
};

using OfRuntime = uint64_t (*)(const RuntimeStats&);

constexpr Metric<OfRuntime> kOfRuntime[] = {
    {{"weft_runtime_workers", kGauge, "Worker threads."},
     [](const RuntimeStats& stats) -> uint64_t { return stats.workers.size(); }},
    {{"weft_runtime_tasks_spawned", kCounter, "Tasks that were spawned, on any thread."},
     [](const RuntimeStats& stats) { return stats.tasks_spawned; }},
    {{"weft_runtime_tasks_completed", kCounter, "Tasks that ended, in whatever way."},
     [](const RuntimeStats& stats) { return stats.tasks_spawned - stats.live_tasks; }},
    {{"weft_runtime_tasks_live", kGauge, "Tasks that were spawned and have not ended."},
     [](const RuntimeStats& stats) { return stats.live_tasks; }},
    {{"weft_runtime_blocking_jobs", kCounter, "Blocking calls that were queued."},
     [](const RuntimeStats& stats) { return stats.blocking_jobs; }},
    {{"weft_runtime_blocking_threads", kGauge, "Threads for blocking calls."},
     [](const RuntimeStats& stats) { return static_cast<uint64_t>(stats.blocking_threads); }},
};

constexpr Metric<uint64_t WorkerStats::*> kOfWorker[] = {
    {{"weft_runtime_worker_tasks_spawned", kCounter, "Tasks that were spawned on the worker."},
     &WorkerStats::spawned},
    {{"weft_runtime_worker_tasks_completed", kCounter, "Tasks that ended on the worker."},
     &WorkerStats::completed},
    {{"weft_runtime_worker_runs", kCounter, "Runs of tasks, one each time that one was scheduled."},
     &WorkerStats::tasks_run},
    {{"weft_runtime_worker_slot_runs", kCounter, "Runs of what the last run woke or spawned."},
     &WorkerStats::slot_taken},
    {{"weft_runtime_worker_injected_tasks", kCounter, "Tasks taken from the injector."},
     &WorkerStats::injected},
    {{"weft_runtime_worker_steal_attempts", kCounter,
      "Tries to take from a worker that seemed to have tasks."},
     &WorkerStats::steal_attempts},
    {{"weft_runtime_worker_steals", kCounter, "Tries to take that were successful."},
     &WorkerStats::steals},
    {{"weft_runtime_worker_stolen_tasks", kCounter, "Tasks that these brought."},
     &WorkerStats::stolen},
    {{"weft_runtime_worker_raids", kCounter, "Steals from a worker that was stuck in one run."},
     &WorkerStats::raids},
    {{"weft_runtime_worker_parks", kCounter, "Sleeps without anything to watch."},
     &WorkerStats::parks},
    {{"weft_runtime_worker_reactor_polls", kCounter, "Waits for, and looks at, the reactor."},
     &WorkerStats::polls},
    {{"weft_runtime_worker_wakes", kCounter, "Idle workers that the worker woke."},
     &WorkerStats::wakes},
    {{"weft_runtime_worker_queued_tasks", kGauge, "Tasks that are queued at the worker."},
     &WorkerStats::queue_depth},
};

constexpr Metric<absl::Duration WorkerStats::*> kTimesOfWorker[] = {
    {{"weft_runtime_worker_busy_seconds", kCounter, "Time that was neither idle nor search.",
      "seconds"},
     &WorkerStats::busy_time},
    {{"weft_runtime_worker_cpu_seconds", kCounter, "Processor time of the worker's thread.",
      "seconds"},
     &WorkerStats::cpu_time},
};

constexpr Metric<LatencySnapshot WorkerStats::*> kLatencies[] = {
    {{"weft_runtime_poll_duration_seconds", kHistogram, "How long each run of a task took.",
      "seconds"},
     &WorkerStats::run_times},
    {{"weft_runtime_schedule_latency_seconds", kHistogram,
      "How long a task was ready before it ran, for each run.", "seconds"},
     &WorkerStats::queue_times},
    {{"weft_runtime_spawn_latency_seconds", kHistogram,
      "How long from the spawn of a task to its first run.", "seconds"},
     &WorkerStats::spawn_times},
};

constexpr std::string_view kRuntime = "runtime";
constexpr std::string_view kWorker = "worker";

template <typename Where, std::size_t size>
void AddPerWorker(const Metric<Where> (&metrics)[size], const std::vector<RuntimeMetrics>& runtimes,
                  OpenMetricsWriter& writer) {
  for (const auto& [family, where] : metrics) {
    writer.Begin(family);
    for (const auto& [name, stats] : runtimes) {
      for (std::size_t i = 0; i < stats.workers.size(); ++i) {
        const std::string worker = absl::StrCat(i);
        writer.Add({{kRuntime, name}, {kWorker, worker}}, stats.workers[i].*where);
      }
    }
  }
}

// Of all workers together: a worker each would be many lines.
void AddLatencies(const std::vector<RuntimeMetrics>& runtimes, OpenMetricsWriter& writer) {
  std::vector<std::pair<std::string_view, WorkerStats>> totals;
  for (const auto& [name, stats] : runtimes) {
    if (stats.latencies == Latencies::kMeasured) totals.emplace_back(name, stats.Total());
  }
  if (totals.empty()) return;
  for (const auto& [family, where] : kLatencies) {
    writer.Begin(family);
    for (const auto& [name, total] : totals) writer.Add({{kRuntime, name}}, total.*where);
  }
}

void CheckNames(const std::vector<RuntimeMetrics>& runtimes) {
  std::set<std::string_view> names;
  for (const RuntimeMetrics& runtime : runtimes) {
    WEFT_CHECK(names.insert(runtime.name).second)
        << "FormatOpenMetrics(): expected runtimes of different names, found two of the name '"
        << runtime.name << "'; their samples could not be told apart";
  }
}

}  // namespace

std::string FormatOpenMetrics(const std::vector<RuntimeMetrics>& runtimes,
                              const ProcessCounts& process) {
  CheckNames(runtimes);
  OpenMetricsWriter writer;
  for (const auto& [family, which] : kOfProcess) {
    writer.Begin(family);
    writer.Add({}, process[which]);
  }
  for (const auto& [family, get] : kOfRuntime) {
    writer.Begin(family);
    for (const auto& [name, stats] : runtimes) writer.Add({{kRuntime, name}}, get(stats));
  }
  AddPerWorker(kOfWorker, runtimes, writer);
  AddPerWorker(kTimesOfWorker, runtimes, writer);
  AddLatencies(runtimes, writer);
  return std::move(writer).Finish();
}

}  // namespace weft

#include "tools/progress.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/console.h"

namespace weft::tools {

std::string FormatProgress(const ProgressCounts& counts, absl::Duration elapsed,
                           std::string_view step, int width) {
  std::string line = absl::StrFormat("%d/%d done, %d running, %d cached, %d failed, %.1f s",
                                     counts.done, counts.total, counts.running, counts.cached,
                                     counts.failed, absl::ToDoubleSeconds(elapsed));
  if (!step.empty()) absl::StrAppend(&line, "  ", std::string(step));
  return FitToWidth(line, width);
}

ProgressObserver::ProgressObserver(const Graph& graph, Instant start,
                                   std::function<void(std::string)> print)
    : graph_(graph), start_(start), print_(std::move(print)), times_(graph.size()) {
  counts_.total = graph.size();
}

std::string ProgressObserver::Line(int width, Instant now) const {
  std::string_view step;
  ProgressCounts counts;
  {
    MutexLock lock(&mu_);
    counts = counts_;
    if (counts.running > 0) step = graph_.step(latest_).id;
  }
  // The last column stays free: a terminal may wrap when it is written.
  return FormatProgress(counts, now - start_, step, width - 1);
}

ProgressCounts ProgressObserver::counts() const {
  MutexLock lock(&mu_);
  return counts_;
}

void ProgressObserver::OnStepStarted(StepIndex, Instant) {}

void ProgressObserver::OnStepExecuting(StepIndex step, Instant now) {
  times_[step] = {now, now};
  MutexLock lock(&mu_);
  ++counts_.running;
  latest_ = step;
}

void ProgressObserver::OnStepFinished(StepIndex step, const StepReport& report, Instant now) {
  const bool was_executed = times_[step].begin != Instant();
  if (was_executed) times_[step].end = now;
  {
    MutexLock lock(&mu_);
    ++counts_.done;
    if (was_executed) --counts_.running;
    if (report.outcome == StepOutcome::kCached) ++counts_.cached;
    if (report.outcome == StepOutcome::kFailed) ++counts_.failed;
  }
  if (report.outcome == StepOutcome::kFailed) {
    print_(absl::StrCat("failed: ", report.status.message()));
  }
}

void ProgressObserver::OnStepLog(StepIndex step, std::string_view line) {
  print_(absl::StrCat(graph_.step(step).id, ": ", std::string(line)));
}

}  // namespace weft::tools

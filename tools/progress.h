// tools/progress.h — watches a run: counts for the progress line, a line for each failure.
#ifndef WEFT_TOOLS_PROGRESS_H_
#define WEFT_TOOLS_PROGRESS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "base/mutex.h"
#include "dag/graph.h"
#include "dag/run_report.h"
#include "tools/report.h"

namespace weft::tools {

// How far a run is.
struct ProgressCounts {
  int64_t total = 0;
  // Ended, in whatever way.
  int64_t done = 0;
  int64_t running = 0;
  int64_t cached = 0;
  int64_t failed = 0;
};

// One line of at most `width` columns, e.g. "7/40 done, 3 running, 2 cached, 0 failed, 1.2 s merge"
// where `step` is the step that began last; empty: none.
std::string FormatProgress(const ProgressCounts& counts, absl::Duration elapsed,
                           std::string_view step, int width);

// Thread-safe. The graph outlives it.
class ProgressObserver final : public RunObserver {
 public:
  // `print` receives one line for each failed step and each line that a step logs; called from any
  // thread.
  ProgressObserver(const Graph& graph, Instant start, std::function<void(std::string)> print);

  // The progress line.
  std::string Line(int width, Instant now) const;
  ProgressCounts counts() const;
  // When each step was executed. Precondition: the run has ended.
  const std::vector<StepTimes>& times() const { return times_; }

  // RunObserver.
  void OnStepStarted(StepIndex step, Instant now) override;
  void OnStepExecuting(StepIndex step, Instant now) override;
  void OnStepFinished(StepIndex step, const StepReport& report, Instant now) override;
  void OnStepLog(StepIndex step, std::string_view line) override;

 private:
  const Graph& graph_;
  const Instant start_;
  const std::function<void(std::string)> print_;
  mutable Mutex mu_;
  ProgressCounts counts_ ABSL_GUARDED_BY(mu_);
  // An element is written by the task that runs its step.
  std::vector<StepTimes> times_;
  StepIndex latest_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace weft::tools

#endif  // WEFT_TOOLS_PROGRESS_H_

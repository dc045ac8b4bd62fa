// dag/run_report.h — what is known of a run of a graph, while it goes on and afterwards.
#ifndef WEFT_DAG_RUN_REPORT_H_
#define WEFT_DAG_RUN_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "dag/blob.h"
#include "dag/digest.h"
#include "dag/graph.h"

namespace weft {

// How a step ended.
enum class StepOutcome {
  kExecuted,   // It ran and succeeded.
  kCached,     // Its result came from the store.
  kFailed,     // It ran and failed, or one of its inputs could not be read.
  kBlocked,    // It did not run because a step that it needs did not succeed.
  kCancelled,  // It was stopped, or never began, because the run was cancelled.
  kWouldRun,   // In a dry run: it would be executed.
};

// "executed", "cached" and so on.
std::string_view ToString(StepOutcome outcome);

// Whether a step that ended so has outputs.
inline bool HasOutputs(StepOutcome outcome) {
  return outcome == StepOutcome::kExecuted || outcome == StepOutcome::kCached;
}

// Why a step was executed, or why not.
enum class RunReason {
  kNone,             // Not decided: blocked, cancelled, or run without a store.
  kCached,           // The store has the result of its key.
  kFirstRun,         // The store knows no earlier run of this step in this graph.
  kFunctionChanged,  // It names another function, or the function has another version.
  kParamsChanged,
  kInputsChanged,
  kObservedChanged,  // A file that it read on its own account changed.
  kUncacheable,      // The function is not pure, or the step says uncacheable.
  kResultLost,       // Nothing changed, but the store has no intact result.
};

// "first-run", "inputs-changed" and so on.
std::string_view ToString(RunReason reason);

// What is known of one step after a run.
struct StepReport {
  StepOutcome outcome = StepOutcome::kCancelled;
  // OK unless kFailed.
  absl::Status status;
  RunReason reason = RunReason::kNone;
  // The reason as a sentence, e.g. "input \"text\" changed".
  std::string explanation;
  // When work on it began, and for how long it was executed (zero if it was not).
  Instant start;
  absl::Duration duration;
  // Digest of the key, and those of the outputs if it succeeded; empty without a store.
  Digest key;
  std::vector<Digest> outputs;
};

// What is known of the whole run.
struct RunReport {
  // By StepIndex.
  std::vector<StepReport> steps;
  // The values that the graph names as its results, as far as their steps succeeded (else nullopt).
  std::vector<std::optional<Blob>> results;
  int64_t executed = 0;
  int64_t cached = 0;
  int64_t failed = 0;
  int64_t blocked = 0;
  int64_t cancelled = 0;
  int64_t would_run = 0;

  // The error of the first step, in order of declaration, that failed, or OK.
  absl::Status FirstError() const;

  // Sets the counters from `steps`.
  void Count();
};

// Watches a run. Methods are called from any thread, several at once, and must not block for long.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  // The inputs of a step are there; it is looked up or executed next.
  virtual void OnStepStarted(StepIndex step, Instant now);
  // The step's function is called now.
  virtual void OnStepExecuting(StepIndex step, Instant now);
  // The step has ended. Called once for each step that started.
  virtual void OnStepFinished(StepIndex step, const StepReport& report, Instant now);
  // The step logged a line.
  virtual void OnStepLog(StepIndex step, std::string_view line);
};

}  // namespace weft

#endif  // WEFT_DAG_RUN_REPORT_H_

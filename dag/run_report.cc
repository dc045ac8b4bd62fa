#include "dag/run_report.h"

namespace weft {

std::string_view ToString(StepOutcome outcome) {
  switch (outcome) {
    case StepOutcome::kExecuted:
      return "executed";
    case StepOutcome::kCached:
      return "cached";
    case StepOutcome::kFailed:
      return "failed";
    case StepOutcome::kBlocked:
      return "blocked";
    case StepOutcome::kCancelled:
      return "cancelled";
    case StepOutcome::kWouldRun:
      return "would-run";
  }
  return "unknown";
}

std::string_view ToString(RunReason reason) {
  switch (reason) {
    case RunReason::kNone:
      return "none";
    case RunReason::kCached:
      return "cached";
    case RunReason::kFirstRun:
      return "first-run";
    case RunReason::kFunctionChanged:
      return "function-changed";
    case RunReason::kParamsChanged:
      return "params-changed";
    case RunReason::kInputsChanged:
      return "inputs-changed";
    case RunReason::kObservedChanged:
      return "observed-changed";
    case RunReason::kUncacheable:
      return "uncacheable";
    case RunReason::kResultLost:
      return "result-lost";
  }
  return "unknown";
}

absl::Status RunReport::FirstError() const {
  for (const StepReport& step : steps) {
    if (!step.status.ok()) return step.status;
  }
  return absl::OkStatus();
}

void RunReport::Count() {
  executed = cached = failed = blocked = cancelled = would_run = 0;
  for (const StepReport& step : steps) {
    switch (step.outcome) {
      case StepOutcome::kExecuted:
        ++executed;
        break;
      case StepOutcome::kCached:
        ++cached;
        break;
      case StepOutcome::kFailed:
        ++failed;
        break;
      case StepOutcome::kBlocked:
        ++blocked;
        break;
      case StepOutcome::kCancelled:
        ++cancelled;
        break;
      case StepOutcome::kWouldRun:
        ++would_run;
        break;
    }
  }
}

void RunObserver::OnStepStarted(StepIndex, Instant) {}
void RunObserver::OnStepExecuting(StepIndex, Instant) {}
void RunObserver::OnStepFinished(StepIndex, const StepReport&, Instant) {}
void RunObserver::OnStepLog(StepIndex, std::string_view) {}

}  // namespace weft

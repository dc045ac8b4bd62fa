// dag/internal/step_runner.h — the way of one step from its inputs to its outputs.
#ifndef WEFT_DAG_INTERNAL_STEP_RUNNER_H_
#define WEFT_DAG_INTERNAL_STEP_RUNNER_H_

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dag/blob.h"
#include "dag/execute.h"
#include "dag/flight_table.h"
#include "dag/function.h"
#include "dag/graph.h"
#include "dag/internal/input_reader.h"
#include "dag/internal/lookup.h"
#include "dag/result.h"
#include "dag/run_report.h"
#include "dag/spec.h"
#include "future/executor.h"
#include "future/task.h"
#include "sync/semaphore.h"

namespace weft::dag_internal {

// Runs single steps; knows nothing of their order. Everything that the constructor takes outlives
// it. Thread-safe for different steps.
class StepRunner {
 public:
  // `reports` and `outputs` are indexed by step. Run(i) writes the elements i and reads the outputs
  // of the dependencies of step i.
  StepRunner(const Graph& graph, const FunctionRegistry& registry, const ExecuteOptions& options,
             Executor& executor, std::vector<StepReport>* reports,
             std::vector<std::vector<Blob>>* outputs);
  StepRunner(const StepRunner&) = delete;
  StepRunner& operator=(const StepRunner&) = delete;

  // Reads the inputs of step `i`, takes its outputs from the store or executes it. The report says
  // how it ended; if it is unwound, the report still says kCancelled.
  Task<void> Run(StepIndex i);

 private:
  class StepScope;

  Task<absl::Status> TryStep(StepIndex i);
  Task<absl::StatusOr<std::vector<StepInput>>> ReadInputs(StepIndex i);
  // Asks the store; true if the step has its outputs now.
  Task<bool> TakeFromStore(StepIndex i, const LastRun& now, bool cacheable);
  Found AskStore(const StepSpec& step, const LastRun& now, bool cacheable);
  // Executes the step, and stores its result if `now` is not null.
  Task<absl::Status> Execute(StepIndex i, std::vector<StepInput> inputs, LastRun* now,
                             bool cacheable);
  // A step that throws fails.
  Task<absl::StatusOr<StepOutputs>> CallFunction(StepContext& context);
  // Makes blobs of the outputs, and stores them if `now` is not null.
  Task<void> Keep(StepIndex i, StepContext& context, StepOutputs values, LastRun* now,
                  bool cacheable);
  absl::Status Store(StepIndex i, StepContext& context, const std::vector<Blob>& outputs,
                     LastRun* now, bool cacheable);
  void SetOutputs(StepIndex i, std::vector<Blob> outputs);
  StepLog MakeLog(StepIndex i);
  // A store in trouble costs time, not results: it is reported, and the run goes on.
  void LogTrouble(StepIndex i, const char* doing, const absl::Status& trouble);

  const Graph& graph_;
  const FunctionRegistry& registry_;
  const ExecuteOptions& options_;
  Executor& executor_;
  std::vector<StepReport>& reports_;
  std::vector<std::vector<Blob>>& outputs_;
  InputReader inputs_;
  FlightTable own_flights_;
  FlightTable& flights_;
  std::optional<Semaphore> permits_;
};

}  // namespace weft::dag_internal

#endif  // WEFT_DAG_INTERNAL_STEP_RUNNER_H_

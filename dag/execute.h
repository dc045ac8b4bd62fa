// dag/execute.h — runs a graph: every step after those that it reads from, as many at once as there
// are, and only those whose results are not known.
//
//   weft::GraphRun run(graph, registry, {.store = store.get()});
//   absl::Status status = co_await run.Run(executor);
//   for (weft::StepIndex i = 0; i < graph.size(); ++i) Print(run.report().steps[i]);
//
// A step sees its declared inputs in their declared order and nothing else, so that outputs, errors
// and the set of blocked steps do not depend on the number of workers or on the order of execution.
//
// With a store, the key of a step is the digest of its function, version, parameters and input
// digests (dag/digest.h). A pure step whose key has a result is not executed; neither is anything
// behind a step that ran again and gave the same outputs (early cut-off). Steps with one key, in
// one run or in several that share a FlightTable, execute once: the others wait, and take over if
// the first is cancelled or fails. Errors are never stored.
//
// Guarantees
//   Thread safety    A GraphRun is run once; report() may be read when Run has ended.
//   Errors           Run answers the error of the first step, in order of declaration, that failed;
//                    its message names the step and its function.
//   Cancellation     Run stops after all steps have stopped. report() is then valid: what was done
//                    is reported, the rest is kCancelled or kBlocked.
//   Complexity       O(steps + edges) beside the steps themselves; a chain runs in one task,
//                    without recursion. The values of a step are let go when its last reader has
//                    ended.
//   Lifetime         The graph, the registry, the store and what the options refer to outlive the
//                    run. Results (report().results) that lie in the store need it to be loaded.
//
// Example: execute_example.cc
#ifndef WEFT_DAG_EXECUTE_H_
#define WEFT_DAG_EXECUTE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dag/flight_table.h"
#include "dag/function.h"
#include "dag/graph.h"
#include "dag/run_report.h"
#include "dag/store.h"
#include "future/executor.h"
#include "future/task.h"

namespace weft {

// What happens to the other steps when one fails.
enum class OnError {
  kFailFast,  // They are cancelled.
  kContinue,  // All that do not depend on it are executed.
};

// Whether steps are executed.
enum class RunMode {
  kExecute,
  kDryRun,  // Steps that would be executed are reported as such; what depends on them is blocked.
};

// Fetches what a UrlInput names.
using UrlFetcher = std::function<Task<absl::StatusOr<std::string>>(std::string url)>;

struct ExecuteOptions {
  OnError on_error = OnError::kFailFast;
  RunMode mode = RunMode::kExecute;
  // How many steps may be executed at once; 0: no limit. Looking results up is not limited.
  int64_t max_concurrency = 0;
  // Null: nothing is looked up or stored.
  ResultStore* store = nullptr;
  // Tells graphs apart in the store; empty: last runs are neither read nor written.
  std::string graph_name = {};
  RunObserver* observer = nullptr;
  // One table may serve many runs at once. Null: a table of the run's own.
  FlightTable* flights = nullptr;
  // Null: a step with a UrlInput fails.
  UrlFetcher fetch_url = {};
};

// One run of a graph.
class GraphRun {
 public:
  // Precondition (checked): registry.Check(graph) is OK.
  GraphRun(const Graph& graph, const FunctionRegistry& registry, ExecuteOptions options);
  GraphRun(const GraphRun&) = delete;
  GraphRun& operator=(const GraphRun&) = delete;
  ~GraphRun();

  // Runs to the end. Call once. The GraphRun outlives the Task.
  Task<absl::Status> Run(Executor& executor);

  // What happened. Precondition: Run has ended.
  const RunReport& report() const;

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace weft

#endif  // WEFT_DAG_EXECUTE_H_

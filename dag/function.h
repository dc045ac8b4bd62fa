// dag/function.h — the interface of a step: what a function is given, what it gives back, and the
// registry in which the executor finds it.
//
//   class Upper : public weft::StepFunction {
//    public:
//     std::string_view name() const override { return "upper"; }
//     std::string_view version() const override { return "1"; }
//     weft::Task<absl::StatusOr<weft::StepOutputs>> Run(weft::StepContext& step) override {
//       auto text = co_await weft::OrReturn(
//           co_await weft::LoadBlob(step.executor(), step.inputs()[0].blob));
//       co_return weft::StepOutputs{ToUpper(*text)};
//     }
//   };
//
// A function must depend on nothing but its inputs, its parameters and what it records with
// StepContext::Observe; else IsPure() answers false and its results are not taken from the store.
// Change version() whenever the same inputs give other outputs.
//
// Guarantees
//   Thread safety    One StepFunction serves many steps at once; Run may be called concurrently. A
//                    StepContext's recorder and log may be used from any thread.
//   Lifetime         The StepContext, and all it refers to, outlives the Task that Run returns. The
//                    registry outlives the runs that use it.
//   Cancellation     Run is cancelled like any Task: it is unwound at its current co_await.
//   Errors           A failed or throwing step is never stored. The executor puts the step's id and
//                    its function before the message: say what is wrong, not who says it.
//
// Example: execute_example.cc
#ifndef WEFT_DAG_FUNCTION_H_
#define WEFT_DAG_FUNCTION_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/mutex.h"
#include "dag/blob.h"
#include "dag/graph.h"
#include "dag/result.h"
#include "dag/spec.h"
#include "future/executor.h"
#include "future/task.h"

namespace weft {

// One input with its value.
struct StepInput {
  std::string name;
  Blob blob;
};

// The bytes of the outputs, in the order in which the step declares them: as many as it declares.
using StepOutputs = std::vector<std::string>;

// One line from a step, for whoever watches the run. Called from any thread.
using StepLog = std::function<void(std::string_view line)>;

// What one execution of a step is given.
class StepContext {
 public:
  // `spec` and `executor` outlive the context. `log` may be null.
  StepContext(const StepSpec& spec, std::vector<StepInput> inputs, Executor& executor, StepLog log)
      : spec_(spec), inputs_(std::move(inputs)), executor_(executor), log_(std::move(log)) {}
  StepContext(const StepContext&) = delete;
  StepContext& operator=(const StepContext&) = delete;

  const std::string& id() const { return spec_.id; }
  const StepSpec& spec() const { return spec_; }

  // In the order of the declaration. Those whose names begin with '@' come from the kind of step.
  absl::Span<const StepInput> inputs() const { return inputs_; }
  // The input of this name, or null.
  const StepInput* FindInput(std::string_view name) const;

  // The names of the outputs that Run must give.
  absl::Span<const std::string> outputs() const { return spec_.outputs; }

  // The first parameter of this name, or nullopt.
  std::optional<std::string_view> FindParam(std::string_view name) const;
  // All parameters of this name, in order.
  std::vector<std::string_view> FindParams(std::string_view name) const;

  // Where the step's own paths count from.
  const std::string& directory() const { return spec_.directory; }

  // Runs the step's timers, tasks and blocking jobs.
  Executor& executor() const { return executor_; }

  // Records that the step looked at something beside its inputs; it is checked before the result is
  // used again. Paths count from directory().
  void Observe(Observation observation);
  // What was recorded, sorted and without repetitions.
  std::vector<Observation> TakeObservations();

  // Hands one line to whoever watches the run.
  void Log(std::string_view line) {
    if (log_) log_(line);
  }

 private:
  const StepSpec& spec_;
  const std::vector<StepInput> inputs_;
  Executor& executor_;
  const StepLog log_;
  Mutex mu_;
  std::vector<Observation> observations_ ABSL_GUARDED_BY(mu_);
};

// A kind of step. See the top of this file.
class StepFunction {
 public:
  virtual ~StepFunction() = default;

  // What a graph calls it. Constant.
  virtual std::string_view name() const = 0;

  // Part of the key of every result. Constant.
  virtual std::string_view version() const = 0;

  // One sentence for lists of functions.
  virtual std::string_view help() const { return ""; }

  // Whether the step's declaration makes sense: its parameters, the number of its inputs and
  // outputs. Called before anything runs. Errors: InvalidArgument that says what to change.
  virtual absl::Status Check(const StepSpec& spec) const;

  // Whether equal inputs give equal outputs. The step may overrule it (StepSpec::caching).
  virtual bool IsPure(const StepSpec& spec) const;

  // Computes the outputs.
  virtual Task<absl::StatusOr<StepOutputs>> Run(StepContext& context) = 0;
};

// The functions that a program offers. Filled at start-up; then read from any thread.
class FunctionRegistry {
 public:
  FunctionRegistry() = default;

  // Adds a function. Precondition (checked): no other has its name.
  void Register(std::unique_ptr<StepFunction> function);

  // Registers, for a function that this program lacks, why and what to do: Check then reports
  // `advice` in place of "unknown function".
  void RegisterMissing(std::string name, std::string advice);

  // The function of this name, or null.
  StepFunction* Find(std::string_view name) const;

  // All functions, by name.
  std::vector<const StepFunction*> List() const;

  // Whether every step's function is there and accepts the step. Errors: InvalidArgument, one line
  // for each problem, with its place; one for all steps of a `repeat` that have the same.
  absl::Status Check(const Graph& graph) const;

 private:
  absl::Status CheckStep(const StepSpec& step) const;

  std::map<std::string, std::unique_ptr<StepFunction>, std::less<>> functions_;
  std::map<std::string, std::string, std::less<>> missing_;
};

// What Check() of most functions needs: which parameters exist, and how many inputs and outputs.
struct StepShape {
  // Allowed parameters, besides those that begin with '@'.
  std::vector<std::string> params = {};
  // Parameters that must be there.
  std::vector<std::string> required_params = {};
  std::size_t min_inputs = 0;
  std::size_t max_inputs = static_cast<std::size_t>(-1);
  std::size_t min_outputs = 1;
  std::size_t max_outputs = 1;
};

// Compares a step with a shape. Errors: InvalidArgument that names what is wrong and what is known.
absl::Status CheckShape(const StepSpec& spec, const StepShape& shape);

}  // namespace weft

#endif  // WEFT_DAG_FUNCTION_H_

// dag/testing/test_graph.h — small graphs and functions for tests of the executor.
#ifndef WEFT_DAG_TESTING_TEST_GRAPH_H_
#define WEFT_DAG_TESTING_TEST_GRAPH_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "dag/execute.h"
#include "dag/function.h"
#include "dag/graph.h"
#include "dag/spec.h"
#include "future/task.h"

namespace weft {

// Builds StepSpecs in one expression:
//   TestStep("join", "c").Reads("a").Reads("b", "second").Literal("text").Param("k", "v")
class TestStep {
 public:
  // A step with the output "out".
  TestStep(std::string function, std::string id);
  TestStep& Reads(const std::string& step, const std::string& output = "out");
  TestStep& Literal(const std::string& text);
  TestStep& File(const std::string& path);
  TestStep& Param(const std::string& name, const std::string& value);
  TestStep& Outputs(std::vector<std::string> names);
  TestStep& Cache(Caching caching);
  TestStep& Directory(const std::string& directory);

  operator StepSpec() const { return spec_; }

 private:
  std::string NextInputName() const { return "in" + std::to_string(spec_.inputs.size()); }

  StepSpec spec_;
};

// Builds a graph whose results are the first outputs of all steps; fails the test on an error.
Graph MakeGraph(std::vector<StepSpec> steps);

// A StepFunction from a coroutine function.
using TestBody = std::function<Task<absl::StatusOr<StepOutputs>>(StepContext&)>;
struct TestFunctionOptions {
  std::string version = "1";
  bool is_pure = true;
};
std::unique_ptr<StepFunction> MakeTestFunction(std::string name, TestBody body,
                                               TestFunctionOptions options = {});

// The bytes of a result of a run, or "(none)"; they must be loadable.
std::string ResultText(const RunReport& report, std::size_t index);

// "a:executed b:blocked" in order of declaration.
std::string Outcomes(const Graph& graph, const RunReport& report);

// Counts the calls of each step, by id.
class CallCounter {
 public:
  void Count(const std::string& id);
  int calls(const std::string& id) const;
  int total() const;

 private:
  mutable Mutex mu_;
  std::map<std::string, int> calls_ ABSL_GUARDED_BY(mu_);
};

// A registry with: "join" (its id, then its inputs in parentheses: "c(a,b)"), "fail" (fails with
// its id), "throw" (throws), "hang" (waits until it is cancelled), "split" (output i is input i).
// "join" and "split" count their calls.
void RegisterTestFunctions(FunctionRegistry& registry, CallCounter* counter);

}  // namespace weft

#endif  // WEFT_DAG_TESTING_TEST_GRAPH_H_

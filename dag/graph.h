// dag/graph.h — a dependency graph, checked once and compiled into compact arrays.
//
// A GraphBuilder takes StepSpecs in any order; Build() checks all of them and answers either a
// Graph or every problem that it found. A Graph is immutable: executors, printers and `weft check`
// only read it.
//
// Differs from the StepSpecs in that names are resolved: an edge is a pair of numbers. Steps keep
// the order in which they were added (StepIndex counts from 0), so that reports are stable.
//
// Guarantees
//   Thread safety    A Graph may be read by any number of threads.
//   Complexity       Build is O(steps + edges) expected, and iterative: a chain of a million steps
//                    uses no more stack than one step. A Graph holds 4 bytes for each edge in each
//                    direction and about 20 bytes for each step, beside the StepSpecs.
//   Errors           InvalidArgument; one line for each problem, each with its place.
//
// Example: graph_example.cc
#ifndef WEFT_DAG_GRAPH_H_
#define WEFT_DAG_GRAPH_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "dag/spec.h"

namespace weft {

// Number of a step in its graph, in the order of AddStep, from 0.
using StepIndex = uint32_t;

// An output of a step, resolved.
struct OutputIndex {
  StepIndex step = 0;
  uint32_t output = 0;

  friend bool operator==(const OutputIndex&, const OutputIndex&) = default;
};

// A checked and compiled graph.
class Graph {
 public:
  Graph() = default;

  // Number of steps.
  uint32_t size() const { return static_cast<uint32_t>(steps_.size()); }

  // What the user said about step `i`. Precondition: i < size().
  const StepSpec& step(StepIndex i) const { return steps_[i]; }

  // The step with this id, if there is one. O(1).
  std::optional<StepIndex> Find(std::string_view id) const;

  // The output that "step.output" names; an error says what is unknown and what exists.
  absl::StatusOr<OutputIndex> FindOutput(std::string_view reference) const;

  // For input `input` of step `i`: the output that it reads, if its source is another step.
  std::optional<OutputIndex> source(StepIndex i, uint32_t input) const;

  // The distinct steps whose outputs step `i` reads, in the order of its inputs.
  absl::Span<const StepIndex> dependencies(StepIndex i) const {
    return Row(dependency_rows_, dependencies_, i);
  }

  // The distinct steps that read an output of step `i`, in order of declaration.
  absl::Span<const StepIndex> dependents(StepIndex i) const {
    return Row(dependent_rows_, dependents_, i);
  }

  // All steps, each after its dependencies; among the steps that are possible next, the one
  // declared first comes first within its round (Kahn's order by rounds).
  absl::Span<const StepIndex> order() const { return order_; }

  // The outputs that the graph names as its results, in the order of AddResult.
  absl::Span<const OutputIndex> results() const { return results_; }

  // "step.output".
  std::string OutputName(OutputIndex output) const;

 private:
  friend class GraphCompiler;

  static absl::Span<const StepIndex> Row(const std::vector<uint32_t>& rows,
                                         const std::vector<StepIndex>& items, StepIndex i) {
    return absl::MakeConstSpan(items).subspan(rows[i], rows[i + 1] - rows[i]);
  }

  std::vector<StepSpec> steps_;
  absl::flat_hash_map<std::string, StepIndex> by_id_;
  // Compressed rows: the items of step i lie at [rows[i], rows[i + 1]).
  std::vector<uint32_t> input_rows_;
  std::vector<OutputIndex> input_sources_;  // step == kNoStep where the source is no step.
  std::vector<uint32_t> dependency_rows_;
  std::vector<StepIndex> dependencies_;
  std::vector<uint32_t> dependent_rows_;
  std::vector<StepIndex> dependents_;
  std::vector<StepIndex> order_;
  std::vector<OutputIndex> results_;
};

// Collects the steps of a graph. Thread-compatible.
class GraphBuilder {
 public:
  GraphBuilder() = default;

  // Adds a step. Nothing is checked before Build().
  GraphBuilder& AddStep(StepSpec step);

  // Names an output of the graph as "step.output".
  GraphBuilder& AddResult(std::string reference, Place place = {});

  // Checks everything and compiles. Errors: InvalidArgument with one line for each problem (at most
  // kMaxProblems): bad or duplicate names, unknown steps or outputs, a cycle with its path.
  absl::StatusOr<Graph> Build() &&;

  // Problems beyond this number are counted, not listed.
  static constexpr int kMaxProblems = 20;

 private:
  friend class GraphCompiler;

  struct Result {
    std::string reference;
    Place place;
  };

  std::vector<StepSpec> steps_;
  std::vector<Result> results_;
};

}  // namespace weft

#endif  // WEFT_DAG_GRAPH_H_

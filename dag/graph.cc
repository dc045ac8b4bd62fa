#include "dag/graph.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace weft {
namespace {

constexpr StepIndex kNoStep = std::numeric_limits<StepIndex>::max();
constexpr std::size_t kMaxListedNames = 12;

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

std::string Quoted(std::string_view text) { return absl::StrCat("\"", View(text), "\""); }

// "graph.textproto:3:1: " or nothing.
std::string Prefix(const Place& place) {
  std::string text = place.ToString();
  if (!text.empty()) text += ": ";
  return text;
}

std::string ListNames(const std::vector<std::string>& names) {
  if (names.empty()) return "none";
  const std::size_t shown = std::min(names.size(), kMaxListedNames);
  std::string text = absl::StrJoin(
      names.begin(), names.begin() + shown, ", ",
      [](std::string* out, const std::string& name) { absl::StrAppend(out, Quoted(name)); });
  if (shown < names.size()) absl::StrAppend(&text, " and ", names.size() - shown, " more");
  return text;
}

// Splits "step.output" at the first dot: the ids of steps hold none.
std::optional<std::pair<std::string_view, std::string_view>> SplitReference(
    std::string_view reference) {
  const std::size_t dot = reference.find('.');
  if (dot == std::string_view::npos || dot == 0 || dot + 1 == reference.size()) {
    return std::nullopt;
  }
  return std::make_pair(reference.substr(0, dot), reference.substr(dot + 1));
}

std::optional<uint32_t> FindName(const std::vector<std::string>& names, std::string_view name) {
  for (uint32_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return i;
  }
  return std::nullopt;
}

// Index of the id nearest to `wanted`, by the length of the common prefix; a hint for a typing
// error.
std::string Suggestion(const std::vector<StepSpec>& steps, std::string_view wanted) {
  std::size_t best_length = 2;
  const StepSpec* best = nullptr;
  for (const StepSpec& step : steps) {
    const auto differ =
        std::mismatch(step.id.begin(), step.id.end(), wanted.begin(), wanted.end()).first;
    const auto length = static_cast<std::size_t>(differ - step.id.begin());
    if (length > best_length) {
      best_length = length;
      best = &step;
    }
  }
  if (best == nullptr) return "";
  return absl::StrCat("; did you mean ", Quoted(best->id), "?");
}

}  // namespace

// Checks the collected steps and fills the arrays of a Graph. Each phase runs only if the one
// before found nothing, because it relies on it.
class GraphCompiler {
 public:
  explicit GraphCompiler(GraphBuilder* builder) : results_(std::move(builder->results_)) {
    graph_.steps_ = std::move(builder->steps_);
  }

  absl::StatusOr<Graph> Compile() {
    IndexIds();
    for (const StepSpec& step : graph_.steps_) CheckNames(step);
    ResolveInputs();
    ResolveResults();
    if (problems_ == 0) {
      BuildDependencies();
      BuildDependents();
      BuildOrder();
    }
    if (problems_ == 0) return std::move(graph_);
    if (problems_ > GraphBuilder::kMaxProblems) {
      lines_.push_back(
          absl::StrCat("and ", problems_ - GraphBuilder::kMaxProblems, " problems more"));
    }
    return absl::InvalidArgumentError(absl::StrJoin(lines_, "\n"));
  }

 private:
  void Report(const Place& place, std::string problem) {
    ++problems_;
    if (problems_ <= GraphBuilder::kMaxProblems) lines_.push_back(Prefix(place) + problem);
  }

  void IndexIds() {
    graph_.by_id_.reserve(graph_.steps_.size());
    for (StepIndex i = 0; i < graph_.size(); ++i) {
      const StepSpec& step = graph_.steps_[i];
      const auto [first, inserted] = graph_.by_id_.try_emplace(step.id, i);
      if (inserted) continue;
      const std::string place = graph_.steps_[first->second].place.ToString();
      Report(step.place,
             absl::StrCat("two steps have the id ", Quoted(step.id), "; the first is ",
                          place.empty() ? absl::StrCat("step number ", first->second + 1) : place,
                          "; give each step an id of its own"));
    }
  }

  void CheckNames(const StepSpec& step) {
    if (!IsStepId(step.id)) {
      Report(step.place, absl::StrCat("a step has the id ", Quoted(step.id),
                                      "; an id is 1 to 128 letters, digits, '_', '-' or '/'"));
      return;
    }
    if (step.function.empty()) {
      Report(step.place, absl::StrCat("step ", Quoted(step.id), " names no function"));
    }
    absl::flat_hash_set<absl::string_view>& seen = seen_names_;
    seen.clear();
    for (const InputSpec& input : step.inputs) {
      const bool reserved = !input.name.empty() && input.name[0] == '@';
      CheckField(step, "input", reserved ? input.name.substr(1) : input.name, input.place);
      if (!seen.insert(input.name).second) {
        Report(input.place, absl::StrCat("step ", Quoted(step.id), " has two inputs named ",
                                         Quoted(input.name)));
      }
    }
    seen.clear();
    for (const std::string& output : step.outputs) {
      CheckField(step, "output", output, step.place);
      if (!seen.insert(output).second) {
        Report(step.place,
               absl::StrCat("step ", Quoted(step.id), " has two outputs named ", Quoted(output)));
      }
    }
  }

  void CheckField(const StepSpec& step, const char* what, const std::string& name,
                  const Place& place) {
    if (IsFieldName(name)) return;
    Report(place.line == 0 ? step.place : place,
           absl::StrCat("step ", Quoted(step.id), " has an ", what, " named ", Quoted(name),
                        "; a name is 1 to 128 letters, digits, '_', '-', '/' or '.'"));
  }

  void ResolveInputs() {
    graph_.input_rows_.reserve(graph_.steps_.size() + 1);
    graph_.input_rows_.push_back(0);
    for (const StepSpec& step : graph_.steps_) {
      for (const InputSpec& input : step.inputs) {
        graph_.input_sources_.push_back(ResolveInput(step, input));
      }
      graph_.input_rows_.push_back(static_cast<uint32_t>(graph_.input_sources_.size()));
    }
  }

  OutputIndex ResolveInput(const StepSpec& step, const InputSpec& input) {
    const auto* source = std::get_if<OutputRef>(&input.source);
    if (source == nullptr) return {kNoStep, 0};
    const auto context = [&] {
      return absl::StrCat("input ", Quoted(input.name), " of step ", Quoted(step.id));
    };
    const Place& place = input.place.line == 0 ? step.place : input.place;
    const auto found = graph_.by_id_.find(source->step);
    if (found == graph_.by_id_.end()) {
      Report(place,
             absl::StrCat(context(), " reads an output of step ", Quoted(source->step),
                          ", which does not exist", Suggestion(graph_.steps_, source->step)));
      return {kNoStep, 0};
    }
    const std::vector<std::string>& outputs = graph_.steps_[found->second].outputs;
    const std::optional<uint32_t> output = FindName(outputs, source->output);
    if (!output.has_value()) {
      Report(place,
             absl::StrCat(context(), " reads output ", Quoted(source->output), " of step ",
                          Quoted(source->step), ", whose outputs are: ", ListNames(outputs)));
      return {kNoStep, 0};
    }
    return {found->second, *output};
  }

  void ResolveResults() {
    for (const GraphBuilder::Result& result : results_) {
      absl::StatusOr<OutputIndex> output = graph_.FindOutput(result.reference);
      if (output.ok()) {
        graph_.results_.push_back(*output);
      } else {
        Report(result.place,
               absl::StrCat("result ", Quoted(result.reference), ": ", output.status().message()));
      }
    }
  }

  // Distinct producers of each step, in the order of its inputs. `last_reader` makes the test for a
  // repetition O(1).
  void BuildDependencies() {
    std::vector<StepIndex> last_reader(graph_.size(), kNoStep);
    graph_.dependency_rows_.reserve(graph_.size() + 1);
    graph_.dependency_rows_.push_back(0);
    for (StepIndex i = 0; i < graph_.size(); ++i) {
      for (uint32_t k = graph_.input_rows_[i]; k < graph_.input_rows_[i + 1]; ++k) {
        const StepIndex producer = graph_.input_sources_[k].step;
        if (producer == kNoStep || last_reader[producer] == i) continue;
        last_reader[producer] = i;
        graph_.dependencies_.push_back(producer);
      }
      graph_.dependency_rows_.push_back(static_cast<uint32_t>(graph_.dependencies_.size()));
    }
  }

  // The transpose of the dependencies, by counting sort: rows stay in order of declaration.
  void BuildDependents() {
    std::vector<uint32_t>& rows = graph_.dependent_rows_;
    rows.assign(graph_.size() + 1, 0);
    for (const StepIndex producer : graph_.dependencies_) ++rows[producer + 1];
    for (StepIndex i = 0; i < graph_.size(); ++i) rows[i + 1] += rows[i];
    graph_.dependents_.resize(graph_.dependencies_.size());
    std::vector<uint32_t> next(rows.begin(), rows.end() - 1);
    for (StepIndex i = 0; i < graph_.size(); ++i) {
      for (const StepIndex producer : graph_.dependencies(i)) {
        graph_.dependents_[next[producer]++] = i;
      }
    }
  }

  // Kahn's algorithm by rounds; what is left over lies on or behind a cycle.
  void BuildOrder() {
    std::vector<uint32_t> missing(graph_.size());
    std::vector<StepIndex>& order = graph_.order_;
    order.reserve(graph_.size());
    for (StepIndex i = 0; i < graph_.size(); ++i) {
      missing[i] = static_cast<uint32_t>(graph_.dependencies(i).size());
      if (missing[i] == 0) order.push_back(i);
    }
    std::size_t round_begin = 0;
    while (round_begin < order.size()) {
      const std::size_t round_end = order.size();
      for (std::size_t k = round_begin; k < round_end; ++k) {
        for (const StepIndex next : graph_.dependents(order[k])) {
          if (--missing[next] == 0) order.push_back(next);
        }
      }
      std::sort(order.begin() + static_cast<std::ptrdiff_t>(round_end), order.end());
      round_begin = round_end;
    }
    if (order.size() != graph_.size()) ReportCycle(missing);
  }

  // Walks from dependency to dependency inside the leftover until a step comes twice.
  void ReportCycle(const std::vector<uint32_t>& missing) {
    StepIndex at = 0;
    while (missing[at] == 0) ++at;
    std::vector<StepIndex> path;
    absl::flat_hash_map<StepIndex, std::size_t> seen;
    while (seen.try_emplace(at, path.size()).second) {
      path.push_back(at);
      for (const StepIndex producer : graph_.dependencies(at)) {
        if (missing[producer] != 0) {
          at = producer;
          break;
        }
      }
    }
    path.erase(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(seen[at]));
    // The step declared first opens the path, so that the message does not depend on the walk.
    std::rotate(path.begin(), std::min_element(path.begin(), path.end()), path.end());
    std::vector<std::string> names;
    for (std::size_t k = 0; k < path.size(); ++k) {
      if (k == kMaxListedNames && path.size() > 2 * kMaxListedNames) {
        names.push_back(absl::StrCat("... (", path.size() - kMaxListedNames, " steps) ..."));
        break;
      }
      names.push_back(graph_.steps_[path[k]].id);
    }
    names.push_back(graph_.steps_[path.front()].id);
    Report(graph_.steps_[path.front()].place,
           absl::StrCat("the steps form a cycle (each needs the next): ",
                        absl::StrJoin(names, " -> "), "; remove one of these inputs"));
  }

  Graph graph_;
  std::vector<GraphBuilder::Result> results_;
  absl::flat_hash_set<absl::string_view> seen_names_;
  std::vector<std::string> lines_;
  int problems_ = 0;
};

std::optional<StepIndex> Graph::Find(std::string_view id) const {
  const auto found = by_id_.find(View(id));
  if (found == by_id_.end()) return std::nullopt;
  return found->second;
}

absl::StatusOr<OutputIndex> Graph::FindOutput(std::string_view reference) const {
  const auto parts = SplitReference(reference);
  if (!parts.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected the form STEP.OUTPUT, found ", Quoted(reference)));
  }
  const std::optional<StepIndex> step = Find(parts->first);
  if (!step.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("there is no step ", Quoted(parts->first), Suggestion(steps_, parts->first)));
  }
  const std::vector<std::string>& outputs = steps_[*step].outputs;
  const std::optional<uint32_t> output = FindName(outputs, parts->second);
  if (!output.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat("step ", Quoted(parts->first), " has no output ",
                                                   Quoted(parts->second),
                                                   "; its outputs are: ", ListNames(outputs)));
  }
  return OutputIndex{*step, *output};
}

std::optional<OutputIndex> Graph::source(StepIndex i, uint32_t input) const {
  const OutputIndex found = input_sources_[input_rows_[i] + input];
  if (found.step == kNoStep) return std::nullopt;
  return found;
}

std::string Graph::OutputName(OutputIndex output) const {
  return absl::StrCat(steps_[output.step].id, ".", steps_[output.step].outputs[output.output]);
}

GraphBuilder& GraphBuilder::AddStep(StepSpec step) {
  steps_.push_back(std::move(step));
  return *this;
}

GraphBuilder& GraphBuilder::AddResult(std::string reference, Place place) {
  results_.push_back({std::move(reference), std::move(place)});
  return *this;
}

absl::StatusOr<Graph> GraphBuilder::Build() && { return GraphCompiler(this).Compile(); }

}  // namespace weft

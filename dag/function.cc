#include "dag/function.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"

namespace weft {
namespace {

std::string Quoted(std::string_view text) { return absl::StrCat("\"", std::string(text), "\""); }

std::string JoinQuoted(const std::vector<std::string>& names) {
  if (names.empty()) return "none";
  return absl::StrJoin(names, ", ", [](std::string* out, const std::string& name) {
    absl::StrAppend(out, Quoted(name));
  });
}

bool Contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

absl::Status CheckCount(const char* what, std::size_t found, std::size_t min, std::size_t max) {
  if (found >= min && found <= max) return absl::OkStatus();
  std::string expected;
  if (min == max) {
    expected = absl::StrCat(min);
  } else if (max == std::numeric_limits<std::size_t>::max()) {
    expected = absl::StrCat(min, " or more");
  } else {
    expected = absl::StrCat(min, " to ", max);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("expected ", expected, " ", what, ", found ", found));
}

auto OrderOf(const Observation& observation) {
  return std::tie(observation.path, observation.kind, observation.digest);
}

}  // namespace

const StepInput* StepContext::FindInput(std::string_view name) const {
  for (const StepInput& input : inputs_) {
    if (input.name == name) return &input;
  }
  return nullptr;
}

std::optional<std::string_view> StepContext::FindParam(std::string_view name) const {
  for (const ParamSpec& param : spec_.params) {
    if (param.name == name) return param.value;
  }
  return std::nullopt;
}

std::vector<std::string_view> StepContext::FindParams(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const ParamSpec& param : spec_.params) {
    if (param.name == name) values.push_back(param.value);
  }
  return values;
}

void StepContext::Observe(Observation observation) {
  MutexLock lock(&mu_);
  observations_.push_back(std::move(observation));
}

std::vector<Observation> StepContext::TakeObservations() {
  std::vector<Observation> taken;
  {
    MutexLock lock(&mu_);
    taken.swap(observations_);
  }
  std::sort(taken.begin(), taken.end(),
            [](const Observation& a, const Observation& b) { return OrderOf(a) < OrderOf(b); });
  taken.erase(std::unique(taken.begin(), taken.end()), taken.end());
  return taken;
}

absl::Status StepFunction::Check(const StepSpec&) const { return absl::OkStatus(); }

bool StepFunction::IsPure(const StepSpec&) const { return true; }

void FunctionRegistry::Register(std::unique_ptr<StepFunction> function) {
  std::string name(function->name());
  const bool inserted = functions_.emplace(name, std::move(function)).second;
  WEFT_CHECK(inserted) << "FunctionRegistry::Register: two functions are named \"" << name << "\"";
}

void FunctionRegistry::RegisterMissing(std::string name, std::string advice) {
  missing_[std::move(name)] = std::move(advice);
}

StepFunction* FunctionRegistry::Find(std::string_view name) const {
  const auto found = functions_.find(name);
  return found == functions_.end() ? nullptr : found->second.get();
}

std::vector<const StepFunction*> FunctionRegistry::List() const {
  std::vector<const StepFunction*> list;
  for (const auto& [name, function] : functions_) list.push_back(function.get());
  return list;
}

absl::Status FunctionRegistry::CheckStep(const StepSpec& step) const {
  if (const StepFunction* function = Find(step.function)) return function->Check(step);
  const auto missing = missing_.find(step.function);
  if (missing != missing_.end()) return absl::InvalidArgumentError(missing->second);
  std::vector<std::string> names;
  for (const auto& [name, function] : functions_) names.push_back(name);
  return absl::InvalidArgumentError(
      absl::StrCat("unknown function ", Quoted(step.function), "; known are: ", JoinQuoted(names)));
}

absl::Status FunctionRegistry::Check(const Graph& graph) const {
  std::vector<std::string> lines;
  std::size_t problems = 0;
  Place last_place;
  absl::Status last;
  for (StepIndex i = 0; i < graph.size(); ++i) {
    const StepSpec& step = graph.step(i);
    const absl::Status status = CheckStep(step);
    if (status.ok()) continue;
    // The steps of one `repeat` have one problem.
    const bool is_repeated = step.place.line > 0 && step.place.line == last_place.line &&
                             step.place.column == last_place.column && status == last;
    last_place = step.place;
    last = status;
    if (is_repeated) continue;
    if (++problems > static_cast<std::size_t>(GraphBuilder::kMaxProblems)) continue;
    const std::string place = step.place.ToString();
    lines.push_back(absl::StrCat(place, place.empty() ? "" : ": ", "step ", Quoted(step.id), ": ",
                                 status.message()));
  }
  if (problems == 0) return absl::OkStatus();
  if (problems > lines.size()) {
    lines.push_back(absl::StrCat("and ", problems - lines.size(), " problems more"));
  }
  return absl::InvalidArgumentError(absl::StrJoin(lines, "\n"));
}

absl::Status CheckShape(const StepSpec& spec, const StepShape& shape) {
  for (const ParamSpec& param : spec.params) {
    if (!param.name.empty() && param.name[0] == '@') continue;
    if (Contains(shape.params, param.name) || Contains(shape.required_params, param.name)) continue;
    std::vector<std::string> known = shape.required_params;
    known.insert(known.end(), shape.params.begin(), shape.params.end());
    return absl::InvalidArgumentError(absl::StrCat("function ", Quoted(spec.function),
                                                   " has no parameter ", Quoted(param.name),
                                                   "; it has: ", JoinQuoted(known)));
  }
  for (const std::string& name : shape.required_params) {
    const bool found = std::any_of(spec.params.begin(), spec.params.end(),
                                   [&](const ParamSpec& param) { return param.name == name; });
    if (!found) {
      return absl::InvalidArgumentError(
          absl::StrCat("function ", Quoted(spec.function), " needs the parameter ", Quoted(name)));
    }
  }
  absl::Status status =
      CheckCount("inputs", spec.inputs.size(), shape.min_inputs, shape.max_inputs);
  if (!status.ok()) return status;
  return CheckCount("outputs", spec.outputs.size(), shape.min_outputs, shape.max_outputs);
}

}  // namespace weft

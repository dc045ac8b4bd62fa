#include "dag/internal/lookup.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"

namespace weft::dag_internal {
namespace {

constexpr std::size_t kMaxListedInputs = 5;

// Parameters that count, by name; equal names keep their order.
std::multimap<std::string, std::string> KeyParams(const StepSpec& step) {
  std::multimap<std::string, std::string> params;
  for (const ParamSpec& param : step.params) {
    if (param.meaning == ParamSpec::Meaning::kResult) params.emplace(param.name, param.value);
  }
  return params;
}

using DigestsByName = absl::flat_hash_map<absl::string_view, const Digest*>;

DigestsByName ByName(const std::vector<NamedDigest>& list) {
  DigestsByName index;
  index.reserve(list.size());
  for (const NamedDigest& item : list) index.emplace(item.name, &item.digest);
  return index;
}

// "input \"a\" changed, input \"b\" is new" or "".
std::string CompareInputs(const LastRun& before, const LastRun& now) {
  if (before.inputs == now.inputs) return "";
  std::vector<std::string> changes;
  const DigestsByName olds = ByName(before.inputs), news = ByName(now.inputs);
  for (const NamedDigest& input : now.inputs) {
    const auto old = olds.find(input.name);
    if (old == olds.end()) {
      changes.push_back(absl::StrCat("input \"", input.name, "\" is new"));
    } else if (*old->second != input.digest) {
      changes.push_back(absl::StrCat("input \"", input.name, "\" changed"));
    }
  }
  for (const NamedDigest& input : before.inputs) {
    if (!news.contains(input.name)) {
      changes.push_back(absl::StrCat("input \"", input.name, "\" is gone"));
    }
  }
  if (changes.empty()) return "the order of its inputs changed";
  const std::size_t shown = std::min(changes.size(), kMaxListedInputs);
  std::string text =
      absl::StrJoin(changes.begin(), changes.begin() + static_cast<int>(shown), ", ");
  if (shown < changes.size()) absl::StrAppend(&text, " and ", changes.size() - shown, " more");
  return text;
}

void Compare(const LastRun& before, const LastRun& now, Found* found) {
  std::string inputs;
  if (before.function != now.function) {
    found->reason = RunReason::kFunctionChanged;
    found->explanation =
        absl::StrCat("its function was ", before.function, ", now it is ", now.function);
  } else if (before.version != now.version) {
    found->reason = RunReason::kFunctionChanged;
    found->explanation = absl::StrCat("version ", before.version, " of ", now.function,
                                      " became version ", now.version);
  } else if (before.params != now.params) {
    found->reason = RunReason::kParamsChanged;
    found->explanation = "its parameters changed";
  } else if (inputs = CompareInputs(before, now); !inputs.empty()) {
    found->reason = RunReason::kInputsChanged;
    found->explanation = std::move(inputs);
  } else if (before.key != now.key) {
    found->reason = RunReason::kParamsChanged;
    found->explanation = "the names of its outputs changed";
  } else {
    found->reason = RunReason::kResultLost;
    found->explanation = "nothing changed, but the store has no intact result";
  }
}

// Where an observed path leads: one that is absolute does not count from the step's directory.
std::string ObservedPath(const std::string& directory, const std::string& path) {
  return path.starts_with('/') ? path : absl::StrCat(directory, "/", path);
}

// The first observation that does not hold any more, or null.
const Observation* FindChanged(const std::vector<Observation>& observations,
                               const std::string& directory) {
  for (const Observation& observation : observations) {
    const std::string path = ObservedPath(directory, observation.path);
    if (observation.kind == Observation::Kind::kAbsent) {
      struct stat info;
      if (stat(path.c_str(), &info) == 0) return &observation;
      continue;
    }
    const absl::StatusOr<Digest> digest = DigestOfFile(path);
    if (!digest.ok() || *digest != observation.digest) return &observation;
  }
  return nullptr;
}

// The value of `digest`: its bytes if it is small, else a blob that reads it when asked.
absl::StatusOr<std::optional<Blob>> FetchValue(ResultStore& store, const Digest& digest) {
  if (digest.size <= ResultStore::kMaxInlineSize) {
    absl::StatusOr<std::optional<std::string>> bytes = store.GetValue(digest);
    if (!bytes.ok()) return bytes.status();
    if (!bytes->has_value()) return std::optional<Blob>();
    return std::optional<Blob>(Blob(digest, **std::move(bytes)));
  }
  const absl::StatusOr<bool> has = store.HasValue(digest);
  if (!has.ok()) return has.status();
  if (!*has) return std::optional<Blob>();
  ResultStore* const source = &store;
  return std::optional<Blob>(Blob(digest, [source, digest]() -> absl::StatusOr<std::string> {
    absl::StatusOr<std::optional<std::string>> bytes = source->GetValue(digest);
    if (!bytes.ok()) return bytes.status();
    if (bytes->has_value()) return **std::move(bytes);
    return absl::DataLossError(absl::StrCat("the store lost the value ", digest.ToString(),
                                            " while the graph was running; run it again"));
  }));
}

// Fills found->outputs if all values of `result` are there.
absl::Status FetchValues(ResultStore& store, const StoredResult& result, Found* found) {
  std::vector<Blob> outputs;
  for (const NamedDigest& output : result.outputs) {
    absl::StatusOr<std::optional<Blob>> blob = FetchValue(store, output.digest);
    if (!blob.ok()) return blob.status();
    if (!blob->has_value()) return absl::OkStatus();
    outputs.push_back(**std::move(blob));
  }
  found->outputs = std::move(outputs);
  return absl::OkStatus();
}

absl::Status TryLookUp(ResultStore& store, const std::string& graph_name, const StepSpec& step,
                       const LastRun& now, bool cacheable, Found* found) {
  std::optional<LastRun> before;
  if (!graph_name.empty()) {
    absl::StatusOr<std::optional<LastRun>> run = store.GetLastRun(graph_name, step.id);
    if (!run.ok()) return run.status();
    before = *std::move(run);
  }
  if (!before.has_value()) {
    found->reason = RunReason::kFirstRun;
    found->explanation = "it has not run before in this graph";
  } else {
    Compare(*before, now, found);
  }
  if (!cacheable) {
    found->reason = RunReason::kUncacheable;
    found->explanation = step.caching == Caching::kUncacheable
                             ? "the graph says that it is uncacheable"
                             : "its function is not pure; \"pure: true\" would vouch for it";
    return absl::OkStatus();
  }
  absl::StatusOr<std::optional<StoredResult>> result = store.GetResult(now.key);
  if (!result.ok()) return result.status();
  if (!result->has_value()) return absl::OkStatus();
  if (const Observation* changed = FindChanged((*result)->observations, step.directory)) {
    found->reason = RunReason::kObservedChanged;
    found->explanation = absl::StrCat("the file ", changed->path, ", which it read, changed");
    return absl::OkStatus();
  }
  if (absl::Status status = FetchValues(store, **result, found); !status.ok()) return status;
  if (!found->outputs.has_value()) {
    found->reason = RunReason::kResultLost;
    found->explanation = "the store has lost a value of its result";
    return absl::OkStatus();
  }
  found->reason = RunReason::kCached;
  found->explanation = "the store has its result";
  if (!before.has_value() || before->key == now.key || graph_name.empty()) return absl::OkStatus();
  RunRecord record{graph_name, step.id, now};
  record.run.outputs = (*result)->outputs;
  record.run.observations = (*result)->observations;
  record.run.when = absl::Now();
  found->to_record = std::move(record);
  return absl::OkStatus();
}

}  // namespace

LastRun DescribeStep(const StepSpec& step, const StepFunction& function,
                     absl::Span<const StepInput> inputs) {
  LastRun run;
  run.function = std::string(function.name());
  run.version = std::string(function.version());
  KeyEncoder key(run.function, run.version);
  KeyEncoder params("", "");
  for (const auto& [name, value] : KeyParams(step)) {
    key.AddParam(name, value);
    params.AddParam(name, value);
  }
  for (const StepInput& input : inputs) {
    key.AddInput(input.name, input.blob.digest());
    run.inputs.push_back({input.name, input.blob.digest()});
  }
  for (const std::string& output : step.outputs) key.AddOutput(output);
  run.key = key.Key();
  run.params = params.Key();
  return run;
}

bool IsCacheable(const StepSpec& step, const StepFunction& function) {
  switch (step.caching) {
    case Caching::kPure:
      return true;
    case Caching::kUncacheable:
      return false;
    case Caching::kDefault:
      break;
  }
  return function.IsPure(step);
}

Found LookUp(ResultStore& store, const std::string& graph_name, const StepSpec& step,
             const LastRun& now, bool cacheable) {
  Found found;
  found.trouble = TryLookUp(store, graph_name, step, now, cacheable, &found);
  return found;
}

}  // namespace weft::dag_internal

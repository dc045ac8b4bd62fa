#include "tools/report.h"

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "dag/blob.h"
#include "tools/json.h"

namespace weft::tools {
namespace {

constexpr char kSchema[] = "weft.run/1";

void AppendCount(std::string_view name, int64_t count, std::string* text) {
  if (count > 0) absl::StrAppend(text, ", ", count, " ", std::string(name));
}

Json ErrorJson(const absl::Status& status) {
  return {{"code", absl::StatusCodeToString(status.code())},
          {"message", std::string(status.message())}};
}

Json StepJson(const FinishedRun& run, StepIndex i) {
  const StepSpec& spec = run.graph.step(i);
  const StepReport& step = run.report.steps[i];
  const bool was_executed = run.times[i].begin != Instant();
  Json json = {
      {"id", spec.id},
      {"function", spec.function},
      {"status", ToString(step.outcome)},
      {"reason", ToString(step.reason)},
      {"why", step.explanation},
      {"start_s", was_executed ? absl::ToDoubleSeconds(run.times[i].begin - run.start) : 0.0},
      {"duration_s", absl::ToDoubleSeconds(step.duration)},
  };
  if (step.outcome == StepOutcome::kFailed) json["error"] = ErrorJson(step.status);
  Json& outputs = json["outputs"] = Json::array();
  for (std::size_t k = 0; k < step.outputs.size() && k < spec.outputs.size(); ++k) {
    outputs.push_back({{"name", spec.outputs[k]}, {"digest", step.outputs[k].ToString()}});
  }
  return json;
}

Json ResultJson(const FinishedRun& run, std::size_t i) {
  Json json = {{"name", run.graph.OutputName(run.graph.results()[i])}};
  const std::optional<Blob>& blob = run.report.results[i];
  if (!blob.has_value()) return json;
  json["digest"] = blob->digest().ToString();
  const absl::StatusOr<Blob::Bytes> bytes = blob->Load();
  if (!bytes.ok()) {
    json["error"] = bytes.status().ToString();
  } else if (IsUtf8(**bytes)) {
    json["text"] = **bytes;
  } else {
    json["base64"] = absl::Base64Escape(**bytes);
  }
  return json;
}

}  // namespace

std::string FormatSummary(const RunReport& report, absl::Duration elapsed) {
  // Steps that failed were executed too, but a reader wants each step in one place.
  std::string text =
      absl::StrCat("executed ", report.executed, report.executed == 1 ? " step, " : " steps, ",
                   report.cached, " cached");
  AppendCount("failed", report.failed, &text);
  AppendCount("blocked", report.blocked, &text);
  AppendCount("cancelled", report.cancelled, &text);
  absl::StrAppendFormat(&text, " in %.2f s", absl::ToDoubleSeconds(elapsed));
  return text;
}

std::string_view StatusName(ExitCode code) {
  switch (code) {
    case ExitCode::kSuccess:
      return "succeeded";
    case ExitCode::kStepFailed:
      return "failed";
    case ExitCode::kBadInput:
      return "invalid";
    case ExitCode::kInterrupted:
      break;
  }
  return "interrupted";
}

std::string FormatJson(const FinishedRun& run) {
  Json json = {
      {"schema", kSchema},
      {"graph", run.graph_file},
      {"status", StatusName(run.exit_code)},
      {"exit_code", static_cast<int>(run.exit_code)},
      {"elapsed_s", absl::ToDoubleSeconds(run.elapsed)},
      {"counts",
       {{"steps", run.graph.size()},
        {"executed", run.report.executed},
        {"cached", run.report.cached},
        {"failed", run.report.failed},
        {"blocked", run.report.blocked},
        {"cancelled", run.report.cancelled}}},
  };
  Json& steps = json["steps"] = Json::array();
  for (StepIndex i = 0; i < run.graph.size(); ++i) steps.push_back(StepJson(run, i));
  Json& results = json["results"] = Json::array();
  for (std::size_t i = 0; i < run.named_results; ++i) results.push_back(ResultJson(run, i));
  return FormatDocument(json);
}

std::string FormatJsonError(const std::string& graph_file, const absl::Status& status) {
  return FormatDocument({
      {"schema", kSchema},
      {"graph", graph_file},
      {"status", StatusName(ExitCode::kBadInput)},
      {"exit_code", static_cast<int>(ExitCode::kBadInput)},
      {"error", ErrorJson(status)},
  });
}

absl::StatusOr<std::string> FormatResults(const FinishedRun& run) {
  std::string text;
  for (std::size_t i = 0; i < run.named_results; ++i) {
    const std::optional<Blob>& blob = run.report.results[i];
    if (!blob.has_value()) continue;
    const absl::StatusOr<Blob::Bytes> bytes = blob->Load();
    if (!bytes.ok()) {
      return absl::Status(
          bytes.status().code(),
          absl::StrCat("reading the result ", run.graph.OutputName(run.graph.results()[i]), ": ",
                       bytes.status().message(), "; run again"));
    }
    // Two results are never joined on one line; a single one is not touched.
    if (!text.empty() && text.back() != '\n') text += '\n';
    text += **bytes;
  }
  return text;
}

}  // namespace weft::tools

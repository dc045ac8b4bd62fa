#include "tools/report.h"

#include <cstddef>
#include <cstdint>
#include <optional>

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

void WriteStep(const FinishedRun& run, StepIndex i, JsonWriter* json) {
  const StepSpec& spec = run.graph.step(i);
  const StepReport& step = run.report.steps[i];
  json->BeginObject();
  json->Key("id").String(spec.id);
  json->Key("function").String(spec.function);
  json->Key("status").String(ToString(step.outcome));
  json->Key("reason").String(ToString(step.reason));
  json->Key("why").String(step.explanation);
  const bool was_executed = run.times[i].begin != Instant();
  json->Key("start_s").Number(was_executed ? absl::ToDoubleSeconds(run.times[i].begin - run.start)
                                           : 0);
  json->Key("duration_s").Number(absl::ToDoubleSeconds(step.duration));
  if (step.outcome == StepOutcome::kFailed) {
    json->Key("error").BeginObject();
    json->Key("code").String(absl::StatusCodeToString(step.status.code()));
    const absl::string_view message = step.status.message();
    json->Key("message").String(std::string_view(message.data(), message.size()));
    json->EndObject();
  }
  json->Key("outputs").BeginArray();
  for (std::size_t k = 0; k < step.outputs.size() && k < spec.outputs.size(); ++k) {
    json->BeginObject();
    json->Key("name").String(spec.outputs[k]);
    json->Key("digest").String(step.outputs[k].ToString());
    json->EndObject();
  }
  json->EndArray();
  json->EndObject();
}

void WriteResult(const FinishedRun& run, std::size_t i, JsonWriter* json) {
  json->BeginObject();
  json->Key("name").String(run.graph.OutputName(run.graph.results()[i]));
  const std::optional<Blob>& blob = run.report.results[i];
  if (blob.has_value()) {
    json->Key("digest").String(blob->digest().ToString());
    const absl::StatusOr<Blob::Bytes> bytes = blob->Load();
    if (!bytes.ok()) {
      json->Key("error").String(bytes.status().ToString());
    } else if (IsUtf8(**bytes)) {
      json->Key("text").String(**bytes);
    } else {
      json->Key("base64").String(Base64(**bytes));
    }
  }
  json->EndObject();
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
  JsonWriter json;
  json.BeginObject();
  json.Key("schema").String(kSchema);
  json.Key("graph").String(run.graph_file);
  json.Key("status").String(StatusName(run.exit_code));
  json.Key("exit_code").Int(static_cast<int>(run.exit_code));
  json.Key("elapsed_s").Number(absl::ToDoubleSeconds(run.elapsed));
  json.Key("counts").BeginObject();
  json.Key("steps").Int(run.graph.size());
  json.Key("executed").Int(run.report.executed);
  json.Key("cached").Int(run.report.cached);
  json.Key("failed").Int(run.report.failed);
  json.Key("blocked").Int(run.report.blocked);
  json.Key("cancelled").Int(run.report.cancelled);
  json.EndObject();
  json.Key("steps").BeginArray();
  for (StepIndex i = 0; i < run.graph.size(); ++i) WriteStep(run, i, &json);
  json.EndArray();
  json.Key("results").BeginArray();
  for (std::size_t i = 0; i < run.named_results; ++i) WriteResult(run, i, &json);
  json.EndArray();
  json.EndObject();
  return absl::StrCat(json.text(), "\n");
}

std::string FormatJsonError(const std::string& graph_file, const absl::Status& status) {
  JsonWriter json;
  const absl::string_view message = status.message();
  json.BeginObject();
  json.Key("schema").String(kSchema);
  json.Key("graph").String(graph_file);
  json.Key("status").String(StatusName(ExitCode::kBadInput));
  json.Key("exit_code").Int(static_cast<int>(ExitCode::kBadInput));
  json.Key("error").BeginObject();
  json.Key("code").String(absl::StatusCodeToString(status.code()));
  json.Key("message").String(std::string_view(message.data(), message.size()));
  json.EndObject();
  json.EndObject();
  return absl::StrCat(json.text(), "\n");
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

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "dag/execute.h"
#include "dag/function.h"
#include "dag/load.h"
#include "dag/run_report.h"
#include "dag/store.h"
#include "runtime/runtime.h"
#include "tools/commands.h"
#include "tools/common.h"
#include "tools/functions.h"
#include "tools/history.h"
#include "tools/json.h"
#include "tools/paths.h"

namespace weft::tools {
namespace {

constexpr char kSchema[] = "weft.explain/1";

absl::StatusOr<proto::RunHistory> FindHistory(const Options& options, const std::string& store) {
  const std::string graph =
      options.graph.empty() ? "" : ResolvePath(UserDirectory(), options.graph);
  std::optional<proto::RunHistory> history = ReadHistory(store, graph);
  if (history.has_value()) return *std::move(history);
  std::error_code error;
  const bool is_swapped = !graph.empty() && std::filesystem::is_regular_file(
                                                ResolvePath(UserDirectory(), options.step), error);
  const std::string advice = is_swapped ? absl::StrCat("the graph comes first: weft explain ",
                                                       options.step, " ", options.graph)
                                        : "weft run it first (with this --store)";
  return absl::NotFoundError(absl::StrCat("explain: the store ", store, " knows no run of ",
                                          graph.empty() ? "any graph" : graph, "; ", advice));
}

absl::StatusOr<proto::StepHistory> FindStep(const proto::RunHistory& history,
                                            const std::string& id) {
  std::vector<std::string> known;
  for (const proto::StepHistory& step : history.step()) {
    if (step.id() == id) return step;
    known.push_back(step.id());
  }
  const std::string nearest = Nearest(id, known);
  return absl::NotFoundError(
      absl::StrCat("explain: the last run of ", history.graph_file(), " had no step \"", id, "\"",
                   nearest.empty() ? "" : absl::StrCat("; did you mean ", nearest, "?"),
                   " (weft graph ", history.graph_file(), " lists them)"));
}

// What a run with the same parameters would do now.
struct Forecast {
  std::string status;
  std::string why;
};

absl::StatusOr<Forecast> Predict(const proto::RunHistory& history, const std::string& step,
                                 ResultStore& store) {
  LoadOptions load;
  for (const auto& [name, value] : history.params()) load.params.emplace(name, value);
  absl::StatusOr<LoadedGraph> loaded = LoadGraph(history.graph_file(), load);
  if (!loaded.ok()) return loaded.status();
  const std::optional<StepIndex> index = loaded->graph.Find(step);
  if (!index.has_value()) {
    return absl::NotFoundError(absl::StrCat("the graph has no step \"", step, "\" any more"));
  }
  absl::StatusOr<std::unique_ptr<Runtime>> runtime = Runtime::Create();
  if (!runtime.ok()) return runtime.status();
  FunctionRegistry registry;
  RegisterFunctions((*runtime)->reactor(), registry);
  if (absl::Status checked = registry.Check(loaded->graph); !checked.ok()) return checked;
  GraphRun run(loaded->graph, registry,
               {.on_error = OnError::kContinue,
                .mode = RunMode::kDryRun,
                .store = &store,
                .graph_name = loaded->file,
                .fetch_url = MakeUrlFetcher((*runtime)->reactor())});
  (*runtime)->BlockOn(run.Run(**runtime)).IgnoreError();
  const StepReport& report = run.report().steps[*index];
  return Forecast{std::string(ToString(report.outcome)),
                  report.status.ok() ? report.explanation : std::string(report.status.message())};
}

std::string Because(const std::string& why) { return why.empty() ? "" : absl::StrCat(": ", why); }

std::string FormatText(const proto::RunHistory& history, const proto::StepHistory& step,
                       const absl::StatusOr<Forecast>& now) {
  std::string text =
      absl::StrCat("step ", step.id(), " (", step.function(), ") of ", history.graph_file(), "\n");
  absl::StrAppend(
      &text, "last run, ",
      absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixMillis(history.finished_unix_ms()),
                       absl::LocalTimeZone()),
      ": ", step.status());
  if (step.duration_s() > 0) absl::StrAppendFormat(&text, " in %.3f s", step.duration_s());
  absl::StrAppend(&text, Because(step.why()), "\n");
  if (!step.error().empty()) absl::StrAppend(&text, "error: ", step.error(), "\n");
  if (now.ok()) {
    absl::StrAppend(&text, "now: ", now->status, Because(now->why), "\n");
  } else {
    absl::StrAppend(&text, "now: cannot tell: ", now.status().message(), "\n");
  }
  return text;
}

std::string FormatJson(const proto::RunHistory& history, const proto::StepHistory& step,
                       const absl::StatusOr<Forecast>& now) {
  Json last = {{"finished_unix_ms", history.finished_unix_ms()},
               {"status", step.status()},
               {"reason", step.reason()},
               {"why", step.why()},
               {"duration_s", step.duration_s()}};
  if (!step.error().empty()) last["error"] = step.error();
  return FormatDocument({{"schema", kSchema},
                         {"graph", history.graph_file()},
                         {"step", step.id()},
                         {"function", step.function()},
                         {"last_run", std::move(last)},
                         {"now", now.ok() ? Json{{"status", now->status}, {"why", now->why}}
                                          : Json{{"error", std::string(now.status().message())}}}});
}

}  // namespace

int ExplainCommand(const Options& options) {
  absl::StatusOr<std::unique_ptr<ResultStore>> store = OpenStore(options);
  if (!store.ok()) return ReportBadInput(store.status());
  const absl::StatusOr<proto::RunHistory> history = FindHistory(options, (*store)->directory());
  if (!history.ok()) return ReportBadInput(history.status());
  const absl::StatusOr<proto::StepHistory> step = FindStep(*history, options.step);
  if (!step.ok()) return ReportBadInput(step.status());
  const absl::StatusOr<Forecast> now = Predict(*history, options.step, **store);
  return PrintAndSucceed(options.json ? FormatJson(*history, *step, now)
                                      : FormatText(*history, *step, now));
}

}  // namespace weft::tools

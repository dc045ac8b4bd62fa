// tools/report.h — what a run says when it has ended: a summary for people, a document for
// programs.
#ifndef WEFT_TOOLS_REPORT_H_
#define WEFT_TOOLS_REPORT_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "dag/graph.h"
#include "dag/run_report.h"

namespace weft::tools {

// How `weft` ends; the numbers are promised to scripts.
enum class ExitCode : int {
  kSuccess = 0,
  kStepFailed = 1,
  kBadInput = 2,
  // 128 + SIGINT; other signals likewise.
  kInterrupted = 130,
};

// When a step was executed; equal if it was not.
struct StepTimes {
  Instant begin;
  Instant end;
};

// A run that has ended.
struct FinishedRun {
  const Graph& graph;
  const RunReport& report;
  // When each step was executed.
  const std::vector<StepTimes>& times;
  // So many of the graph's results are named by the graph; the others by the command line.
  std::size_t named_results = 0;
  // Absolute path of the graph.
  std::string graph_file;
  Instant start;
  absl::Duration elapsed;
  ExitCode exit_code = ExitCode::kSuccess;
};

// E.g. "executed 3 steps, 5 cached, 1 failed, 2 blocked in 0.31 s".
std::string FormatSummary(const RunReport& report, absl::Duration elapsed);

// "succeeded", "failed", "invalid" or "interrupted".
std::string_view StatusName(ExitCode code);

// The document of `weft run --json`. Blocks: loads the results.
std::string FormatJson(const FinishedRun& run);

// The document of `weft run --json` when nothing could run.
std::string FormatJsonError(const std::string& graph_file, const absl::Status& status);

// The named results, for standard output: their bytes, one after the other. Blocks: loads them.
// Errors: a result that cannot be loaded.
absl::StatusOr<std::string> FormatResults(const FinishedRun& run);

// A trace in Chrome's JSON format, which Perfetto opens: a slice for each executed step, on as many
// tracks as steps overlap, and an arrow along each edge.
std::string FormatTrace(const FinishedRun& run);

}  // namespace weft::tools

#endif  // WEFT_TOOLS_REPORT_H_

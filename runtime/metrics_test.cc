// Goal: docs/metrics.md and what is exported are the same schema, in both directions; the values
// are those of the counters.
#include "runtime/metrics.h"

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <map>
#include <ostream>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "future/cancel.h"
#include "future/executor.h"
#include "future/poll_fn.h"
#include "future/process_counts.h"
#include "future/spawn.h"
#include "future/task.h"
#include "gtest/gtest.h"
#include "runtime/internal/test_open_metrics.h"
#include "runtime/runtime.h"
#include "runtime/stats.h"

namespace weft {
namespace {

using runtime_internal::ParsedFamily;
using runtime_internal::ParsedMetrics;
using runtime_internal::ParsedSample;

// ---- The two sides ----------------------------------------------------------------------------

// One family, as the document or the text describes it.
struct Row {
  std::string type, unit, meaning;
  std::set<std::string> labels;

  bool operator==(const Row&) const = default;
  friend void PrintTo(const Row& row, std::ostream* out) {
    *out << row.type << " in '" << row.unit << "': " << row.meaning;
    for (const std::string& label : row.labels) *out << " {" << label << "}";
  }
};

// Rows by name.
using Schema = std::map<std::string, Row>;

// What a cell says, without blanks and marks.
std::string Unquote(absl::string_view cell) {
  return std::string(
      absl::StripPrefix(absl::StripSuffix(absl::StripAsciiWhitespace(cell), "`"), "`"));
}

// The rows of the document whose option is one of these.
Schema Documented(const std::set<std::string>& options) {
  std::ifstream file("docs/metrics.md");
  EXPECT_TRUE(file) << "docs/metrics.md cannot be read; run this at the root of the sources";
  Schema schema;
  for (std::string line; std::getline(file, line);) {
    if (!absl::StartsWith(line, "| `weft_")) continue;
    const std::vector<std::string> cells = absl::StrSplit(line, '|');
    EXPECT_EQ(cells.size(), 8u) << line;
    if (cells.size() != 8 || !options.contains(Unquote(cells[5]))) continue;
    Row row = {Unquote(cells[2]), Unquote(cells[3]), Unquote(cells[6]), {}};
    for (const absl::string_view label : absl::StrSplit(cells[4], ',', absl::SkipWhitespace())) {
      row.labels.insert(Unquote(label));
    }
    EXPECT_TRUE(schema.emplace(Unquote(cells[1]), row).second) << "two rows: " << line;
  }
  return schema;
}

Schema Exported(const ParsedMetrics& metrics) {
  Schema schema;
  for (const auto& [name, family] : metrics) {
    Row row = {family.type, family.unit, family.help, {}};
    for (const ParsedSample& sample : family.samples) {
      for (const auto& [label, value] : sample.labels) row.labels.insert(label);
    }
    schema.emplace(name, row);
  }
  return schema;
}

ParsedMetrics Parse(std::string_view text) {
  absl::StatusOr<ParsedMetrics> metrics = runtime_internal::ParseOpenMetrics(text);
  EXPECT_TRUE(metrics.ok()) << metrics.status();
  return metrics.ok() ? *std::move(metrics) : ParsedMetrics();
}

RuntimeOptions TwoWorkers(Latencies latencies) {
  RuntimeOptions options;
  options.workers = 2;
  options.observe.latencies = latencies;
  return options;
}

// ---- The schema -------------------------------------------------------------------------------

TEST(MetricsTest, TheDocumentHasWhatIsExportedAndNothingElse) {
  Runtime runtime(TwoWorkers(Latencies::kMeasured));
  const ParsedMetrics metrics =
      Parse(FormatOpenMetrics({{.name = "main", .stats = runtime.Stats()}}, ReadProcessCounts()));
  EXPECT_EQ(Exported(metrics), Documented({"always", "observe.latencies"}));
}

TEST(MetricsTest, WhatIsNotMeasuredIsNotExported) {
  Runtime runtime(TwoWorkers(Latencies::kNotMeasured));
  const ParsedMetrics metrics =
      Parse(FormatOpenMetrics({{.name = "main", .stats = runtime.Stats()}}, ReadProcessCounts()));
  EXPECT_EQ(Exported(metrics), Documented({"always"}));
}

TEST(MetricsTest, EachRowOfTheDocumentHasAKnownOption) {
  EXPECT_EQ(Documented({"always", "observe.latencies"}).size(), [] {
    std::ifstream file("docs/metrics.md");
    std::size_t rows = 0;
    for (std::string line; std::getline(file, line);) rows += absl::StartsWith(line, "| `weft_");
    return rows;
  }());
}

TEST(MetricsTest, NamesFollowTheConventions) {
  for (const auto& [name, row] : Documented({"always", "observe.latencies"})) {
    EXPECT_FALSE(absl::EndsWith(name, "_total") || absl::EndsWith(name, "_count")) << name;
    if (!row.unit.empty()) {
      EXPECT_TRUE(absl::EndsWith(name, "_" + row.unit)) << name;
    }
    EXPECT_TRUE(absl::EndsWith(row.meaning, ".")) << name;
  }
}

// ---- The values -------------------------------------------------------------------------------

Task<void> SpawnSome(Executor& executor, int count) {
  for (int i = 0; i < count; ++i) {
    auto child = []() -> Task<void> { co_await YieldNow(); };
    Task<void> task = child();
    JoinHandle<void> handle = Spawn(executor, std::move(task));
    (void)co_await std::move(handle);
  }
}

double SumOf(const ParsedFamily& family) {
  double sum = 0;
  for (const ParsedSample& sample : family.samples) sum += sample.value;
  return sum;
}

TEST(MetricsTest, ValuesAreThoseOfTheCounters) {
  Runtime runtime(TwoWorkers(Latencies::kMeasured));
  (void)runtime.BlockOn(SpawnSome(runtime, 100));
  runtime.Shutdown(ShutdownMode::kDrain);
  const RuntimeStats stats = runtime.Stats();
  const WorkerStats total = stats.Total();
  ParsedMetrics metrics =
      Parse(FormatOpenMetrics({{.name = "main", .stats = stats}}, ReadProcessCounts()));

  EXPECT_EQ(SumOf(metrics["weft_runtime_workers"]), 2);
  EXPECT_EQ(SumOf(metrics["weft_runtime_tasks_spawned"]), 101);
  EXPECT_EQ(SumOf(metrics["weft_runtime_tasks_completed"]), 101);
  EXPECT_EQ(SumOf(metrics["weft_runtime_tasks_live"]), 0);
  EXPECT_EQ(metrics["weft_runtime_worker_runs"].samples.size(), 2u);
  EXPECT_EQ(SumOf(metrics["weft_runtime_worker_runs"]), static_cast<double>(total.tasks_run));
  EXPECT_EQ(SumOf(metrics["weft_runtime_worker_steals"]), static_cast<double>(total.steals));
  EXPECT_EQ(SumOf(metrics["weft_runtime_worker_cpu_seconds"]),
            absl::ToDoubleSeconds(stats.workers[0].cpu_time) +
                absl::ToDoubleSeconds(stats.workers[1].cpu_time));
  EXPECT_GT(SumOf(metrics["weft_runtime_worker_cpu_seconds"]), 0);
}

TEST(MetricsTest, HistogramsCountEachRunAndEachSpawn) {
  Runtime runtime(TwoWorkers(Latencies::kMeasured));
  (void)runtime.BlockOn(SpawnSome(runtime, 100));
  runtime.Shutdown(ShutdownMode::kDrain);
  const RuntimeStats stats = runtime.Stats();
  ParsedMetrics metrics =
      Parse(FormatOpenMetrics({{.name = "main", .stats = stats}}, ReadProcessCounts()));
  const auto count = [&](const char* name) {
    for (const ParsedSample& sample : metrics[name].samples) {
      if (sample.suffix == "_count") return sample.value;
    }
    return -1.0;
  };
  const auto runs = static_cast<double>(stats.Total().tasks_run);
  EXPECT_EQ(count("weft_runtime_poll_duration_seconds"), runs);
  EXPECT_EQ(count("weft_runtime_schedule_latency_seconds"), runs);
  EXPECT_EQ(count("weft_runtime_spawn_latency_seconds"), 101);
}

TEST(MetricsTest, CountsOfTheProcessAreThere) {
  const auto created = [] {
    ParsedMetrics metrics = Parse(FormatOpenMetrics({}, ReadProcessCounts()));
    return SumOf(metrics["weft_cancel_tokens_created"]);
  };
  const double before = created();
  const CancelSource one, two;
  EXPECT_EQ(created(), before + 2);
}

TEST(MetricsTest, RuntimesAreToldApartByTheirNames) {
  RuntimeStats one, two;
  one.tasks_spawned = 1;
  two.tasks_spawned = 2;
  const ParsedMetrics metrics =
      Parse(FormatOpenMetrics({{"one", one}, {"tw\"o\\\n", two}}, ProcessCounts()));
  const auto& samples = metrics.at("weft_runtime_tasks_spawned").samples;
  ASSERT_EQ(samples.size(), 2u);
  EXPECT_EQ(samples[0].labels.at("runtime"), "one");
  EXPECT_EQ(samples[1].labels.at("runtime"), "tw\"o\\\n");
  EXPECT_EQ(samples[1].value, 2);
}

TEST(MetricsDeathTest, TwoRuntimesOfOneNameAreRefused) {
  EXPECT_DEATH(FormatOpenMetrics({{"a", {}}, {"a", {}}}, ProcessCounts()),
               "expected runtimes of different names, found two of the name 'a'");
}

}  // namespace
}  // namespace weft

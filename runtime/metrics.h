// runtime/metrics.h — what runtimes and the process count, in the OpenMetrics text format 1.0.
//
//   std::string text = FormatOpenMetrics({{.name = "main", .stats = runtime.Stats()}},
//                                        ReadProcessCounts());
//
// The text is what Prometheus, OpenTelemetry collectors and their kin read; serve it from whatever
// HTTP server the program has, as kOpenMetricsContentType. docs/metrics.md has all names, with
// types, units, labels, and what they cost; a test holds it and this together.
//
//   Thread safety    All functions from any thread.
//   Complexity       O(workers); what was not measured (ObserveOptions) is left out.
//
// Example: metrics_example.cc
#ifndef WEFT_RUNTIME_METRICS_H_
#define WEFT_RUNTIME_METRICS_H_

#include <string>
#include <string_view>
#include <vector>

#include "future/process_counts.h"
#include "runtime/stats.h"

namespace weft {

// The media type of the text.
inline constexpr std::string_view kOpenMetricsContentType =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

// A runtime and how it is called: the label `runtime`, UTF-8.
struct RuntimeMetrics {
  std::string name;
  RuntimeStats stats;
};

// The whole text for one answer. Precondition (checked): the names differ.
std::string FormatOpenMetrics(const std::vector<RuntimeMetrics>& runtimes,
                              const ProcessCounts& process);

}  // namespace weft

#endif  // WEFT_RUNTIME_METRICS_H_

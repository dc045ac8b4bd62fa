// runtime/internal/test_open_metrics.h — a strict reader of the OpenMetrics text format, for tests.
//
// It knows what this project writes: counters, gauges and histograms, without timestamps, exemplars
// and creation times. It refuses everything else, and whatever the specification forbids.
#ifndef WEFT_RUNTIME_INTERNAL_TEST_OPEN_METRICS_H_
#define WEFT_RUNTIME_INTERNAL_TEST_OPEN_METRICS_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace weft::runtime_internal {

struct ParsedSample {
  std::string suffix;  // what the name has after that of the family
  std::map<std::string, std::string> labels;
  double value = 0;
};

struct ParsedFamily {
  std::string type, unit, help;
  std::vector<ParsedSample> samples;
};

using ParsedMetrics = std::map<std::string, ParsedFamily>;

// The families by name; an error names the line.
absl::StatusOr<ParsedMetrics> ParseOpenMetrics(std::string_view text);

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_TEST_OPEN_METRICS_H_

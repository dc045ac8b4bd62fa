// runtime/internal/open_metrics.h — writes the OpenMetrics text format, version 1.0.
#ifndef WEFT_RUNTIME_INTERNAL_OPEN_METRICS_H_
#define WEFT_RUNTIME_INTERNAL_OPEN_METRICS_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "base/latency_histogram.h"

namespace weft::runtime_internal {

enum class MetricType : unsigned char { kCounter, kGauge, kHistogram };

// What stands at the head of the samples of one name.
struct MetricFamily {
  std::string_view name;  // of a counter: without its _total
  MetricType type = MetricType::kCounter;
  std::string_view help;
  std::string_view unit = {};  // then the name ends with it
};

// The value is any UTF-8 text.
struct MetricLabel {
  std::string_view name;
  std::string_view value;
};
using MetricLabels = std::initializer_list<MetricLabel>;

// Begin() a family, then add its samples, each with other labels. Thread-compatible.
class OpenMetricsWriter {
 public:
  // Durations are counted up to 2^k nanoseconds, for k from the first to the last: 256 ns to 17 s.
  // These are ends of buckets of LatencyHistogram, so the counts are exact.
  static constexpr int kFirstBucket = 8;
  static constexpr int kLastBucket = 34;

  void Begin(const MetricFamily& family);
  // Of a counter or a gauge.
  void Add(MetricLabels labels, uint64_t value);
  void Add(MetricLabels labels, absl::Duration value);
  // Of a histogram in seconds.
  void Add(MetricLabels labels, const LatencySnapshot& value);

  // The whole text. The writer is used up.
  std::string Finish() &&;

 private:
  // `bound`: the label le, unless it is empty.
  void AddSample(std::string_view suffix, MetricLabels labels, std::string_view bound,
                 std::string_view value);
  std::string_view Suffix() const { return type_ == MetricType::kCounter ? "_total" : ""; }

  std::string text_;
  std::string name_;  // of the family
  MetricType type_ = MetricType::kCounter;
};

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_OPEN_METRICS_H_

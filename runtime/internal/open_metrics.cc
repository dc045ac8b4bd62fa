#include "runtime/internal/open_metrics.h"

#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace weft::runtime_internal {
namespace {

void Append(std::string& text, std::initializer_list<std::string_view> parts) {
  for (const std::string_view part : parts) text += part;
}

std::string_view NameOf(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return "counter";
    case MetricType::kGauge:
      return "gauge";
    case MetricType::kHistogram:
      return "histogram";
  }
  return "unknown";
}

// Of help texts and values of labels.
std::string Escape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\' || c == '"' || c == '\n') escaped += '\\';
    escaped += c == '\n' ? 'n' : c;
  }
  return escaped;
}

// The shortest text that reads as the same number.
std::string Seconds(absl::Duration duration) {
  char text[32];
  const auto [end, error] =
      std::to_chars(text, text + sizeof(text), absl::ToDoubleSeconds(duration));
  return std::string(text, end);
}

}  // namespace

void OpenMetricsWriter::Begin(const MetricFamily& family) {
  name_ = family.name;
  type_ = family.type;
  Append(text_, {"# TYPE ", name_, " ", NameOf(type_), "\n"});
  if (!family.unit.empty()) Append(text_, {"# UNIT ", name_, " ", family.unit, "\n"});
  Append(text_, {"# HELP ", name_, " ", Escape(family.help), "\n"});
}

void OpenMetricsWriter::Add(MetricLabels labels, uint64_t value) {
  AddSample(Suffix(), labels, {}, absl::StrCat(value));
}

void OpenMetricsWriter::Add(MetricLabels labels, absl::Duration value) {
  AddSample(Suffix(), labels, {}, Seconds(value));
}

void OpenMetricsWriter::Add(MetricLabels labels, const LatencySnapshot& value) {
  for (int exponent = kFirstBucket; exponent <= kLastBucket; ++exponent) {
    AddSample("_bucket", labels, Seconds(absl::Nanoseconds(int64_t{1} << exponent)),
              absl::StrCat(value.CountUpTo(exponent)));
  }
  AddSample("_bucket", labels, "+Inf", absl::StrCat(value.count()));
  AddSample("_count", labels, {}, absl::StrCat(value.count()));
  AddSample("_sum", labels, {}, Seconds(value.sum()));
}

std::string OpenMetricsWriter::Finish() && {
  Append(text_, {"# EOF\n"});
  return std::move(text_);
}

void OpenMetricsWriter::AddSample(std::string_view suffix, MetricLabels labels,
                                  std::string_view bound, std::string_view value) {
  Append(text_, {name_, suffix});
  char separator = '{';
  const auto add = [&](std::string_view name, std::string_view content) {
    text_ += std::exchange(separator, ',');
    Append(text_, {name, "=\"", Escape(content), "\""});
  };
  for (const MetricLabel& label : labels) add(label.name, label.value);
  if (!bound.empty()) add("le", bound);
  if (separator == ',') text_ += '}';
  Append(text_, {" ", value, "\n"});
}

}  // namespace weft::runtime_internal

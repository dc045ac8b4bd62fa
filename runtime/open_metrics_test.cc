// Goal: what the writer writes is OpenMetrics, whatever stands in labels; the reader that the tests
// trust refuses what is not.
#include "runtime/internal/open_metrics.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/latency_histogram.h"
#include "gtest/gtest.h"
#include "runtime/internal/test_open_metrics.h"

namespace weft::runtime_internal {
namespace {

ParsedFamily OnlyFamily(OpenMetricsWriter writer) {
  const std::string text = std::move(writer).Finish();
  const absl::StatusOr<ParsedMetrics> metrics = ParseOpenMetrics(text);
  EXPECT_TRUE(metrics.ok()) << metrics.status() << "\n" << text;
  if (!metrics.ok() || metrics->size() != 1) return {};
  return metrics->begin()->second;
}

// ---- The writer -------------------------------------------------------------------------------

TEST(OpenMetricsTest, ACounterLooksLikeThis) {
  OpenMetricsWriter writer;
  writer.Begin({"work_seconds", MetricType::kCounter, "Time of work.", "seconds"});
  writer.Add({{"who", "me"}, {"where", "here"}}, absl::Milliseconds(1500));
  writer.Begin({"depth", MetricType::kGauge, "How deep."});
  writer.Add({}, uint64_t{18'446'744'073'709'551'615u});
  EXPECT_EQ(std::move(writer).Finish(),
            "# TYPE work_seconds counter\n"
            "# UNIT work_seconds seconds\n"
            "# HELP work_seconds Time of work.\n"
            "work_seconds_total{who=\"me\",where=\"here\"} 1.5\n"
            "# TYPE depth gauge\n"
            "# HELP depth How deep.\n"
            "depth 18446744073709551615\n"
            "# EOF\n");
}

TEST(OpenMetricsTest, AnyTextComesBackFromALabelAndAHelp) {
  std::mt19937 random(1);
  const std::string_view alphabet = "\\\"\nn{}=, #a\t\xc3\xa4";
  for (int i = 0; i < 2000; ++i) {
    std::string value;
    for (std::size_t length = random() % 12; length > 0; --length) {
      value +=
          i % 2 == 0 ? alphabet[random() % alphabet.size()] : static_cast<char>(random() % 256);
    }
    OpenMetricsWriter writer;
    const std::string help = absl::StrCat("x", value);
    writer.Begin({"a", MetricType::kGauge, help});
    writer.Add({{"before", "1"}, {"label", value}, {"after", value}}, uint64_t{7});
    const ParsedFamily family = OnlyFamily(std::move(writer));
    ASSERT_EQ(family.samples.size(), 1u) << "seed 1, round " << i;
    EXPECT_EQ(family.samples[0].labels.at("label"), value);
    EXPECT_EQ(family.samples[0].labels.at("after"), value);
    EXPECT_EQ(family.help, help);
  }
}

TEST(OpenMetricsTest, NumbersComeBackAsTheyWere) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 2000; ++i) {
    const auto nanos = static_cast<int64_t>(random() >> (1 + random() % 63));
    OpenMetricsWriter writer;
    writer.Begin({"a_seconds", MetricType::kCounter, "A.", "seconds"});
    writer.Add({}, absl::Nanoseconds(nanos));
    const ParsedFamily family = OnlyFamily(std::move(writer));
    ASSERT_EQ(family.samples.size(), 1u);
    EXPECT_EQ(family.samples[0].value, absl::ToDoubleSeconds(absl::Nanoseconds(nanos)));
  }
}

TEST(OpenMetricsTest, BucketsOfAHistogramAreExact) {
  std::mt19937 random(1);
  std::vector<int64_t> recorded;
  LatencyHistogram histogram;
  for (int i = 0; i < 1000; ++i) {
    recorded.push_back(i < 100 ? int64_t{1} << i % 40
                               : static_cast<int64_t>(random()) << random() % 8);
    histogram.RecordNanos(recorded.back());
  }
  OpenMetricsWriter writer;
  writer.Begin({"a_seconds", MetricType::kHistogram, "A.", "seconds"});
  writer.Add({{"label", "x"}}, histogram.Read());
  writer.Add({{"label", "y"}}, LatencySnapshot());
  const ParsedFamily family = OnlyFamily(std::move(writer));
  constexpr int kBounds = OpenMetricsWriter::kLastBucket - OpenMetricsWriter::kFirstBucket + 1;
  ASSERT_EQ(family.samples.size(), 2u * (kBounds + 3));
  for (int i = 0; i < kBounds; ++i) {
    const int64_t bound = int64_t{1} << (OpenMetricsWriter::kFirstBucket + i);
    const auto up_to = std::count_if(recorded.begin(), recorded.end(),
                                     [&](int64_t nanos) { return nanos <= bound; });
    EXPECT_EQ(family.samples[i].value, static_cast<double>(up_to)) << bound << " ns";
    EXPECT_EQ(family.samples[kBounds + 3 + i].value, 0);
  }
  EXPECT_EQ(family.samples[kBounds + 1].value, 1000);
}

// ---- The reader -------------------------------------------------------------------------------

TEST(OpenMetricsTest, TheReaderRefusesWhatIsNotTheFormat) {
  const std::string good = "# TYPE a counter\n# HELP a A.\na_total{l=\"v\"} 1\n# EOF\n";
  ASSERT_TRUE(ParseOpenMetrics(good).ok());
  const std::string head = "# TYPE a counter\n", end = "# EOF\n";
  const std::string histogram = "# TYPE h histogram\n";
  const std::vector<std::string> bad = {
      "",
      "# EOF",
      head,
      head + end + "\n",
      head + "\n" + end,
      head + head + end,
      "# TYPE a number\n" + end,
      "# TYPE 1a counter\n" + end,
      "# NOTE a text\n" + end,
      head + "# UNIT a seconds\n" + end,
      head + "# HELP a \"A\"\n" + end,
      head + "a 1\n" + end,
      head + "b_total 1\n" + end,
      head + "a_total  1\n" + end,
      head + "a_total one\n" + end,
      head + "a_total -1\n" + end,
      head + "a_total NaN\n" + end,
      head + "a_total{} 1\n" + end,
      head + "a_total{l=\"v\"}1\n" + end,
      head + "a_total{l=\"v} 1\n" + end,
      head + "a_total{l=\"\\t\"} 1\n" + end,
      head + "a_total{l=\"1\",l=\"2\"} 1\n" + end,
      head + "a_total{l=\"v\",} 1\n" + end,
      head + "a_total{l-l=\"v\"} 1\n" + end,
      head + "a_total{le=\"1\"} 1\n" + end,
      head + "a_total 1\na_total 1\n" + end,
      head + "a_total 1\n# HELP a A.\n" + end,
      head + "a_total 1\n# TYPE b gauge\nb 1\n" + head + end,
      histogram + "h_bucket{le=\"1\"} 1\nh_count 1\nh_sum 1\n" + end,
      histogram + "h_bucket{le=\"+Inf\"} 1\nh_count 2\nh_sum 1\n" + end,
      histogram + "h_bucket{le=\"+Inf\"} 1\nh_count 1\n" + end,
      histogram + "h_bucket{le=\"2\"} 1\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 1\n" +
          "h_count 1\nh_sum 1\n" + end,
      histogram + "h_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_count 1\nh_sum 1\n" + end,
  };
  for (const std::string& text : bad) EXPECT_FALSE(ParseOpenMetrics(text).ok()) << text;
}

}  // namespace
}  // namespace weft::runtime_internal

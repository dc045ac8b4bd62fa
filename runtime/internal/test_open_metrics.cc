#include "runtime/internal/test_open_metrics.h"

#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace weft::runtime_internal {
namespace {

using Labels = std::map<std::string, std::string>;

// Patterns are made once: that takes long.
bool IsName(std::string_view text) {
  static const std::regex* const kName = new std::regex("[a-zA-Z_][a-zA-Z0-9_]*");
  return std::regex_match(text.begin(), text.end(), *kName);
}

bool IsNumber(std::string_view text) {
  static const std::regex* const kNumber = new std::regex("-?[0-9]+([.][0-9]*)?([eE][+-]?[0-9]+)?");
  return std::regex_match(text.begin(), text.end(), *kNumber);
}

// The parts of a text, at most so many.
std::vector<std::string_view> Split(std::string_view text, char separator,
                                    std::size_t parts = std::string_view::npos) {
  std::vector<std::string_view> split;
  while (split.size() + 1 < parts) {
    const std::size_t end = text.find(separator);
    if (end == std::string_view::npos) break;
    split.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  split.push_back(text);
  return split;
}

// Up to an unescaped quote, or the end; nullopt if an escape is none.
std::optional<std::string> TakeEscaped(std::string_view& rest) {
  std::string text;
  while (!rest.empty() && rest.front() != '"') {
    char c = rest.front();
    rest.remove_prefix(1);
    if (c == '\\') {
      if (rest.empty()) return std::nullopt;
      c = rest.front();
      rest.remove_prefix(1);
      if (c != '\\' && c != '"' && c != 'n') return std::nullopt;
      if (c == 'n') c = '\n';
    }
    text += c;
  }
  return text;
}

// After the opening brace, up to behind the closing one.
std::optional<Labels> TakeLabels(std::string_view& rest) {
  Labels labels;
  while (true) {
    const std::size_t equals = rest.find("=\"");
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view name = rest.substr(0, equals);
    if (!IsName(name)) return std::nullopt;
    rest.remove_prefix(equals + 2);
    const std::optional<std::string> value = TakeEscaped(rest);
    if (!value || rest.size() < 2 || !labels.emplace(name, *value).second) return std::nullopt;
    const char next = rest[1];
    rest.remove_prefix(2);
    if (next == '}') return labels;
    if (next != ',') return std::nullopt;
  }
}

std::optional<double> ToNumber(std::string_view text) {
  double value = 0;
  if (text == "+Inf") return std::numeric_limits<double>::infinity();
  if (!IsNumber(text)) return std::nullopt;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

class Parser {
 public:
  absl::StatusOr<ParsedMetrics> Parse(std::string_view text) {
    std::vector<std::string_view> lines = Split(text, '\n');
    if (lines.size() < 2 || !lines.back().empty() || lines[lines.size() - 2] != "# EOF") {
      return absl::InvalidArgumentError("expected '# EOF' as the last line, with its end");
    }
    lines.resize(lines.size() - 2);
    for (const std::string_view line : lines) {
      const std::string problem = line.starts_with("#") ? AddDescriptor(line) : AddLine(line);
      if (!problem.empty()) return Error(problem, line);
    }
    for (const auto& [name, family] : families_) {
      const std::string problem = family.type == "histogram" ? CheckHistogram(family) : "";
      if (!problem.empty()) return Error(problem, name);
    }
    return families_;
  }

 private:
  static absl::Status Error(std::string_view problem, std::string_view where) {
    return absl::InvalidArgumentError(std::string(problem) + ": " + std::string(where));
  }

  // These answer what is wrong, or nothing.

  std::string AddDescriptor(std::string_view line) {
    const std::vector<std::string_view> words = Split(line, ' ', 4);
    if (words.size() != 4 || words[0] != "#") return "expected '# WORD name text'";
    if (!IsName(words[2])) return "not a name";
    if (words[2] != current_) {
      if (!families_.emplace(words[2], ParsedFamily()).second) return "a family in two places";
      current_ = words[2];
    }
    ParsedFamily& family = families_[current_];
    if (!family.samples.empty()) return "a descriptor after a sample";
    return words[1] == "TYPE"   ? SetType(words[3], family)
           : words[1] == "UNIT" ? SetUnit(words[3], family)
           : words[1] == "HELP" ? SetHelp(words[3], family)
                                : "an unknown descriptor";
  }

  static std::string SetType(std::string_view type, ParsedFamily& family) {
    static const std::set<std::string_view> kTypes = {"counter", "gauge", "histogram"};
    if (!kTypes.contains(type)) return "an unknown type";
    return SetOnce(family.type, type);
  }

  std::string SetUnit(std::string_view unit, ParsedFamily& family) {
    if (!current_.ends_with("_" + std::string(unit))) return "not the end of the name";
    return SetOnce(family.unit, unit);
  }

  static std::string SetHelp(std::string_view help, ParsedFamily& family) {
    const std::optional<std::string> text = TakeEscaped(help);
    if (!text || !help.empty()) return "a help text that is not escaped";
    return SetOnce(family.help, *text);
  }

  static std::string SetOnce(std::string& field, std::string_view value) {
    if (!field.empty() || value.empty()) return "a descriptor twice, or empty";
    field = value;
    return "";
  }

  std::string AddLine(std::string_view line) {
    if (!line.starts_with(current_) || current_.empty()) return "a sample of no family";
    ParsedFamily& family = families_[current_];
    ParsedSample sample;
    const std::size_t name_end = line.find_first_of("{ ");
    if (name_end == std::string_view::npos) return "a sample without a value";
    sample.suffix = line.substr(current_.size(), name_end - current_.size());
    if (!SuffixesOf(family.type).contains(sample.suffix)) return "a suffix of another type";
    std::string_view rest = line.substr(name_end);
    if (rest.front() == '{') {
      rest.remove_prefix(1);
      const std::optional<Labels> labels = TakeLabels(rest);
      if (!labels) return "labels that cannot be read";
      sample.labels = *labels;
    }
    if (sample.labels.contains("le") != (sample.suffix == "_bucket")) return "le, or no le";
    if (!rest.starts_with(" ")) return "expected one space before the value";
    const std::optional<double> value = ToNumber(rest.substr(1));
    if (!value || std::isinf(*value)) return "a value that is no number";
    sample.value = *value;
    if (family.type != "gauge" && sample.value < 0) return "less than nothing was counted";
    if (!seen_.emplace(line.substr(0, name_end), sample.labels).second) return "a sample twice";
    family.samples.push_back(std::move(sample));
    return "";
  }

  static std::set<std::string> SuffixesOf(std::string_view type) {
    if (type == "counter") return {"_total"};
    if (type == "histogram") return {"_bucket", "_count", "_sum"};
    return {""};
  }

  // Buckets, count and sum of each set of labels stand together, and agree.
  static std::string CheckHistogram(const ParsedFamily& family) {
    std::set<Labels> done;
    for (std::size_t i = 0; i < family.samples.size();) {
      Labels labels = family.samples[i].labels;
      labels.erase("le");
      if (!done.insert(labels).second) return "a histogram in two places";
      double bound = -1, count = 0;
      std::map<std::string, double> sums;
      for (; i < family.samples.size(); ++i) {
        const auto& [suffix, own, value] = family.samples[i];
        Labels without = own;
        without.erase("le");
        if (without != labels) break;
        if (suffix != "_bucket") {
          sums[suffix] = value;
          continue;
        }
        const std::optional<double> next = ToNumber(own.at("le"));
        if (!next || *next <= bound) return "bounds that do not ascend";
        if (value < count) return "buckets that are not cumulative";
        bound = *next;
        count = value;
      }
      if (!std::isinf(bound)) return "no bucket up to +Inf";
      if (sums.size() != 2 || sums["_count"] != count) return "_count is not the last bucket";
    }
    return "";
  }

  ParsedMetrics families_;
  std::string current_;
  std::set<std::pair<std::string, Labels>> seen_;
};

}  // namespace

absl::StatusOr<ParsedMetrics> ParseOpenMetrics(std::string_view text) {
  return Parser().Parse(text);
}

}  // namespace weft::runtime_internal

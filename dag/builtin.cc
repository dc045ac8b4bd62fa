#include "dag/builtin.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "dag/plain_function.h"
#include "dag/tree.h"
#include "future/or_return.h"
#include "future/sleep.h"
#include "future/task.h"

namespace weft {
namespace {

constexpr int64_t kMaxLines = 1'000'000'000;
constexpr int64_t kMaxSleepMs = 24 * 3600 * 1000;
constexpr int64_t kMaxCount = INT64_MAX / 2;
constexpr int64_t kDefaultLines = 10;

using Result = absl::StatusOr<StepOutputs>;
using Counts = std::map<std::string, int64_t, std::less<>>;

StepOutputs One(std::string text) {
  StepOutputs outputs;
  outputs.push_back(std::move(text));
  return outputs;
}

// Calls `visit` with each line, without its line break.
template <typename Visit>
void ForEachLine(std::string_view text, Visit visit) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    visit(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

// Calls `visit` with each word of the C locale.
template <typename Visit>
void ForEachWord(std::string_view text, Visit visit) {
  constexpr std::string_view kSpace = " \t\n\v\f\r";
  for (std::size_t begin = text.find_first_not_of(kSpace); begin != std::string_view::npos;
       begin = text.find_first_not_of(kSpace)) {
    text.remove_prefix(begin);
    const std::size_t end = text.find_first_of(kSpace);
    visit(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end);
  }
}

std::string Concat(const PlainCall& call) {
  const std::string_view separator = call.ParamOr("separator", "");
  std::string text;
  for (std::size_t i = 0; i < call.input_count(); ++i) {
    if (i > 0) text.append(separator);
    text.append(call.input(i));
  }
  return text;
}

Result SortLines(const PlainCall& call) {
  std::vector<std::string_view> lines;
  for (std::size_t i = 0; i < call.input_count(); ++i) {
    ForEachLine(call.input(i), [&](std::string_view line) { lines.push_back(line); });
  }
  std::sort(lines.begin(), lines.end());
  if (call.ParamOr("unique", "false") == "true") {
    lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
  }
  std::string text;
  for (const std::string_view line : lines) {
    text.append(line);
    text.push_back('\n');
  }
  return One(std::move(text));
}

Result Head(const PlainCall& call) {
  int64_t left = *ParseNumber(call.ParamOr("lines", std::to_string(kDefaultLines)), kMaxLines);
  std::string text;
  ForEachLine(call.input(0), [&](std::string_view line) {
    if (left-- <= 0) return;
    text.append(line);
    text.push_back('\n');
  });
  return One(std::move(text));
}

Result CountLines(const PlainCall& call) {
  int64_t lines = 0;
  for (std::size_t i = 0; i < call.input_count(); ++i) {
    ForEachLine(call.input(i), [&](std::string_view) { ++lines; });
  }
  return One(absl::StrCat(lines, "\n"));
}

std::string FormatCounts(const Counts& counts) {
  std::string text;
  for (const auto& [key, count] : counts) absl::StrAppend(&text, key, "\t", count, "\n");
  return text;
}

// Adds the table to `counts`.
absl::Status AddTable(std::string_view table, const std::string& input, Counts* counts) {
  absl::Status status;
  int64_t number = 0;
  ForEachLine(table, [&](std::string_view line) {
    ++number;
    const std::size_t tab = line.rfind('\t');
    std::optional<int64_t> count;
    if (tab != std::string_view::npos) count = ParseNumber(line.substr(tab + 1), kMaxCount);
    if (!count.has_value()) {
      if (!status.ok()) return;
      status = absl::InvalidArgumentError(absl::StrCat("input \"", input, "\", line ", number,
                                                       ": expected \"KEY<TAB>COUNT\", found \"",
                                                       std::string(line), "\""));
      return;
    }
    const std::string_view key = line.substr(0, tab);
    const auto found = counts->find(key);
    if (found == counts->end()) {
      counts->emplace(key, *count);
    } else if (__builtin_add_overflow(found->second, *count, &found->second)) {
      status = absl::OutOfRangeError(
          absl::StrCat("the sum of the counts of \"", std::string(key), "\" exceeds 64 bits"));
    }
  });
  return status;
}

Result WordCounts(const PlainCall& call) {
  absl::flat_hash_map<std::string, int64_t> seen;
  for (std::size_t i = 0; i < call.input_count(); ++i) {
    ForEachWord(call.input(i), [&](std::string_view word) {
      ++seen[absl::string_view(word.data(), word.size())];
    });
  }
  return One(FormatCounts(Counts(seen.begin(), seen.end())));
}

Result MergeCounts(const PlainCall& call) {
  Counts counts;
  for (std::size_t i = 0; i < call.input_count(); ++i) {
    absl::Status status = AddTable(call.input(i), call.input_name(i), &counts);
    if (!status.ok()) return status;
  }
  return One(FormatCounts(counts));
}

Result TopCounts(const PlainCall& call) {
  Counts counts;
  absl::Status status = AddTable(call.input(0), call.input_name(0), &counts);
  if (!status.ok()) return status;
  std::vector<std::pair<int64_t, std::string_view>> ranking;
  for (const auto& [key, count] : counts) ranking.emplace_back(-count, key);
  std::sort(ranking.begin(), ranking.end());
  const auto limit = static_cast<std::size_t>(
      *ParseNumber(call.ParamOr("n", std::to_string(kDefaultLines)), kMaxLines));
  std::string text;
  for (std::size_t i = 0; i < std::min(limit, ranking.size()); ++i) {
    absl::StrAppend(&text, -ranking[i].first, "\t", std::string(ranking[i].second), "\n");
  }
  return One(std::move(text));
}

Result Sum(const PlainCall& call) {
  int64_t sum = 0;
  absl::Status status;
  for (std::size_t i = 0; i < call.input_count(); ++i) {
    ForEachWord(call.input(i), [&](std::string_view word) {
      const std::optional<int64_t> number = ParseNumber(word, kMaxCount);
      if (number.has_value() && !__builtin_add_overflow(sum, *number, &sum)) return;
      status = absl::InvalidArgumentError(absl::StrCat("input \"", call.input_name(i),
                                                       "\": expected numbers, found \"",
                                                       std::string(word), "\""));
    });
  }
  if (!status.ok()) return status;
  return One(absl::StrCat(sum, "\n"));
}

Result Template(const PlainCall& call) {
  std::string_view text = call.ParamOr("text", "");
  std::string out;
  for (std::size_t open = text.find("{{"); open != std::string_view::npos; open = text.find("{{")) {
    const std::size_t close = text.find("}}", open);
    if (close == std::string_view::npos) break;
    const std::string_view name = text.substr(open + 2, close - open - 2);
    std::size_t i = 0;
    while (i < call.input_count() && call.input_name(i) != name) ++i;
    if (i == call.input_count()) {
      return absl::InvalidArgumentError(
          absl::StrCat("{{", std::string(name), "}}: the step has no input of this name"));
    }
    out.append(text.substr(0, open));
    out.append(call.input(i));
    text.remove_prefix(close + 2);
  }
  out.append(text);
  return One(std::move(out));
}

Result TreePaths(const PlainCall& call) {
  absl::StatusOr<std::vector<ListedFile>> entries = ParseTree(call.input(0));
  if (!entries.ok()) return entries.status();
  std::string text;
  for (const ListedFile& entry : *entries) absl::StrAppend(&text, entry.path, "\n");
  return One(std::move(text));
}

Result ShardList(const PlainCall& call) {
  absl::StatusOr<std::vector<ListedFile>> entries = ParseTree(call.input(0));
  if (!entries.ok()) return entries.status();
  std::vector<std::vector<ListedFile>> shards(call.output_count());
  for (ListedFile& entry : *entries) {
    // Eight bytes of a SHA-256: the same on every machine, and spread evenly.
    const Digest digest = DigestOf(entry.path);
    uint64_t hash = 0;
    for (int i = 0; i < 8; ++i) hash = hash << 8 | digest.hash[static_cast<std::size_t>(i)];
    shards[hash % shards.size()].push_back(std::move(entry));
  }
  StepOutputs outputs;
  for (const std::vector<ListedFile>& shard : shards) outputs.push_back(FormatTree(shard));
  return outputs;
}

// Waits, and then gives all its inputs: the one function here that is not plain.
class Sleep final : public StepFunction {
 public:
  std::string_view name() const override { return "sleep"; }
  std::string_view version() const override { return "1"; }
  std::string_view help() const override {
    return "waits for \"ms\" milliseconds, then gives all its inputs";
  }

  absl::Status Check(const StepSpec& spec) const override {
    absl::Status status = CheckShape(spec, {.required_params = {"ms"}});
    if (status.ok()) status = CheckNumbers(spec, {{"ms", kMaxSleepMs}});
    return status;
  }

  Task<absl::StatusOr<StepOutputs>> Run(StepContext& context) override {
    co_await SleepFor(absl::Milliseconds(*ParseNumber(*context.FindParam("ms"), kMaxSleepMs)));
    std::string text;
    for (const StepInput& input : context.inputs()) {
      const auto bytes = co_await OrReturn(co_await LoadBlob(context.executor(), input.blob));
      text.append(*bytes);
    }
    co_return One(std::move(text));
  }
};

}  // namespace

void RegisterBuiltins(FunctionRegistry& registry) {
  const auto add = [&registry](PlainFunctionInfo info, PlainBody body) {
    info.version = "1";
    registry.Register(MakePlainFunction(std::move(info), std::move(body)));
  };
  const StepShape one_input = {.min_inputs = 1, .max_inputs = 1};
  add({.name = "concat",
       .help = "all inputs, with the parameter \"separator\" between them",
       .shape = {.params = {"separator"}}},
      [](const PlainCall& call) -> Result { return One(Concat(call)); });
  add({.name = "sort_lines",
       .help = "the lines of all inputs, sorted; \"unique\": \"true\" keeps each line once",
       .shape = {.params = {"unique"}}},
      SortLines);
  add({.name = "head",
       .help = "the first \"lines\" lines (default 10) of its input",
       .shape = {.params = {"lines"}, .min_inputs = 1, .max_inputs = 1},
       .number_params = {{"lines", kMaxLines}}},
      Head);
  add({.name = "count_lines", .help = "the number of lines of all inputs"}, CountLines);
  add({.name = "word_counts", .help = "table of counts of the words of all inputs"}, WordCounts);
  add({.name = "merge_counts", .help = "the sum of tables of counts"}, MergeCounts);
  add({.name = "top_counts",
       .help = "the \"n\" (default 10) keys of a table with the highest counts",
       .shape = {.params = {"n"}, .min_inputs = 1, .max_inputs = 1},
       .number_params = {{"n", kMaxLines}}},
      TopCounts);
  add({.name = "sum", .help = "the sum of the numbers that the inputs hold"}, Sum);
  add({.name = "template",
       .help = "the parameter \"text\" with each {{NAME}} replaced by the input NAME",
       .shape = {.required_params = {"text"}}},
      Template);
  add({.name = "tree_paths", .help = "the paths of a tree, one a line", .shape = one_input},
      TreePaths);
  add({.name = "shard_list",
       .help = "spreads the files of a tree over its outputs",
       .shape = {.min_inputs = 1, .max_inputs = 1, .max_outputs = static_cast<std::size_t>(-1)}},
      ShardList);
  add({.name = "fail",
       .help = "fails with the message in the parameter \"message\"",
       .shape = {.params = {"message"}, .min_outputs = 0, .max_outputs = 9}},
      [](const PlainCall& call) -> Result {
        return absl::UnknownError(std::string(call.ParamOr("message", "as the graph says")));
      });
  registry.Register(std::make_unique<Sleep>());
}

}  // namespace weft

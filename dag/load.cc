#include "dag/load.h"

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dag/graph.pb.h"
#include "dag/internal/expand.h"
#include "dag/internal/place_finder.h"
#include "dag/internal/step_loader.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"

namespace weft {
namespace {

using dag_internal::PlaceFinder;
using dag_internal::ResolvePath;
using dag_internal::Scope;
using dag_internal::StepLoader;
using google::protobuf::TextFormat;

constexpr char kReservedParam[] = "i";

// The problems of one file, in the order of their discovery.
class Problems : public google::protobuf::io::ErrorCollector {
 public:
  explicit Problems(std::string file) : file_(std::move(file)) {}

  void AddError(int line, int column, const std::string& message) override {
    Report({file_, line + 1, column + 1}, message);
  }

  // A problem that a repetition reports again and again is listed once.
  void Report(const Place& place, const std::string& message) {
    const std::string line = absl::StrCat(place.ToString(), ": ", message);
    if (!seen_.insert(line).second) return;
    if (lines_.size() < static_cast<std::size_t>(GraphBuilder::kMaxProblems)) {
      lines_.push_back(line);
    }
  }

  bool empty() const { return lines_.empty(); }
  absl::Status ToStatus() const { return absl::InvalidArgumentError(absl::StrJoin(lines_, "\n")); }

 private:
  const std::string file_;
  std::set<std::string> seen_;
  std::vector<std::string> lines_;
};

bool IsInteger(const std::string& text) {
  int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stop == end;
}

std::string CurrentDirectory() {
  std::error_code error;
  return std::filesystem::current_path(error).string();
}

// Loads one file.
class Loader {
 public:
  Loader(const std::string& path, const LoadOptions& options)
      : shown_path_(path),
        working_directory_(options.working_directory.empty() ? CurrentDirectory()
                                                             : options.working_directory),
        file_(ResolvePath(working_directory_, path)),
        directory_(std::filesystem::path(file_).parent_path().string()),
        options_(options),
        problems_(path) {}

  absl::StatusOr<LoadedGraph> LoadFile() {
    std::error_code error;
    const bool is_directory = std::filesystem::is_directory(file_, error);
    std::ifstream stream(file_);
    if (!stream || is_directory) {
      const char* const found = is_directory ? "a directory"
                                : std::filesystem::exists(file_, error)
                                    ? "one that cannot be opened"
                                    : "none";
      return absl::NotFoundError(absl::StrCat("reading the graph ", shown_path_,
                                              ": expected a file, found ", found, " at ", file_,
                                              "; correct the path"));
    }
    std::stringstream text;
    text << stream.rdbuf();
    return LoadText(text.str());
  }

  absl::StatusOr<LoadedGraph> LoadText(const std::string& text) {
    TextFormat::Parser parser;
    TextFormat::ParseInfoTree tree;
    parser.WriteLocationsTo(&tree);
    parser.RecordErrorsTo(&problems_);
    if (!parser.ParseFromString(text, &message_)) return problems_.ToStatus();
    const PlaceFinder places(message_.GetDescriptor(), &tree, Place{shown_path_, 0, 0});
    LoadParams(places);
    if (!problems_.empty()) return problems_.ToStatus();

    StepLoader steps(directory_, scope_, [this](const Place& place, const std::string& message) {
      problems_.Report(place, message);
    });
    GraphBuilder builder;
    for (int k = 0; k < message_.step_size(); ++k) {
      for (StepSpec& step : steps.Load(message_.step(k), places.Nested("step", k))) {
        builder.AddStep(std::move(step));
      }
    }
    for (int k = 0; k < message_.result_size(); ++k) {
      const Place place = places.Of("result", k);
      builder.AddResult(steps.ExpandText(message_.result(k), place), place);
    }
    for (const std::string& result : options_.results) {
      builder.AddResult(result, {absl::StrCat("--output ", result), 0, 0});
    }
    if (message_.step_size() == 0) {
      problems_.Report({shown_path_, 0, 0}, "the graph has no step; add step { id: \"...\" ... }");
    }
    if (!problems_.empty()) return problems_.ToStatus();
    absl::StatusOr<Graph> graph = std::move(builder).Build();
    if (!graph.ok()) return graph.status();
    return LoadedGraph{*std::move(graph), file_, std::move(params_)};
  }

 private:
  void LoadParams(const PlaceFinder& places) {
    for (int k = 0; k < message_.param_size(); ++k) {
      LoadParam(message_.param(k), places.Nested("param", k));
    }
    for (const auto& [name, value] : options_.params) {
      if (scope_.contains(name)) continue;
      std::vector<std::string> known;
      for (const auto& entry : scope_) known.push_back(entry.first);
      problems_.Report({shown_path_, 0, 0},
                       absl::StrCat("--param ", name, ": the graph has no such parameter; it has: ",
                                    known.empty() ? "none" : absl::StrJoin(known, ", ")));
    }
  }

  void LoadParam(const proto::GraphParam& param, const PlaceFinder& places) {
    const std::string& name = param.name();
    if (!IsStepId(name) || name == kReservedParam) {
      problems_.Report(places.place(),
                       absl::StrCat("a parameter of the graph cannot be named \"", name, "\""));
      return;
    }
    const auto given = options_.params.find(name);
    const bool is_given = given != options_.params.end();
    if (!is_given && !param.has_default_()) {
      problems_.Report(
          places.place(),
          absl::StrCat("parameter \"", name, "\" has no default; pass --param ", name, "=VALUE"));
    }
    std::string value = is_given ? given->second : param.default_();
    if (param.type() == proto::GraphParam::PATH) {
      value = ResolvePath(is_given ? working_directory_ : directory_, value);
    }
    if (param.type() == proto::GraphParam::INT && (is_given || param.has_default_()) &&
        !IsInteger(value)) {
      problems_.Report(
          places.place(),
          absl::StrCat("parameter \"", name, "\": expected a number, found \"", value, "\""));
    }
    if (!scope_.emplace(name, value).second) {
      problems_.Report(places.place(),
                       absl::StrCat("two parameters of the graph are named \"", name, "\""));
    }
    params_.push_back({name, value, param.help()});
  }

  const std::string shown_path_;
  const std::string working_directory_;
  const std::string file_;
  const std::string directory_;
  const LoadOptions& options_;
  Problems problems_;
  proto::GraphFile message_;
  Scope scope_;
  std::vector<GraphParamValue> params_;
};

}  // namespace

absl::StatusOr<LoadedGraph> LoadGraph(const std::string& path, const LoadOptions& options) {
  return Loader(path, options).LoadFile();
}

absl::StatusOr<LoadedGraph> ParseGraph(std::string_view text, const std::string& path,
                                       const LoadOptions& options) {
  return Loader(path, options).LoadText(std::string(text));
}

}  // namespace weft

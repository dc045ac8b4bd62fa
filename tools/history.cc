#include "tools/history.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "dag/digest.h"
#include "tools/paths.h"

namespace weft::tools {
namespace {

std::string Folder(const std::string& store) { return absl::StrCat(store, "/runs"); }

std::string FileOf(const std::string& store, const std::string& graph) {
  return absl::StrCat(Folder(store), "/", graph.empty() ? "latest" : DigestOf(graph).Hex());
}

std::optional<std::string> ReadFile(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return std::nullopt;
  std::stringstream bytes;
  bytes << stream.rdbuf();
  return bytes.str();
}

}  // namespace

proto::RunHistory MakeHistory(const LoadedGraph& loaded, const RunReport& report) {
  proto::RunHistory history;
  history.set_graph_file(loaded.file);
  history.set_finished_unix_ms(absl::ToUnixMillis(absl::Now()));
  for (const GraphParamValue& param : loaded.params) {
    (*history.mutable_params())[param.name] = param.value;
  }
  for (StepIndex i = 0; i < loaded.graph.size(); ++i) {
    const StepReport& from = report.steps[i];
    proto::StepHistory* const to = history.add_step();
    to->set_id(loaded.graph.step(i).id);
    to->set_function(loaded.graph.step(i).function);
    to->set_status(std::string(ToString(from.outcome)));
    to->set_reason(std::string(ToString(from.reason)));
    to->set_why(from.explanation);
    to->set_error(std::string(from.status.message()));
    to->set_duration_s(absl::ToDoubleSeconds(from.duration));
  }
  return history;
}

absl::Status WriteHistory(const std::string& store, const proto::RunHistory& history) {
  std::error_code error;
  std::filesystem::create_directories(Folder(store), error);
  std::string bytes;
  history.SerializeToString(&bytes);
  absl::Status status = WriteFileAtomically(FileOf(store, history.graph_file()), bytes);
  if (status.ok()) status = WriteFileAtomically(FileOf(store, ""), history.graph_file());
  return status;
}

std::optional<proto::RunHistory> ReadHistory(const std::string& store, const std::string& graph) {
  std::string file = graph;
  if (file.empty()) {
    const std::optional<std::string> latest = ReadFile(FileOf(store, ""));
    if (!latest.has_value() || latest->empty()) return std::nullopt;
    file = *latest;
  }
  const std::optional<std::string> bytes = ReadFile(FileOf(store, file));
  if (!bytes.has_value()) return std::nullopt;
  proto::RunHistory history;
  if (!history.ParseFromString(*bytes) || history.graph_file() != file) return std::nullopt;
  return history;
}

void ClearHistory(const std::string& store) {
  std::error_code error;
  std::filesystem::remove_all(Folder(store), error);
}

}  // namespace weft::tools

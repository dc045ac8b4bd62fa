// tools/history.h — remembers the last run of each graph, for `weft explain`.
//
// One file for each graph in the folder "runs" of the store, and one that names the graph that ran
// last. Each is replaced atomically; of two runs at once, the one that ends last is remembered. A
// damaged file is as none.
#ifndef WEFT_TOOLS_HISTORY_H_
#define WEFT_TOOLS_HISTORY_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "dag/graph.h"
#include "dag/load.h"
#include "dag/run_report.h"
#include "tools/history.pb.h"

namespace weft::tools {

// What a finished run leaves behind.
proto::RunHistory MakeHistory(const LoadedGraph& loaded, const RunReport& report);

// Keeps it. Errors: as errno says, with the path.
absl::Status WriteHistory(const std::string& store, const proto::RunHistory& history);

// The last run of the graph with this absolute path; of any graph, for "".
std::optional<proto::RunHistory> ReadHistory(const std::string& store, const std::string& graph);

// Forgets all runs.
void ClearHistory(const std::string& store);

}  // namespace weft::tools

#endif  // WEFT_TOOLS_HISTORY_H_

// dag/load.h — reads a graph in Protobuf text format (graph.proto).
//
// The way from text to Graph: parse; take parameters from the command line; expand `repeat` and
// ${...}; resolve paths; build and check the graph. Each problem says where it is
// ("file:line:column: ...") and what to do.
//
// Differs from GraphBuilder in that it knows the kinds of steps: a process and a wasm module become
// the functions "process" and "wasm", with the parameters and inputs that dag/spec.h lists. Whether
// a function exists and takes these parameters is the registry's to check (dag/function.h).
//
// Guarantees
//   Blocks           LoadGraph reads a file, and looks whether modules exist.
//   Errors           InvalidArgument for what the author of the graph or of the command line must
//                    change, one line for each problem; NotFound and others for an unreadable file.
#ifndef WEFT_DAG_LOAD_H_
#define WEFT_DAG_LOAD_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "dag/graph.h"

namespace weft {

// What the user says beside the file.
struct LoadOptions {
  // Values of the graph's parameters, by name.
  std::map<std::string, std::string> params = {};
  // Where the user stands: relative paths of the command line count from here. Empty: the working
  // directory of the process.
  std::string working_directory = {};
  // Results ("step.output") beside those that the file names; they come after them.
  std::vector<std::string> results = {};
};

// A parameter of the graph with its value.
struct GraphParamValue {
  std::string name;
  std::string value;
  std::string help;
};

struct LoadedGraph {
  Graph graph;
  // Absolute path of the file; tells the graph apart from others in the store.
  std::string file;
  std::vector<GraphParamValue> params;
};

// Reads the file `path`.
absl::StatusOr<LoadedGraph> LoadGraph(const std::string& path, const LoadOptions& options = {});

// Reads `text` as if it were the content of the file `path`, which need not exist.
absl::StatusOr<LoadedGraph> ParseGraph(std::string_view text, const std::string& path,
                                       const LoadOptions& options = {});

}  // namespace weft

#endif  // WEFT_DAG_LOAD_H_

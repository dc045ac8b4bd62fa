// tools/options.h — the command line of `weft`: its commands and flags, parsed by CLI11, with
// messages and help texts of our own.
//
// Pure: it looks at its arguments only, so every message is tested without running the program.
#ifndef WEFT_TOOLS_OPTIONS_H_
#define WEFT_TOOLS_OPTIONS_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "dag/execute.h"

namespace weft::tools {

// What `weft` was asked to do.
enum class Command {
  kRun,
  kCheck,
  kGraph,
  kExplain,
  kCacheStats,
  kCacheClear,
  kFunctions,
  kHelp,
  kVersion,
};

// --output STEP.NAME=FILE.
struct OutputFile {
  std::string reference;
  std::string path;
};

// A parsed command line. Paths are as given.
struct Options {
  Command command = Command::kHelp;
  // kHelp: the command that the help is about, or "".
  std::string help_topic;
  std::string graph;
  std::string step;
  std::map<std::string, std::string> params;
  // 0: one for each processor that this process may use.
  int workers = 0;
  // 0: no limit.
  int max_concurrency = 0;
  OnError on_error = OnError::kFailFast;
  std::vector<OutputFile> outputs;
  // "": the default of paths.h.
  std::string store;
  bool json = false;
  bool dot = false;
  // "": no trace.
  std::string trace;
  bool progress = true;
};

// Parses the words after the program's name. Errors: InvalidArgument, one line that says which
// word, what was expected and what to do.
absl::StatusOr<Options> ParseOptions(const std::vector<std::string>& args);

// The help about `topic` (the name of a command), or about everything for "".
std::string HelpText(std::string_view topic);

// Among `candidates`, the one that `word` was perhaps meant to be; "" when none is near.
std::string Nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace weft::tools

#endif  // WEFT_TOOLS_OPTIONS_H_

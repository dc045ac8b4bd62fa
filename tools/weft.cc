// The `weft` command. See README.md.
#include <signal.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "tools/commands.h"
#include "tools/common.h"
#include "tools/options.h"
#include "tools/report.h"

namespace weft::tools {
namespace {

int Dispatch(const std::vector<std::string>& args) {
  const absl::StatusOr<Options> options = ParseOptions(args);
  if (!options.ok()) {
    // These messages begin with the command's name themselves.
    PrintError(std::string(options.status().message()));
    return static_cast<int>(ExitCode::kBadInput);
  }
  switch (options->command) {
    case Command::kRun:
      return RunCommand(*options);
    case Command::kCheck:
      return CheckCommand(*options);
    case Command::kGraph:
      return GraphCommand(*options);
    case Command::kExplain:
      return ExplainCommand(*options);
    case Command::kCacheStats:
    case Command::kCacheClear:
      return CacheCommand(*options);
    case Command::kFunctions:
      return FunctionsCommand();
    case Command::kHelp:
      return PrintAndSucceed(HelpText(options->help_topic));
    case Command::kVersion:
      return PrintAndSucceed(absl::StrCat("weft ", kVersion, "\n"));
  }
  return static_cast<int>(ExitCode::kBadInput);
}

}  // namespace
}  // namespace weft::tools

int main(int argc, char** argv) {
  // A reader that goes away is an error of write(), not the end of this program.
  signal(SIGPIPE, SIG_IGN);
  return weft::tools::Dispatch(std::vector<std::string>(argv + 1, argv + argc));
}

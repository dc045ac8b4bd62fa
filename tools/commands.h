// tools/commands.h — what each command of `weft` does. They print, and return the exit code.
#ifndef WEFT_TOOLS_COMMANDS_H_
#define WEFT_TOOLS_COMMANDS_H_

#include "tools/options.h"

namespace weft::tools {

// Version that `weft --version` prints.
inline constexpr char kVersion[] = "0.1.0";

// weft run.
int RunCommand(const Options& options);

// weft check.
int CheckCommand(const Options& options);

// weft graph.
int GraphCommand(const Options& options);

// weft functions.
int FunctionsCommand();

// weft explain.
int ExplainCommand(const Options& options);

// weft cache stats|clear.
int CacheCommand(const Options& options);

}  // namespace weft::tools

#endif  // WEFT_TOOLS_COMMANDS_H_

// tools/paths.h — what paths on the command line mean, and where weft keeps things by default.
#ifndef WEFT_TOOLS_PATHS_H_
#define WEFT_TOOLS_PATHS_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace weft::tools {

// The directory where the user stands: under `bazel run`, which changes the working directory, the
// one that BUILD_WORKING_DIRECTORY names. Absolute.
std::string UserDirectory();

// `path` as counted from `directory`.
std::string ResolvePath(const std::string& directory, const std::string& path);

// $XDG_CACHE_HOME/weft/store, or ~/.cache/weft/store. Errors: FailedPrecondition when neither
// variable helps.
absl::StatusOr<std::string> DefaultStore();

// Writes a file so that at any moment either the old content or the new one is there. Parent
// directories must exist. Errors: as errno says, with the path.
absl::Status WriteFileAtomically(const std::string& path, std::string_view bytes);

}  // namespace weft::tools

#endif  // WEFT_TOOLS_PATHS_H_

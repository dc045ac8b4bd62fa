// tools/common.h — what several commands of `weft` share.
#ifndef WEFT_TOOLS_COMMON_H_
#define WEFT_TOOLS_COMMON_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dag/store.h"
#include "tools/options.h"

namespace weft::tools {

// "N things", or "1 thing".
std::string Counted(int64_t n, std::string_view thing);

// The folder of the store that the options name.
absl::StatusOr<std::string> StoreFolder(const Options& options);

// Opens it.
absl::StatusOr<std::unique_ptr<ResultStore>> OpenStore(const Options& options);

// Writes "weft: MESSAGE" to standard error; returns the exit code for bad input.
int ReportBadInput(const absl::Status& status);

// Writes all of `text` to standard output. Errors: as errno says.
absl::Status PrintOut(std::string_view text);

// Prints and returns 0, or says why that failed and returns 1.
int PrintAndSucceed(std::string_view text);

// Writes a line to standard error.
void PrintError(std::string_view line);

}  // namespace weft::tools

#endif  // WEFT_TOOLS_COMMON_H_

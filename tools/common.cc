#include "tools/common.h"

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tools/paths.h"
#include "tools/report.h"

namespace weft::tools {
namespace {

absl::Status WriteTo(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return absl::ErrnoToStatus(errno, "writing to standard output");
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return absl::OkStatus();
}

}  // namespace

std::string Counted(int64_t n, std::string_view thing) {
  return absl::StrCat(n, " ", std::string(thing), n == 1 ? "" : "s");
}

absl::StatusOr<std::string> StoreFolder(const Options& options) {
  if (options.store.empty()) return DefaultStore();
  return ResolvePath(UserDirectory(), options.store);
}

absl::StatusOr<std::unique_ptr<ResultStore>> OpenStore(const Options& options) {
  absl::StatusOr<std::string> folder = StoreFolder(options);
  if (!folder.ok()) return folder.status();
  return ResultStore::Open(*folder);
}

int ReportBadInput(const absl::Status& status) {
  PrintError(absl::StrCat("weft: ", status.message()));
  return static_cast<int>(ExitCode::kBadInput);
}

absl::Status PrintOut(std::string_view text) { return WriteTo(STDOUT_FILENO, text); }

int PrintAndSucceed(std::string_view text) {
  const absl::Status status = PrintOut(text);
  if (status.ok()) return static_cast<int>(ExitCode::kSuccess);
  PrintError(absl::StrCat("weft: ", status.message()));
  return static_cast<int>(ExitCode::kStepFailed);
}

void PrintError(std::string_view line) {
  WriteTo(STDERR_FILENO, absl::StrCat(std::string(line), "\n")).IgnoreError();
}

}  // namespace weft::tools

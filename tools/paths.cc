#include "tools/paths.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"

namespace weft::tools {
namespace {

std::string Environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

absl::Status Failed(std::string_view doing, const std::string& path) {
  const int error = errno;
  return absl::ErrnoToStatus(error, absl::StrCat("writing ", path, ": ", std::string(doing)));
}

absl::Status WriteAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return Failed("write", path);
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return absl::OkStatus();
}

// A device or a pipe (/dev/null, /dev/stdout) cannot be replaced: it is written to.
bool IsSpecial(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

absl::Status WriteSpecial(const std::string& path, std::string_view bytes) {
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return Failed("open", path);
  absl::Status status = WriteAll(fd, bytes, path);
  if (close(fd) != 0 && status.ok()) status = Failed("close", path);
  return status;
}

}  // namespace

std::string UserDirectory() {
  const std::string bazel = Environment("BUILD_WORKING_DIRECTORY");
  if (!bazel.empty() && bazel[0] == '/') return bazel;
  std::error_code error;
  return std::filesystem::current_path(error).string();
}

std::string ResolvePath(const std::string& directory, const std::string& path) {
  return (std::filesystem::path(directory) / path).lexically_normal().string();
}

absl::StatusOr<std::string> DefaultStore() {
  const std::string cache = Environment("XDG_CACHE_HOME");
  if (!cache.empty() && cache[0] == '/') return absl::StrCat(cache, "/weft/store");
  const std::string home = Environment("HOME");
  if (!home.empty() && home[0] == '/') return absl::StrCat(home, "/.cache/weft/store");
  return absl::FailedPreconditionError(
      "looking for a folder to keep results in: expected $XDG_CACHE_HOME or $HOME to be an "
      "absolute "
      "path, found neither; give --store=DIR");
}

absl::Status WriteFileAtomically(const std::string& path, std::string_view bytes) {
  if (IsSpecial(path)) return WriteSpecial(path, bytes);
  std::string draft = absl::StrCat(path, ".XXXXXX");
  const int fd = mkostemp(draft.data(), O_CLOEXEC);
  if (fd < 0) return Failed("create a file beside it", path);
  absl::Status status = WriteAll(fd, bytes, path);
  // mkostemp makes files that only their owner may read; a result is an ordinary file.
  const mode_t mask = umask(0);
  umask(mask);
  if (status.ok() && fchmod(fd, 0666 & ~mask) != 0) status = Failed("fchmod", path);
  if (status.ok() && fsync(fd) != 0) status = Failed("fsync", path);
  if (close(fd) != 0 && status.ok()) status = Failed("close", path);
  if (status.ok() && rename(draft.c_str(), path.c_str()) != 0) status = Failed("rename", path);
  if (!status.ok()) unlink(draft.c_str());
  return status;
}

}  // namespace weft::tools

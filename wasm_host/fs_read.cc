#include "wasm_host/fs_read.h"

#include <errno.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "future/or_return.h"
#include "future/poll_fn.h"
#include "future/spawn.h"
#include "future/task.h"
#include "wasm_host/data.h"
#include "wasm_host/error.h"
#include "wasm_host/host_call.h"
#include "wasm_host/internal/path.h"

namespace weft {
namespace {

using wasm_host_internal::Covers;
using wasm_host_internal::JoinPath;
using wasm_host_internal::NormalPath;
using wasm_host_internal::OpenBeneath;
using wasm_host_internal::ParsePathGrant;
using wasm_host_internal::PathGrant;
using wasm_host_internal::Segments;

constexpr int32_t kNoSuchFile = -1;

// Which file to open: `below` counts from the trusted directory `root`.
struct GrantedFile {
  std::string root;
  Segments below;
  std::string shown_path;  // as FsReadEvent
};

absl::Status Denied(HostCall& call, std::string_view path, std::string_view why) {
  const std::vector<std::string>& scopes = call.grants().Scopes(kFsReadCapability);
  return GuestError(
      GuestCause::kCapabilityDenied,
      absl::StrCat("reading ", std::string(path), " is not granted: ", std::string(why),
                   "; granted: ", scopes.empty() ? "nothing" : absl::StrJoin(scopes, ", ")));
}

absl::StatusOr<GrantedFile> FindGrant(HostCall& call, const FsReadOptions& options,
                                      std::string_view path) {
  const std::string& directory = options.directory;
  const absl::StatusOr<Segments> segments = NormalPath(directory, path);
  if (!segments.ok()) return Denied(call, path, std::string(segments.status().message()));
  const absl::StatusOr<Segments> base = NormalPath("/", directory);
  for (const std::string& scope : call.grants().Scopes(kFsReadCapability)) {
    const absl::StatusOr<PathGrant> grant = ParsePathGrant(directory, scope);
    if (!grant.ok()) return Denied(call, path, std::string(grant.status().message()));
    if (!Covers(*grant, *segments)) continue;
    const absl::Span<const std::string> all = absl::MakeConstSpan(*segments);
    const bool is_below_directory = base.ok() && base->size() < all.size() &&
                                    absl::MakeConstSpan(*base) == all.first(base->size());
    std::string shown =
        is_below_directory ? JoinPath(all.subspan(base->size())).substr(1) : JoinPath(all);
    return GrantedFile{JoinPath(grant->root),
                       Segments(segments->begin() + static_cast<std::ptrdiff_t>(grant->root.size()),
                                segments->end()),
                       std::move(shown)};
  }
  return Denied(call, path, "no granted path matches it");
}

// What reading came to.
struct FileContent {
  int error = 0;  // errno
  bool is_regular = true;
  bool is_too_big = false;
  std::string bytes;
  std::array<uint8_t, 32> sha256{};
};

FileContent ReadAll(int fd, uint64_t max_bytes) {
  FileContent content;
  struct stat info;
  if (fstat(fd, &info) != 0) {
    content.error = errno;
    return content;
  }
  content.is_regular = S_ISREG(info.st_mode);
  if (!content.is_regular) return content;
  std::size_t used = 0;
  content.bytes.resize(std::min(static_cast<uint64_t>(info.st_size), max_bytes) + 1);
  while (true) {
    const ssize_t count = read(fd, content.bytes.data() + used, content.bytes.size() - used);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) content.error = errno;
    if (count <= 0) break;
    used += static_cast<std::size_t>(count);
    content.is_too_big = used > max_bytes;
    if (content.is_too_big) break;
    if (used == content.bytes.size()) content.bytes.resize(2 * used);
  }
  content.bytes.resize(used);
  return content;
}

// Runs in the blocking pool.
FileContent ReadFile(GrantedFile file, uint64_t max_bytes, bool with_digest) {
  const int fd = OpenBeneath(file.root, file.below);
  if (fd < 0) {
    FileContent content;
    content.error = -fd;
    return content;
  }
  FileContent content = ReadAll(fd, max_bytes);
  close(fd);
  if (with_digest) {
    EVP_Digest(content.bytes.data(), content.bytes.size(), content.sha256.data(), nullptr,
               EVP_sha256(), nullptr);
  }
  return content;
}

absl::Status CheckContent(HostCall& call, const FsReadOptions& options, const std::string& path,
                          const FileContent& content) {
  if (content.error == ELOOP || content.error == EXDEV) {
    return Denied(call, path, "there is a symbolic link on the way, which is not followed");
  }
  if (content.error != 0) {
    return absl::UnknownError(
        absl::StrCat("reading ", path, ": ", std::generic_category().message(content.error)));
  }
  if (!content.is_regular) {
    return absl::FailedPreconditionError(
        absl::StrCat("reading ", path, ": expected a regular file, found something else"));
  }
  if (content.is_too_big) {
    return GuestError(GuestCause::kMemory,
                      absl::StrCat("reading ", path, ": expected at most ", options.max_file_bytes,
                                   " bytes, found more"));
  }
  return absl::OkStatus();
}

FsReadOptions OptionsOf(HostCall& call) {
  const FsReadOptions* const found = call.data().Find<FsReadOptions>();
  FsReadOptions options = found != nullptr ? *found : FsReadOptions();
  if (options.directory.empty()) options.directory = std::filesystem::current_path().string();
  return options;
}

Task<absl::StatusOr<int32_t>> FsRead(HostCall& call, std::string_view path) {
  const FsReadOptions options = OptionsOf(call);
  absl::StatusOr<GrantedFile> granted = FindGrant(call, options, path);
  GrantedFile file = co_await OrReturn(std::move(granted));
  Executor* const executor = co_await CurrentExecutor();
  JoinHandle<FileContent> job =
      SpawnBlocking(*executor, ReadFile, file, options.max_file_bytes, options.on_read != nullptr);
  absl::StatusOr<FileContent> joined = co_await job;
  FileContent content = co_await OrReturn(std::move(joined));
  if (content.error == ENOENT || content.error == ENOTDIR) {
    if (options.on_read) options.on_read(FsReadEvent{.path = file.shown_path});
    co_return kNoSuchFile;
  }
  absl::Status status = CheckContent(call, options, file.shown_path, content);
  if (!status.ok()) co_return status;
  if (options.on_read) {
    options.on_read(FsReadEvent{.path = file.shown_path,
                                .exists = true,
                                .sha256 = content.sha256,
                                .size = static_cast<int64_t>(content.bytes.size())});
  }
  co_return call.data().FindOrMake<DataTable>().Add(
      std::make_shared<const std::string>(std::move(content.bytes)));
}

}  // namespace

void AddFsRead(HostFunctions& functions) {
  functions.Add({.module = "weft",
                 .name = "fs_read",
                 .capability = kFsReadCapability,
                 .is_cacheable = true,
                 .check_scope = CheckFsReadScope},
                FsRead);
}

absl::Status CheckFsReadScope(std::string_view scope) {
  return ParsePathGrant("/", scope).status();
}

}  // namespace weft

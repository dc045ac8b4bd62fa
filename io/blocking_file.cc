#include "io/blocking_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include "base/instant.h"
#include "io/internal/unique_fd.h"

namespace weft {
namespace {

using io_internal::UniqueFd;

absl::Status ErrnoStatus(int error, std::string_view doing, std::string_view path) {
  std::string message(doing);
  message.append(" \"").append(path).append("\"");
  return absl::ErrnoToStatus(error, message);
}

FileKind KindOf(mode_t mode) {
  if (S_ISREG(mode)) return FileKind::kRegular;
  if (S_ISDIR(mode)) return FileKind::kDirectory;
  if (S_ISLNK(mode)) return FileKind::kSymlink;
  return FileKind::kOther;
}

FileInfo InfoOf(const struct stat& stat) {
  return {.kind = KindOf(stat.st_mode),
          .size = static_cast<uint64_t>(stat.st_size),
          .mode = static_cast<uint32_t>(stat.st_mode & 07777),
          .inode = stat.st_ino,
          .modified = absl::TimeFromTimespec(stat.st_mtim)};
}

absl::Status TooLong(const std::string& path, uint64_t max_bytes) {
  return absl::ResourceExhaustedError("reading \"" + path + "\": expected at most " +
                                      std::to_string(max_bytes) +
                                      " bytes, found more; raise max_bytes or split the file");
}

// Reads to the end: the size that stat reports is a hint, files of /proc report 0.
absl::StatusOr<std::string> ReadAll(const UniqueFd& file, const std::string& path,
                                    uint64_t max_bytes) {
  struct stat stat;
  if (fstat(file.get(), &stat) != 0) return ErrnoStatus(errno, "reading", path);
  if (S_ISDIR(stat.st_mode)) return ErrnoStatus(EISDIR, "reading", path);
  if (!S_ISREG(stat.st_mode)) {
    return absl::InvalidArgumentError("reading \"" + path +
                                      "\": expected a regular file, found a device or a pipe");
  }
  if (static_cast<uint64_t>(stat.st_size) > max_bytes) return TooLong(path, max_bytes);
  std::string bytes;
  size_t length = 0;
  size_t chunk = static_cast<size_t>(stat.st_size) + 1;  // One more, to meet the end at once.
  while (true) {
    bytes.resize(length + chunk);
    const ssize_t count = read(file.get(), bytes.data() + length, bytes.size() - length);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus(errno, "reading", path);
    length += static_cast<size_t>(count);
    if (length > max_bytes) return TooLong(path, max_bytes);
    if (count == 0) break;
    chunk = std::max<size_t>(bytes.size() - length, 65'536);
  }
  bytes.resize(length);
  return bytes;
}

// O_NONBLOCK: the open of a FIFO without a writer must not wait. It does not concern regular files.
constexpr int kReadFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

absl::Status WriteAll(const UniqueFd& file, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t count = write(file.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus(errno, "writing", path);
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return absl::OkStatus();
}

// Creates a file next to `path` under a name that nobody else uses.
absl::StatusOr<UniqueFd> CreateTemporary(const std::string& path, uint32_t mode,
                                         std::string* name) {
  static std::atomic<uint64_t> counter{0};
  while (true) {
    // Relaxed: the numbers need only differ.
    *name = path + ".tmp-" + std::to_string(getpid()) + "-" +
            std::to_string(counter.fetch_add(1, std::memory_order_relaxed)) + "-" +
            std::to_string(MonotonicNow().nanos());
    UniqueFd file(open(name->c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (file.IsOpen()) return file;
    if (errno != EEXIST) return ErrnoStatus(errno, "writing", path);
  }
}

// Makes a rename in the directory of `path` durable.
absl::Status SyncDirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "."
                                : slash == 0               ? "/"
                                                           : path.substr(0, slash);
  const UniqueFd handle(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!handle.IsOpen()) return ErrnoStatus(errno, "writing", path);
  // Some file systems cannot sync a directory and need not.
  if (fsync(handle.get()) != 0 && errno != EINVAL) return ErrnoStatus(errno, "writing", path);
  return absl::OkStatus();
}

absl::Status FillAndRename(const UniqueFd& file, const std::string& temporary,
                           const std::string& path, std::string_view bytes) {
  absl::Status status = WriteAll(file, bytes, path);
  if (!status.ok()) return status;
  if (fsync(file.get()) != 0) return ErrnoStatus(errno, "writing", path);
  if (rename(temporary.c_str(), path.c_str()) != 0) return ErrnoStatus(errno, "writing", path);
  return absl::OkStatus();
}

// The components of a relative path, or an error if one of them could lead out of its root.
absl::StatusOr<std::vector<std::string>> SafeComponents(const std::string& path) {
  std::vector<std::string> components;
  size_t start = 0;
  while (start <= path.size()) {
    const size_t end = std::min(path.find('/', start), path.size());
    components.push_back(path.substr(start, end - start));
    const std::string& last = components.back();
    if (last.empty() || last == "." || last == ".." || last.find('\0') != std::string::npos) {
      return absl::InvalidArgumentError(
          "reading \"" + path +
          "\": expected a relative path without the components \"\", \".\" and \"..\"");
    }
    start = end + 1;
  }
  return components;
}

absl::StatusOr<UniqueFd> OpenBeneath(const std::string& root, const std::string& path) {
  absl::StatusOr<std::vector<std::string>> components = SafeComponents(path);
  if (!components.ok()) return components.status();
  UniqueFd current(open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!current.IsOpen()) return ErrnoStatus(errno, "reading below", root);
  for (size_t i = 0; i < components->size(); ++i) {
    const bool last = i + 1 == components->size();
    const int flags = last ? kReadFlags : O_PATH | O_DIRECTORY | O_CLOEXEC;
    const std::string& component = (*components)[i];
    UniqueFd next(openat(current.get(), component.c_str(), flags | O_NOFOLLOW));
    if (!next.IsOpen()) {
      const int error = errno;
      struct stat stat;
      if (fstatat(current.get(), component.c_str(), &stat, AT_SYMLINK_NOFOLLOW) == 0 &&
          S_ISLNK(stat.st_mode)) {
        return absl::PermissionDeniedError("reading \"" + path + "\" below \"" + root + "\": \"" +
                                           component +
                                           "\" is a symbolic link, which is not followed here");
      }
      return ErrnoStatus(error, "reading", root + "/" + path);
    }
    current = std::move(next);
  }
  return current;
}

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

// Adds what lies directly in `relative` ("" for the root) and notes its directories in `pending`.
absl::Status ListDirectory(const UniqueFd& root, const std::string& root_path,
                           const std::string& relative, const ListTreeOptions& options,
                           std::vector<TreeEntry>* entries, std::vector<std::string>* pending) {
  const char* const name = relative.empty() ? "." : relative.c_str();
  UniqueFd handle(openat(root.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!handle.IsOpen()) {
    if (errno == ENOENT && !relative.empty()) return absl::OkStatus();
    return ErrnoStatus(errno, "listing", root_path + "/" + relative);
  }
  const Directory directory(fdopendir(handle.get()));
  if (directory != nullptr) handle.Release();
  if (directory == nullptr) return ErrnoStatus(errno, "listing", root_path + "/" + relative);
  while (true) {
    errno = 0;
    const dirent* const found = readdir(directory.get());
    if (found == nullptr) break;
    const std::string_view file = found->d_name;
    if (file == "." || file == "..") continue;
    struct stat stat;
    if (fstatat(dirfd(directory.get()), found->d_name, &stat, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;
      return ErrnoStatus(errno, "listing", root_path + "/" + relative);
    }
    TreeEntry entry;
    entry.path = relative.empty() ? std::string(file) : relative + "/" + std::string(file);
    entry.info = InfoOf(stat);
    if (options.skip != nullptr && options.skip(entry.path, entry.info)) continue;
    if (entries->size() >= options.max_entries) {
      return absl::ResourceExhaustedError(
          "listing \"" + root_path + "\": expected at most " + std::to_string(options.max_entries) +
          " entries, found more; raise max_entries or list a smaller tree");
    }
    if (entry.info.kind == FileKind::kDirectory) pending->push_back(entry.path);
    entries->push_back(std::move(entry));
  }
  return errno == 0 ? absl::OkStatus() : ErrnoStatus(errno, "listing", root_path + "/" + relative);
}

}  // namespace

absl::StatusOr<std::string> ReadFileBlocking(const std::string& path, ReadFileOptions options) {
  const UniqueFd file(open(path.c_str(), kReadFlags));
  if (!file.IsOpen()) return ErrnoStatus(errno, "reading", path);
  return ReadAll(file, path, options.max_bytes);
}

absl::StatusOr<std::string> ReadFileBeneathBlocking(const std::string& root,
                                                    const std::string& path,
                                                    ReadFileOptions options) {
  const absl::StatusOr<UniqueFd> file = OpenBeneath(root, path);
  if (!file.ok()) return file.status();
  return ReadAll(*file, path, options.max_bytes);
}

absl::Status WriteFileBlocking(const std::string& path, std::string_view bytes,
                               WriteFileOptions options) {
  std::string temporary;
  const absl::StatusOr<UniqueFd> file = CreateTemporary(path, options.mode, &temporary);
  if (!file.ok()) return file.status();
  const absl::Status status = FillAndRename(*file, temporary, path, bytes);
  if (!status.ok()) {
    unlink(temporary.c_str());
    return status;
  }
  return SyncDirectoryOf(path);
}

absl::StatusOr<FileInfo> StatBlocking(const std::string& path) {
  struct stat stat;
  if (::stat(path.c_str(), &stat) != 0) return ErrnoStatus(errno, "looking at", path);
  return InfoOf(stat);
}

absl::StatusOr<std::vector<TreeEntry>> ListTreeBlocking(const std::string& root,
                                                        const ListTreeOptions& options) {
  const UniqueFd handle(open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!handle.IsOpen()) return ErrnoStatus(errno, "listing", root);
  std::vector<TreeEntry> entries;
  std::vector<std::string> pending = {""};
  while (!pending.empty()) {
    const std::string next = std::move(pending.back());
    pending.pop_back();
    const absl::Status status = ListDirectory(handle, root, next, options, &entries, &pending);
    if (!status.ok()) return status;
  }
  std::sort(entries.begin(), entries.end(),
            [](const TreeEntry& a, const TreeEntry& b) { return a.path < b.path; });
  return entries;
}

}  // namespace weft

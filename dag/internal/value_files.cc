#include "dag/internal/value_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <random>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"

namespace weft::dag_internal {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kReadSize = 1 << 16;
constexpr int kRenameAttempts = 5;
constexpr mode_t kFileMode = 0644;

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  const int fd_;
};

absl::Status Failure(int error, const char* doing, const std::string& path) {
  return absl::ErrnoToStatus(error, absl::StrCat(doing, " ", path));
}

absl::Status WriteAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Failure(errno, "writing", path);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return absl::OkStatus();
}

// A rename is durable once the directory is.
absl::Status SyncDirectory(const std::string& path) {
  const FileDescriptor directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0) return Failure(errno, "opening", path);
  if (fsync(directory.get()) != 0) return Failure(errno, "syncing", path);
  return absl::OkStatus();
}

absl::Status MakeDirectory(const std::string& path) {
  if (mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return Failure(errno, "creating", path);
  return absl::OkStatus();
}

// Reads the whole file through `use`; false when its size is not `size`.
template <typename Use>
absl::StatusOr<bool> ReadAll(int fd, int64_t size, const std::string& path, Use use) {
  struct stat info;
  if (fstat(fd, &info) != 0) return Failure(errno, "examining", path);
  if (info.st_size != size) return false;
  const auto buffer = std::make_unique<char[]>(kReadSize);
  for (;;) {
    const ssize_t count = read(fd, buffer.get(), kReadSize);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Failure(errno, "reading", path);
    if (count == 0) return true;
    use(std::string_view(buffer.get(), static_cast<std::size_t>(count)));
  }
}

// Whether `file` holds the bytes of `digest`. Reads all of it, in constant memory.
absl::StatusOr<bool> IsIntact(int file, const Digest& digest, const std::string& path) {
  Hasher hasher;
  absl::StatusOr<bool> whole =
      ReadAll(file, digest.size, path, [&](std::string_view part) { hasher.Update(part); });
  if (!whole.ok() || !*whole) return whole;
  return hasher.Finish() == digest;
}

uint64_t RandomTag() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

// What cannot be removed now is removed by a later call.
void RemoveEntries(const std::string& directory) {
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    fs::remove_all(it->path(), ignored);
  }
}

FileCount CountFiles(const std::string& directory) {
  FileCount count;
  std::error_code error;
  for (fs::recursive_directory_iterator it(directory, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code ignored;
    if (!it->is_regular_file(ignored)) continue;
    const auto size = it->file_size(ignored);
    if (ignored) continue;
    ++count.files;
    count.bytes += static_cast<int64_t>(size);
  }
  return count;
}

}  // namespace

absl::Status WriteFileDurably(const std::string& temporary, const std::string& path,
                              std::string_view bytes, void (*write_point)(const char*)) {
  const auto point = [&](const char* name) {
    if (write_point != nullptr) write_point(name);
  };
  {
    const FileDescriptor file(
        open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kFileMode));
    if (file.get() < 0) return Failure(errno, "creating", temporary);
    point("file:created");
    absl::Status status = WriteAll(file.get(), bytes.substr(0, bytes.size() / 2), temporary);
    point("file:half-written");
    if (status.ok()) status = WriteAll(file.get(), bytes.substr(bytes.size() / 2), temporary);
    point("file:written");
    if (status.ok() && fsync(file.get()) != 0) status = Failure(errno, "syncing", temporary);
    if (!status.ok()) {
      unlink(temporary.c_str());
      return status;
    }
  }
  point("file:synced");
  // The target's directory may have been retired by a Clear: then it is made again.
  const std::string parent = path.substr(0, path.rfind('/'));
  int error = 0;
  for (int attempt = 0; attempt < kRenameAttempts; ++attempt) {
    if (rename(temporary.c_str(), path.c_str()) == 0) {
      point("file:renamed");
      return SyncDirectory(parent);
    }
    error = errno;
    if (error != ENOENT) break;
    std::error_code ignored;
    fs::create_directories(parent, ignored);
  }
  unlink(temporary.c_str());
  return Failure(error, "renaming to", path);
}

ValueFiles::ValueFiles(std::string directory, void (*write_point)(const char*))
    : directory_(std::move(directory)), write_point_(write_point), tag_(RandomTag()) {}

absl::Status ValueFiles::Prepare() {
  for (const char* name : {"values", "temporary", "retired"}) {
    absl::Status status = MakeDirectory(absl::StrCat(directory_, "/", name));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

std::string ValueFiles::ShardOf(const Digest& digest) const { return digest.Hex().substr(0, 2); }

std::string ValueFiles::TemporaryName() {
  const uint64_t number = next_temporary_.fetch_add(1, std::memory_order_relaxed);
  return absl::StrCat(directory_, "/temporary/", absl::Hex(tag_), "-", number);
}

absl::Status ValueFiles::Put(const Digest& digest, std::string_view bytes) {
  const std::string shard = absl::StrCat(directory_, "/values/", ShardOf(digest));
  const std::string path = absl::StrCat(shard, "/", digest.Hex());
  {
    // The copy that is there is read, not trusted by its size: what is damaged is written again.
    const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() >= 0 && IsIntact(file.get(), digest, path).value_or(false)) {
      return absl::OkStatus();
    }
  }
  std::error_code ignored;  // The rename reports what matters.
  fs::create_directories(shard, ignored);
  return WriteFileDurably(TemporaryName(), path, bytes, write_point_);
}

int ValueFiles::OpenValue(const Digest& digest, std::string* path) const {
  const std::string name = absl::StrCat("/", ShardOf(digest), "/", digest.Hex());
  *path = absl::StrCat(directory_, "/values", name);
  int fd = open(path->c_str(), O_RDONLY | O_CLOEXEC);
  if (fd >= 0) return fd;
  std::error_code error;
  for (fs::directory_iterator it(directory_ + "/retired", error), end; !error && it != end;
       it.increment(error)) {
    *path = it->path().string() + name;
    fd = open(path->c_str(), O_RDONLY | O_CLOEXEC);
    if (fd >= 0) return fd;
  }
  return -1;
}

absl::StatusOr<std::optional<std::string>> ValueFiles::Get(const Digest& digest) {
  std::string path;
  const FileDescriptor file(OpenValue(digest, &path));
  if (file.get() < 0) return std::optional<std::string>();
  std::string bytes;
  absl::StatusOr<bool> whole =
      ReadAll(file.get(), digest.size, path, [&](std::string_view part) { bytes.append(part); });
  if (!whole.ok()) return whole.status();
  if (*whole && DigestOf(bytes) == digest) return std::optional<std::string>(std::move(bytes));
  unlink(path.c_str());
  return std::optional<std::string>();
}

absl::StatusOr<bool> ValueFiles::Verify(const Digest& digest) {
  std::string path;
  const FileDescriptor file(OpenValue(digest, &path));
  if (file.get() < 0) return false;
  absl::StatusOr<bool> intact = IsIntact(file.get(), digest, path);
  if (intact.ok() && !*intact) unlink(path.c_str());
  return intact;
}

FileCount ValueFiles::CountValues() const { return CountFiles(directory_ + "/values"); }

FileCount ValueFiles::CountRetired() const { return CountFiles(directory_ + "/retired"); }

absl::Status ValueFiles::Retire() {
  const std::string values = directory_ + "/values";
  for (int number = 0;; ++number) {
    const std::string target = absl::StrCat(directory_, "/retired/", getpid(), "-", number);
    if (rename(values.c_str(), target.c_str()) == 0) break;
    // Somebody else's Clear may have taken it at the same moment.
    if (errno == ENOENT) break;
    if (errno != ENOTEMPTY && errno != EEXIST) return Failure(errno, "retiring", values);
  }
  return MakeDirectory(values);
}

void ValueFiles::PurgeRetired() { RemoveEntries(directory_ + "/retired"); }

void ValueFiles::PurgeAll() {
  PurgeRetired();
  RemoveEntries(directory_ + "/temporary");
}

}  // namespace weft::dag_internal

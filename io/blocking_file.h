// io/blocking_file.h — files, on the calling thread.
//
// These functions block while the disk works: call them where that is allowed (a job of
// SpawnBlocking, a command-line tool). In a task use file.h, which runs the same functions in the
// executor's blocking pool.
//
//   Thread safety   Any thread. Two writers of one path: one of the two contents remains, whole.
//   Errors          NOT_FOUND, PERMISSION_DENIED, RESOURCE_EXHAUSTED (longer than allowed, disk
//                   full), INVALID_ARGUMENT (not a regular file, a bad path), FAILED_PRECONDITION
//                   (a directory in the place of a file or the reverse); messages name the path.
#ifndef WEFT_IO_BLOCKING_FILE_H_
#define WEFT_IO_BLOCKING_FILE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace weft {

enum class FileKind : uint8_t { kRegular, kDirectory, kSymlink, kOther };

struct FileInfo {
  FileKind kind = FileKind::kOther;
  uint64_t size = 0;
  uint32_t mode = 0;  // Permission bits.
  uint64_t inode = 0;
  absl::Time modified;
};

struct ReadFileOptions {
  // A longer file is an error, and is not read.
  uint64_t max_bytes = uint64_t{1} << 30;
};

struct WriteFileOptions {
  // Permissions of a new file, less the process's umask.
  uint32_t mode = 0666;
};

struct TreeEntry {
  std::string path;  // Relative to the root, components separated by '/'.
  FileInfo info;
};

struct ListTreeOptions {
  // Called for each entry with its relative path; true leaves it out, and what is below it.
  std::function<bool(std::string_view path, const FileInfo& info)> skip;
  // More entries than this are an error.
  size_t max_entries = 10'000'000;
};

// The whole content of a regular file. Never waits for a writer: a FIFO is refused.
absl::StatusOr<std::string> ReadFileBlocking(const std::string& path, ReadFileOptions options = {});

// Like ReadFileBlocking for `path` below the directory `root`, but follows no symbolic link below
// `root` and refuses absolute paths and the components ".", ".." and "": what it reads lies inside
// `root`, whatever others do to the tree meanwhile.
absl::StatusOr<std::string> ReadFileBeneathBlocking(const std::string& root,
                                                    const std::string& path,
                                                    ReadFileOptions options = {});

// Replaces the file by `bytes`, atomically and durably: after a crash at any moment there is either
// the old content or the new one. A process killed inside leaves a file `path.tmp-*` behind.
absl::Status WriteFileBlocking(const std::string& path, std::string_view bytes,
                               WriteFileOptions options = {});

// What is at `path`; a symbolic link is followed.
absl::StatusOr<FileInfo> StatBlocking(const std::string& path);

// All that lies below `root`, sorted by path as bytes. Symbolic links are listed, not followed.
// What disappears meanwhile may be missing.
absl::StatusOr<std::vector<TreeEntry>> ListTreeBlocking(const std::string& root,
                                                        const ListTreeOptions& options = {});

}  // namespace weft

#endif  // WEFT_IO_BLOCKING_FILE_H_

// io/file.h — files, from a task: the functions of blocking_file.h in the executor's blocking pool.
//
//   absl::StatusOr<std::string> text = co_await weft::ReadFile("notes.txt");
//
// Guarantees
//   Errors        Those of blocking_file.h, with the same messages.
//   Blocks        Never the worker; each call is one job of the blocking pool.
//   Cancellation  The awaiting task is unwound at once. The job goes on behind its back and its
//                 result is dropped; a WriteFile that was cancelled may or may not have happened,
//                 but never in part. Arguments are taken by value, so nothing is borrowed.
#ifndef WEFT_IO_FILE_H_
#define WEFT_IO_FILE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "future/task.h"
#include "io/blocking_file.h"

namespace weft {

// The whole content of a regular file; see ReadFileBlocking.
Task<absl::StatusOr<std::string>> ReadFile(std::string path, ReadFileOptions options = {});

// The content of a file that lies inside `root` for sure; see ReadFileBeneathBlocking.
Task<absl::StatusOr<std::string>> ReadFileBeneath(std::string root, std::string path,
                                                  ReadFileOptions options = {});

// Replaces a file atomically and durably; see WriteFileBlocking.
Task<absl::Status> WriteFile(std::string path, std::string bytes, WriteFileOptions options = {});

// What is at `path`; see StatBlocking.
Task<absl::StatusOr<FileInfo>> Stat(std::string path);

// All that lies below `root`, sorted; see ListTreeBlocking. `options.skip` is called by a thread of
// the blocking pool.
Task<absl::StatusOr<std::vector<TreeEntry>>> ListTree(std::string root,
                                                      ListTreeOptions options = {});

}  // namespace weft

#endif  // WEFT_IO_FILE_H_

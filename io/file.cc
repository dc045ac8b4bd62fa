#include "io/file.h"

#include <utility>

#include "future/executor.h"
#include "future/poll_fn.h"
#include "future/spawn.h"

// Jobs are named before they are awaited: GCC 12 destroys owning temporaries of a co_await
// expression twice.

namespace weft {

Task<absl::StatusOr<std::string>> ReadFile(std::string path, ReadFileOptions options) {
  Executor* const executor = co_await CurrentExecutor();
  auto job = SpawnBlocking(*executor, &ReadFileBlocking, std::move(path), options);
  co_return co_await job;
}

Task<absl::StatusOr<std::string>> ReadFileBeneath(std::string root, std::string path,
                                                  ReadFileOptions options) {
  Executor* const executor = co_await CurrentExecutor();
  auto job =
      SpawnBlocking(*executor, &ReadFileBeneathBlocking, std::move(root), std::move(path), options);
  co_return co_await job;
}

Task<absl::Status> WriteFile(std::string path, std::string bytes, WriteFileOptions options) {
  Executor* const executor = co_await CurrentExecutor();
  auto job =
      SpawnBlocking(*executor, &WriteFileBlocking, std::move(path), std::move(bytes), options);
  co_return co_await job;
}

Task<absl::StatusOr<FileInfo>> Stat(std::string path) {
  Executor* const executor = co_await CurrentExecutor();
  auto job = SpawnBlocking(*executor, &StatBlocking, std::move(path));
  co_return co_await job;
}

Task<absl::StatusOr<std::vector<TreeEntry>>> ListTree(std::string root, ListTreeOptions options) {
  Executor* const executor = co_await CurrentExecutor();
  auto job = SpawnBlocking(*executor, &ListTreeBlocking, std::move(root), std::move(options));
  co_return co_await job;
}

}  // namespace weft

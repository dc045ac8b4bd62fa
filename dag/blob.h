// dag/blob.h — a value of a graph: bytes with their digest, in memory or where they can be read
// again.
//
// Copies are cheap and share the bytes. A blob in a file or in the store is read when it is asked
// for, and checked against its digest: whoever loads it gets these bytes or an error.
//
//   Thread safety    Immutable; may be used from any thread.
//   Blocks           Load() may read a file: call it from the blocking pool, or co_await
//                    LoadBlob().
//   Cancellation     LoadBlob(): a read that has begun is awaited; its bytes are dropped. The blob
//                    is unchanged.
#ifndef WEFT_DAG_BLOB_H_
#define WEFT_DAG_BLOB_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "dag/digest.h"
#include "future/executor.h"
#include "future/task.h"

namespace weft {

// See the top of this file.
class Blob {
 public:
  // Bytes, shared.
  using Bytes = std::shared_ptr<const std::string>;
  // Reads the value; called from the blocking pool, at most a few times, from any thread.
  using Loader = std::function<absl::StatusOr<std::string>()>;

  // The empty value.
  Blob() : Blob(std::string()) {}
  // Bytes in memory; computes their digest.
  explicit Blob(std::string bytes);
  // Bytes in memory whose digest is known. Precondition: `digest` is theirs.
  Blob(Digest digest, std::string bytes)
      : digest_(digest), bytes_(std::make_shared<const std::string>(std::move(bytes))) {}
  // Bytes that `loader` reads when they are needed.
  Blob(Digest digest, Loader loader)
      : digest_(digest), loader_(std::make_shared<const Loader>(std::move(loader))) {}

  const Digest& digest() const { return digest_; }
  int64_t size() const { return digest_.size; }

  // The bytes if they are in memory, else null.
  const Bytes& bytes() const { return bytes_; }

  // The bytes. Errors: those of the loader; DataLoss when what it read is something else.
  absl::StatusOr<Bytes> Load() const;

 private:
  Digest digest_;
  Bytes bytes_;  // null: ask the loader
  std::shared_ptr<const Loader> loader_;
};

// The bytes of `blob`, read in the blocking pool if they are not in memory.
Task<absl::StatusOr<Blob::Bytes>> LoadBlob(Executor& executor, Blob blob);

// A blob over a file that held `digest` when it was hashed. Load() fails with Aborted and names the
// file if it changed since.
Blob FileBlob(std::string path, Digest digest);

}  // namespace weft

#endif  // WEFT_DAG_BLOB_H_

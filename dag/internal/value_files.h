// dag/internal/value_files.h — values as files named by their hash.
//
// Below the store's directory: values/ab/HASH holds a value; temporary/ files in the making;
// retired/N/ab/HASH what a Clear took out of sight while other processes may still read it. A file
// appears under values/ by a rename after its bytes are durable, so that it is whole or absent; a
// damaged one (a disk error, an editor) is found by its digest and removed.
#ifndef WEFT_DAG_INTERNAL_VALUE_FILES_H_
#define WEFT_DAG_INTERNAL_VALUE_FILES_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dag/digest.h"

namespace weft::dag_internal {

// Number and total size of files.
struct FileCount {
  int64_t files = 0;
  int64_t bytes = 0;
};

// Writes `bytes` to a new file `temporary`, makes it durable and renames it to `path`, whose
// directory must exist. `write_point` may be null.
absl::Status WriteFileDurably(const std::string& temporary, const std::string& path,
                              std::string_view bytes, void (*write_point)(const char*));

// The files of one store. Thread-safe; several processes may use one directory.
class ValueFiles {
 public:
  ValueFiles(std::string directory, void (*write_point)(const char*));

  // Creates the directories that are missing.
  absl::Status Prepare();

  // Stores `bytes`, whose digest is `digest`, unless a file of that size is there.
  absl::Status Put(const Digest& digest, std::string_view bytes);

  // The bytes, or nullopt when there is no intact file. Removes a damaged one.
  absl::StatusOr<std::optional<std::string>> Get(const Digest& digest);

  // As Get, without the bytes and in constant memory.
  absl::StatusOr<bool> Verify(const Digest& digest);

  // What lies under values/ and under retired/.
  FileCount CountValues() const;
  FileCount CountRetired() const;

  // Takes all values out of sight.
  absl::Status Retire();

  // Removes retired values. Requires: no other process has the store open.
  void PurgeRetired();

  // Removes retired values and abandoned temporary files. Requires: nobody else uses the store.
  void PurgeAll();

 private:
  std::string ShardOf(const Digest& digest) const;
  std::string TemporaryName();
  // The file of `digest` among the current and the retired values, open, or -1.
  int OpenValue(const Digest& digest, std::string* path) const;

  const std::string directory_;
  void (*const write_point_)(const char*);
  // Tells this process's temporary files from those of others, which may have its process id (in a
  // container of their own).
  const uint64_t tag_;
  // Tells this process's temporary files apart; relaxed: only its own value counts.
  std::atomic<uint64_t> next_temporary_{0};
};

}  // namespace weft::dag_internal

#endif  // WEFT_DAG_INTERNAL_VALUE_FILES_H_

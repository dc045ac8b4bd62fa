// dag/store.h — results that outlive the process: values by their content, and for each key what
// was computed.
//
// Three tables. Values: bytes by Digest; up to kMaxInlineSize in the index (LMDB), larger ones as
// files. Results: by key (dag/digest.h) the outputs of a step, what it observed, and its cost. Last
// runs: by graph and step, of what the step was made when it last ran, for `explain`.
//
// Differs from a build cache on plain files in that a look-up of many small results costs no system
// call; differs from a database in that nothing in it is precious: whatever is missing, damaged or
// truncated is a miss, and the next Put repairs it.
//
// Guarantees
//   Thread safety    All methods may be called from any thread. Several processes may use one
//                    directory at once; within a process, stores of one directory share one index.
//   Blocks           Every method reads or writes files: call it from the blocking pool. None calls
//                    back, and no transaction outlives a call.
//   Atomicity        A process that dies at any moment, by any signal, leaves what it finished. A
//                    result is visible only after all values that its writer put before it are
//                    durable.
//   Integrity        A value read is the value put, or absent: its digest is checked on each read.
//   Clear            Safe under running processes: values in files stay readable for them, and the
//                    disk space is freed when the last of them has gone. A process that still needs
//                    a value of the index (kMaxInlineSize) keeps its bytes.
//   Version          A directory of another format version, or one that is no store, is refused
//                    with a message that says what to do. It is never read or written.
//   Errors           Statuses name the directory and what to do; Unavailable, ResourceExhausted
//                    and others as errno says.
//
// Example: execute_example.cc
#ifndef WEFT_DAG_STORE_H_
#define WEFT_DAG_STORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "dag/digest.h"
#include "dag/result.h"

namespace weft {

// What a store holds.
struct StoreStats {
  int64_t results = 0;
  int64_t inline_values = 0;
  int64_t inline_bytes = 0;
  int64_t file_values = 0;
  int64_t file_bytes = 0;
  // Size of the index file on disk.
  int64_t index_bytes = 0;
  // Cleared values that a running process may still read.
  int64_t retired_bytes = 0;
};

// What Clear removed.
struct ClearedStore {
  int64_t results = 0;
  int64_t values = 0;
  int64_t bytes = 0;
  // True if other processes have the store open, so that files stay until they are gone.
  bool deferred = false;
};

struct ResultStoreOptions {
  // First size of the index's memory map; it doubles when full.
  int64_t initial_map_bytes = int64_t{64} << 20;
  // For tests: called with a name before and after each step of a write that reaches the disk.
  void (*write_point)(const char* name) = nullptr;
};

namespace dag_internal {
class StoreCore;
}  // namespace dag_internal

// An open store. Closed by its destructor.
class ResultStore {
 public:
  // Version of the format on disk.
  static constexpr int kFormatVersion = 1;
  // Larger values are files of their own.
  static constexpr int64_t kMaxInlineSize = 2048;

  // Opens the store in `directory`, which is created if absent. Errors: FailedPrecondition for a
  // directory that holds something else or another format version.
  static absl::StatusOr<std::unique_ptr<ResultStore>> Open(const std::string& directory,
                                                           ResultStoreOptions options = {});

  ResultStore(const ResultStore&) = delete;
  ResultStore& operator=(const ResultStore&) = delete;
  ~ResultStore();

  // The directory as given to Open.
  const std::string& directory() const { return directory_; }

  // Stores `bytes` durably, unless an intact copy is there, and returns their digest.
  absl::StatusOr<Digest> PutValue(std::string_view bytes);

  // The value, or nullopt when it is absent or its copy is damaged (the copy is then removed).
  absl::StatusOr<std::optional<std::string>> GetValue(const Digest& digest);

  // Whether an intact copy is there. Reads all of it, in constant memory.
  absl::StatusOr<bool> HasValue(const Digest& digest);

  // Stores the result of `key` with its values, `values[i]` being the bytes of
  // `result.outputs[i]`, and the record of the step's run if `run` is not null. Values that are
  // files are written first; everything else goes in one transaction.
  absl::Status PutResult(const Digest& key, const StoredResult& result,
                         absl::Span<const std::string_view> values, const RunRecord* run);

  // The result of `key`, or nullopt. Its values are not looked at.
  absl::StatusOr<std::optional<StoredResult>> GetResult(const Digest& key);

  // Forgets the result of `key`.
  absl::Status EraseResult(const Digest& key);

  // The record of the last run of a step, or nullopt.
  absl::StatusOr<std::optional<LastRun>> GetLastRun(std::string_view graph, std::string_view step);

  // Stores the record of a step's run alone (of a step whose result came from the store, or is not
  // kept).
  absl::Status PutLastRun(const RunRecord& run);

  // Counts what is there.
  absl::StatusOr<StoreStats> Stats();

  // Removes everything; see "Clear" above.
  absl::StatusOr<ClearedStore> Clear();

 private:
  ResultStore(std::string directory, dag_internal::StoreCore* core)
      : directory_(std::move(directory)), core_(core) {}

  const std::string directory_;
  dag_internal::StoreCore* const core_;
};

}  // namespace weft

#endif  // WEFT_DAG_STORE_H_

// dag/internal/index.h — LMDB behind transactions that are functions.
//
// A transaction belongs to its thread, so none is handed out: the caller passes what is to be done.
// The function may be called more than once (the map was full, or another process enlarged it) and
// must have no effect but on the transaction and on what it resets at its start.
//
// Concurrent writers are joined: while one transaction is being made durable, the functions of
// other threads gather and then share the next one.
#ifndef WEFT_DAG_INTERNAL_INDEX_H_
#define WEFT_DAG_INTERNAL_INDEX_H_

#include <lmdb.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"

namespace weft::dag_internal {

// The tables of the index; the enumerator is the position in kTableNames.
enum class Table { kValues = 0, kResults = 1, kRuns = 2 };
inline constexpr int kTableCount = 3;

// One transaction. Strings that it returns lie in the map and die with it.
class Transaction {
 public:
  // The entry, or nullopt.
  absl::StatusOr<std::optional<std::string_view>> Get(Table table, std::string_view key);
  // Inserts or replaces.
  absl::Status Put(Table table, std::string_view key, std::string_view value);
  // Removes the entry if it is there.
  absl::Status Erase(Table table, std::string_view key);
  // Removes all entries.
  absl::Status Empty(Table table);
  // Number of entries.
  absl::StatusOr<int64_t> Count(Table table);
  // Calls `visit` with each key.
  absl::Status ForEachKey(Table table, absl::FunctionRef<void(std::string_view)> visit);

 private:
  friend class Index;
  Transaction(class Index* index, MDB_txn* txn) : index_(index), txn_(txn) {}

  absl::Status Note(int code, const char* doing);

  Index* const index_;
  MDB_txn* const txn_;
  bool map_full_ = false;
};

// An open index file. At most one per file and process.
class Index {
 public:
  using Body = absl::FunctionRef<absl::Status(Transaction&)>;

  // Opens or creates the file `path` (and `path`-lock beside it).
  static absl::StatusOr<std::unique_ptr<Index>> Open(const std::string& path,
                                                     int64_t initial_map_bytes,
                                                     void (*write_point)(const char*));
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;
  ~Index();

  // Runs `body` on a snapshot.
  absl::Status Read(Body body);

  // Runs `body`, and makes what it wrote durable. If `body` fails, or that of a writer with which
  // it was joined, nothing is written.
  absl::Status Write(Body body);

 private:
  friend class Transaction;
  struct PendingWrite;

  Index(std::string path, void (*write_point)(const char*))
      : path_(std::move(path)), write_point_(write_point) {}

  enum class Outcome { kDone, kMapFull, kMapResized };

  absl::Status Initialize(int64_t initial_map_bytes);
  // Makes the file as long as the map that it describes.
  absl::Status CoverMap();
  absl::Status OpenTables();
  absl::Status CommitBatch(const std::vector<PendingWrite*>& batch);
  Outcome TryTransaction(unsigned flags, Body body, absl::Status* status);
  absl::Status Run(unsigned flags, Body body);
  absl::Status ChangeMapSize(Outcome outcome);
  absl::Status Error(int code, const char* doing) const;
  void WritePoint(const char* name) const {
    if (write_point_ != nullptr) write_point_(name);
  }

  const std::string path_;
  void (*const write_point_)(const char*);
  MDB_env* env_ = nullptr;
  MDB_dbi tables_[kTableCount] = {};

  // The map may change only while this process has no transaction: readers and the writer count
  // themselves here.
  Mutex gate_mu_;
  CondVar gate_changed_;
  int open_transactions_ ABSL_GUARDED_BY(gate_mu_) = 0;
  bool resizing_ ABSL_GUARDED_BY(gate_mu_) = false;

  Mutex queue_mu_;
  CondVar queue_changed_;
  bool has_leader_ ABSL_GUARDED_BY(queue_mu_) = false;
  std::vector<PendingWrite*> queue_ ABSL_GUARDED_BY(queue_mu_);
};

}  // namespace weft::dag_internal

#endif  // WEFT_DAG_INTERNAL_INDEX_H_

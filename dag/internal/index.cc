#include "dag/internal/index.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"

namespace weft::dag_internal {
namespace {

constexpr const char* kTableNames[kTableCount] = {"values", "results", "runs"};
constexpr unsigned kMaxReaders = 1024;
constexpr mode_t kFileMode = 0644;

MDB_val ToVal(std::string_view text) { return {text.size(), const_cast<char*>(text.data())}; }

std::string_view FromVal(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

}  // namespace

struct Index::PendingWrite {
  Body body;
  absl::Status status;
  bool done = false;
};

absl::Status Transaction::Note(int code, const char* doing) {
  if (code == MDB_SUCCESS) return absl::OkStatus();
  if (code == MDB_MAP_FULL) map_full_ = true;
  return index_->Error(code, doing);
}

absl::StatusOr<std::optional<std::string_view>> Transaction::Get(Table table,
                                                                 std::string_view key) {
  MDB_val key_val = ToVal(key), value;
  const int code = mdb_get(txn_, index_->tables_[static_cast<int>(table)], &key_val, &value);
  if (code == MDB_NOTFOUND) return std::optional<std::string_view>();
  if (absl::Status status = Note(code, "reading an entry"); !status.ok()) return status;
  return std::optional<std::string_view>(FromVal(value));
}

absl::Status Transaction::Put(Table table, std::string_view key, std::string_view value) {
  index_->WritePoint("index:put");
  MDB_val key_val = ToVal(key), value_val = ToVal(value);
  return Note(mdb_put(txn_, index_->tables_[static_cast<int>(table)], &key_val, &value_val, 0),
              "writing an entry");
}

absl::Status Transaction::Erase(Table table, std::string_view key) {
  MDB_val key_val = ToVal(key);
  const int code = mdb_del(txn_, index_->tables_[static_cast<int>(table)], &key_val, nullptr);
  return code == MDB_NOTFOUND ? absl::OkStatus() : Note(code, "removing an entry");
}

absl::Status Transaction::Empty(Table table) {
  return Note(mdb_drop(txn_, index_->tables_[static_cast<int>(table)], 0), "emptying a table");
}

absl::StatusOr<int64_t> Transaction::Count(Table table) {
  MDB_stat stat;
  absl::Status status =
      Note(mdb_stat(txn_, index_->tables_[static_cast<int>(table)], &stat), "counting entries");
  if (!status.ok()) return status;
  return static_cast<int64_t>(stat.ms_entries);
}

absl::Status Transaction::ForEachKey(Table table, absl::FunctionRef<void(std::string_view)> visit) {
  MDB_cursor* cursor = nullptr;
  absl::Status status =
      Note(mdb_cursor_open(txn_, index_->tables_[static_cast<int>(table)], &cursor), "listing");
  if (!status.ok()) return status;
  MDB_val key, value;
  int code = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
  while (code == MDB_SUCCESS) {
    visit(FromVal(key));
    code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
  }
  mdb_cursor_close(cursor);
  return code == MDB_NOTFOUND ? absl::OkStatus() : Note(code, "listing");
}

absl::StatusOr<std::unique_ptr<Index>> Index::Open(const std::string& path,
                                                   int64_t initial_map_bytes,
                                                   void (*write_point)(const char*)) {
  std::unique_ptr<Index> index(new Index(path, write_point));
  if (absl::Status status = index->Initialize(initial_map_bytes); !status.ok()) return status;
  return index;
}

Index::~Index() {
  if (env_ != nullptr) mdb_env_close(env_);
}

absl::Status Index::Initialize(int64_t initial_map_bytes) {
  int code = mdb_env_create(&env_);
  if (code != MDB_SUCCESS) return Error(code, "creating the environment");
  code = mdb_env_set_maxdbs(env_, kTableCount);
  if (code == MDB_SUCCESS) code = mdb_env_set_maxreaders(env_, kMaxReaders);
  if (code == MDB_SUCCESS) {
    code = mdb_env_set_mapsize(env_, static_cast<std::size_t>(initial_map_bytes));
  }
  // NOTLS: a reader's slot belongs to its transaction, so that a thread of the blocking pool leaves
  // nothing behind. NOMETASYNC: a power cut may lose the last transaction, never damage the file.
  constexpr unsigned kFlags = MDB_NOSUBDIR | MDB_NOTLS | MDB_NOMETASYNC;
  if (code == MDB_SUCCESS) code = mdb_env_open(env_, path_.c_str(), kFlags, kFileMode);
  int dead = 0;
  if (code == MDB_SUCCESS) code = mdb_reader_check(env_, &dead);
  if (code != MDB_SUCCESS) return Error(code, "opening it");
  if (absl::Status status = CoverMap(); !status.ok()) return status;
  return OpenTables();
}

absl::Status Index::CoverMap() {
  // A page beyond the end of a file that was cut off would be a signal to whoever reads it through
  // the map. As a hole it is a page of zeros, which LMDB refuses as corrupted. Never shrinks the
  // file, whatever another process appends meanwhile.
  MDB_envinfo info;
  MDB_stat stat;
  mdb_env_info(env_, &info);
  mdb_env_stat(env_, &stat);
  const auto end = static_cast<off_t>((info.me_last_pgno + 1) * stat.ms_psize);
  int fd = -1;
  mdb_env_get_fd(env_, &fd);
  struct ::stat file;
  if (fstat(fd, &file) != 0) return Error(errno, "examining it");
  if (file.st_size >= end) return absl::OkStatus();
  const int code = posix_fallocate(fd, end - 1, 1);
  return code == 0 ? absl::OkStatus() : Error(code, "extending it");
}

absl::Status Index::OpenTables() {
  // Table handles outlive the transaction that opens them, once it is committed.
  MDB_txn* txn = nullptr;
  int code = mdb_txn_begin(env_, nullptr, 0, &txn);
  if (code == MDB_MAP_RESIZED) {
    code = mdb_env_set_mapsize(env_, 0);
    if (code == MDB_SUCCESS) code = mdb_txn_begin(env_, nullptr, 0, &txn);
  }
  if (code != MDB_SUCCESS) return Error(code, "opening the tables");
  for (int i = 0; i < kTableCount && code == MDB_SUCCESS; ++i) {
    code = mdb_dbi_open(txn, kTableNames[i], MDB_CREATE, &tables_[i]);
  }
  if (code != MDB_SUCCESS) {
    mdb_txn_abort(txn);
    return Error(code, "opening the tables");
  }
  code = mdb_txn_commit(txn);
  return code == MDB_SUCCESS ? absl::OkStatus() : Error(code, "creating the tables");
}

absl::Status Index::Read(Body body) { return Run(MDB_RDONLY, body); }

absl::Status Index::Write(Body body) {
  PendingWrite write{body, absl::OkStatus()};
  queue_mu_.Lock();
  queue_.push_back(&write);
  while (!write.done && has_leader_) queue_changed_.Wait(&queue_mu_);
  if (!write.done) {
    has_leader_ = true;
    std::vector<PendingWrite*> batch;
    batch.swap(queue_);
    queue_mu_.Unlock();
    const absl::Status status = CommitBatch(batch);
    queue_mu_.Lock();
    for (PendingWrite* pending : batch) {
      pending->status = status;
      pending->done = true;
    }
    has_leader_ = false;
    queue_changed_.NotifyAll();
  }
  queue_mu_.Unlock();
  return write.status;
}

absl::Status Index::CommitBatch(const std::vector<PendingWrite*>& batch) {
  return Run(0, [&batch](Transaction& transaction) {
    for (PendingWrite* pending : batch) {
      if (absl::Status status = pending->body(transaction); !status.ok()) return status;
    }
    return absl::OkStatus();
  });
}

absl::Status Index::Run(unsigned flags, Body body) {
  for (;;) {
    absl::Status status;
    const Outcome outcome = TryTransaction(flags, body, &status);
    if (outcome == Outcome::kDone) return status;
    if (absl::Status resized = ChangeMapSize(outcome); !resized.ok()) return resized;
  }
}

Index::Outcome Index::TryTransaction(unsigned flags, Body body, absl::Status* status) {
  gate_mu_.Lock();
  while (resizing_) gate_changed_.Wait(&gate_mu_);
  ++open_transactions_;
  gate_mu_.Unlock();

  Outcome outcome = Outcome::kDone;
  MDB_txn* txn = nullptr;
  int code = mdb_txn_begin(env_, nullptr, flags, &txn);
  if (code == MDB_MAP_RESIZED) {
    outcome = Outcome::kMapResized;
  } else if (code != MDB_SUCCESS) {
    *status = Error(code, "beginning a transaction");
  } else {
    Transaction transaction(this, txn);
    *status = body(transaction);
    if (status->ok() && flags == 0) {
      WritePoint("index:commit");
      code = mdb_txn_commit(txn);
      if (code == MDB_MAP_FULL) transaction.map_full_ = true;
      if (code != MDB_SUCCESS) *status = Error(code, "committing");
      WritePoint("index:committed");
    } else {
      mdb_txn_abort(txn);
    }
    if (transaction.map_full_) outcome = Outcome::kMapFull;
  }

  MutexLock lock(&gate_mu_);
  --open_transactions_;
  gate_changed_.NotifyAll();
  return outcome;
}

absl::Status Index::ChangeMapSize(Outcome outcome) {
  gate_mu_.Lock();
  while (resizing_) gate_changed_.Wait(&gate_mu_);
  resizing_ = true;
  while (open_transactions_ > 0) gate_changed_.Wait(&gate_mu_);
  gate_mu_.Unlock();

  std::size_t size = 0;  // 0: take over the size that another process has chosen.
  if (outcome == Outcome::kMapFull) {
    MDB_envinfo info;
    mdb_env_info(env_, &info);
    size = info.me_mapsize * 2;
  }
  const int code = mdb_env_set_mapsize(env_, size);

  MutexLock lock(&gate_mu_);
  resizing_ = false;
  gate_changed_.NotifyAll();
  return code == MDB_SUCCESS ? absl::OkStatus() : Error(code, "enlarging its map");
}

absl::Status Index::Error(int code, const char* doing) const {
  const std::string text = absl::StrCat("index ", path_, ": ", doing, ": ", mdb_strerror(code));
  if (code > 0) return absl::ErrnoToStatus(code, text);
  if (code == MDB_VERSION_MISMATCH || code == MDB_INVALID || code == MDB_CORRUPTED) {
    return absl::FailedPreconditionError(
        absl::StrCat(text, "; remove the store's directory and run again"));
  }
  return absl::InternalError(text);
}

}  // namespace weft::dag_internal

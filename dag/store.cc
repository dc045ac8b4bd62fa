#include "dag/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <system_error>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/mutex.h"
#include "dag/internal/index.h"
#include "dag/internal/record.h"
#include "dag/internal/value_files.h"

namespace weft {
namespace dag_internal {
namespace {

namespace fs = std::filesystem;

constexpr char kFormatFile[] = "format";
constexpr char kFormatTemporary[] = ".weft-format-";
constexpr char kFormatText[] = "weft result store, format ";

// Device and inode: two paths to one directory are one store.
using DirectoryId = std::pair<uint64_t, uint64_t>;

std::string FormatContents() {
  return absl::StrCat(kFormatText, ResultStore::kFormatVersion, "\n");
}

std::string ReadSmallFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// True if the directory holds nothing but what a dying creator may have left.
bool IsNewDirectory(const std::string& directory) {
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    if (it->path().filename().string().rfind(kFormatTemporary, 0) != 0) return false;
  }
  return true;
}

absl::Status CheckFormat(const std::string& directory, void (*write_point)(const char*)) {
  const std::string path = absl::StrCat(directory, "/", kFormatFile);
  std::error_code error;
  if (!fs::exists(path, error)) {
    // Asked again after a look at the directory: another process may be creating the same store.
    if (!IsNewDirectory(directory) && !fs::exists(path, error)) {
      return absl::FailedPreconditionError(
          absl::StrCat("opening the store ", directory,
                       ": the directory is not empty and holds no store; name another directory"));
    }
    return WriteFileDurably(absl::StrCat(directory, "/", kFormatTemporary, getpid()), path,
                            FormatContents(), write_point);
  }
  std::string found = ReadSmallFile(path);
  if (found == FormatContents()) return absl::OkStatus();
  if (found.rfind(kFormatText, 0) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("opening the store ", directory, ": its file \"", kFormatFile,
                     "\" is not that of a store; name another directory"));
  }
  found = found.substr(std::strlen(kFormatText));
  while (!found.empty() && found.back() == '\n') found.pop_back();
  return absl::FailedPreconditionError(absl::StrCat(
      "opening the store ", directory, ": it has format ", found, ", this program reads format ",
      ResultStore::kFormatVersion, "; remove the directory or name another one"));
}

std::string RunKey(std::string_view graph, std::string_view step) {
  Hasher hasher;
  hasher.Update(graph);
  hasher.Update(std::string_view("\0", 1));
  hasher.Update(step);
  const Digest digest = hasher.Finish();
  return std::string(reinterpret_cast<const char*>(digest.hash.data()), digest.hash.size());
}

}  // namespace

// What all ResultStores of one directory in one process share.
class StoreCore {
 public:
  StoreCore(std::string directory, ResultStoreOptions options)
      : directory(std::move(directory)), files(this->directory, options.write_point) {}
  StoreCore(const StoreCore&) = delete;
  StoreCore& operator=(const StoreCore&) = delete;
  ~StoreCore() {
    index.reset();
    if (lock_fd_ >= 0) close(lock_fd_);
  }

  absl::Status Open(const ResultStoreOptions& options) {
    if (absl::Status status = CheckFormat(directory, options.write_point); !status.ok()) {
      return status;
    }
    if (absl::Status status = OpenLock(); !status.ok()) return status;
    if (absl::Status status = files.Prepare(); !status.ok()) return status;
    auto opened = Index::Open(directory + "/index", options.initial_map_bytes, options.write_point);
    if (!opened.ok()) return opened.status();
    index = *std::move(opened);
    return absl::OkStatus();
  }

  // True if no other process has the store open; it then stays out until Share().
  bool TryExclude() { return SetLock(F_WRLCK, F_OFD_SETLK); }
  // Admits other processes again.
  bool Share() { return SetLock(F_RDLCK, F_OFD_SETLKW); }

  const std::string directory;
  ValueFiles files;
  std::unique_ptr<Index> index;
  // Stores in this process; guarded by the registry's mutex.
  int references = 0;

 private:
  // Open file description locks: upgrading one either succeeds or leaves the shared lock in place,
  // and closing an unrelated descriptor of the file does not drop it.
  bool SetLock(short type, int command) {
    struct flock lock = {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    int code = 0;
    do {
      code = fcntl(lock_fd_, command, &lock);
    } while (code != 0 && errno == EINTR);
    return code == 0;
  }

  absl::Status OpenLock() {
    const std::string path = directory + "/lock";
    lock_fd_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (lock_fd_ < 0) return absl::ErrnoToStatus(errno, absl::StrCat("opening ", path));
    if (TryExclude()) files.PurgeAll();
    if (!Share()) return absl::ErrnoToStatus(errno, absl::StrCat("locking ", path));
    return absl::OkStatus();
  }

  int lock_fd_ = -1;
};

namespace {

// The stores that this process has open: LMDB allows one environment per file and process.
class Registry {
 public:
  static Registry& Get() {
    static Registry* const registry = new Registry;
    return *registry;
  }

  absl::StatusOr<StoreCore*> Acquire(const std::string& directory,
                                     const ResultStoreOptions& options) {
    MutexLock lock(&mu_);
    struct stat info;
    if (stat(directory.c_str(), &info) != 0) {
      return absl::ErrnoToStatus(errno, absl::StrCat("opening the store ", directory));
    }
    std::unique_ptr<StoreCore>& slot = cores_[{info.st_dev, info.st_ino}];
    if (slot == nullptr) {
      auto core = std::make_unique<StoreCore>(directory, options);
      if (absl::Status status = core->Open(options); !status.ok()) {
        cores_.erase({info.st_dev, info.st_ino});
        return status;
      }
      slot = std::move(core);
    }
    ++slot->references;
    return slot.get();
  }

  void Release(StoreCore* core) {
    MutexLock lock(&mu_);
    if (--core->references > 0) return;
    for (auto it = cores_.begin(); it != cores_.end(); ++it) {
      if (it->second.get() == core) {
        cores_.erase(it);
        return;
      }
    }
  }

  bool IsShared(StoreCore* core) {
    MutexLock lock(&mu_);
    return core->references > 1;
  }

 private:
  Mutex mu_;
  std::map<DirectoryId, std::unique_ptr<StoreCore>> cores_ ABSL_GUARDED_BY(mu_);
};

absl::Status PutInlineValue(Transaction& transaction, const Digest& digest,
                            std::string_view bytes) {
  return transaction.Put(Table::kValues, EncodeDigest(digest), bytes);
}

}  // namespace
}  // namespace dag_internal

using dag_internal::EncodeDigest;
using dag_internal::Registry;
using dag_internal::Table;
using dag_internal::Transaction;

absl::StatusOr<std::unique_ptr<ResultStore>> ResultStore::Open(const std::string& directory,
                                                               ResultStoreOptions options) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) {
    return absl::ErrnoToStatus(error.value(), absl::StrCat("creating the store ", directory));
  }
  absl::StatusOr<dag_internal::StoreCore*> core = Registry::Get().Acquire(directory, options);
  if (!core.ok()) return core.status();
  return std::unique_ptr<ResultStore>(new ResultStore(directory, *core));
}

ResultStore::~ResultStore() { Registry::Get().Release(core_); }

absl::StatusOr<Digest> ResultStore::PutValue(std::string_view bytes) {
  const Digest digest = DigestOf(bytes);
  const absl::Status status =
      digest.size > kMaxInlineSize
          ? core_->files.Put(digest, bytes)
          : core_->index->Write([&](Transaction& transaction) {
              return dag_internal::PutInlineValue(transaction, digest, bytes);
            });
  if (!status.ok()) return status;
  return digest;
}

absl::StatusOr<std::optional<std::string>> ResultStore::GetValue(const Digest& digest) {
  if (digest.size > kMaxInlineSize) return core_->files.Get(digest);
  std::optional<std::string> bytes;
  absl::Status status = core_->index->Read([&](Transaction& transaction) {
    bytes.reset();
    auto found = transaction.Get(Table::kValues, EncodeDigest(digest));
    if (found.ok() && found->has_value()) bytes.emplace(**found);
    return found.status();
  });
  if (!status.ok()) return status;
  if (!bytes.has_value() || DigestOf(*bytes) == digest) return bytes;
  status = core_->index->Write([&](Transaction& transaction) {
    return transaction.Erase(Table::kValues, EncodeDigest(digest));
  });
  if (!status.ok()) return status;
  return std::optional<std::string>();
}

absl::StatusOr<bool> ResultStore::HasValue(const Digest& digest) {
  if (digest.size > kMaxInlineSize) return core_->files.Verify(digest);
  absl::StatusOr<std::optional<std::string>> bytes = GetValue(digest);
  if (!bytes.ok()) return bytes.status();
  return bytes->has_value();
}

absl::Status ResultStore::PutResult(const Digest& key, const StoredResult& result,
                                    absl::Span<const std::string_view> values,
                                    const RunRecord* run) {
  WEFT_CHECK(values.size() == result.outputs.size())
      << "ResultStore::PutResult: expected one value for each of " << result.outputs.size()
      << " outputs, found " << values.size();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Digest& digest = result.outputs[i].digest;
    WEFT_CHECK(digest.size == static_cast<int64_t>(values[i].size()))
        << "ResultStore::PutResult: output " << i << " has a digest of " << digest.size
        << " bytes and " << values[i].size() << " bytes";
    if (digest.size <= kMaxInlineSize) continue;
    if (absl::Status status = core_->files.Put(digest, values[i]); !status.ok()) return status;
  }
  const std::string record = dag_internal::EncodeResult(result);
  return core_->index->Write([&](Transaction& transaction) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const Digest& digest = result.outputs[i].digest;
      if (digest.size > kMaxInlineSize) continue;
      absl::Status status = dag_internal::PutInlineValue(transaction, digest, values[i]);
      if (!status.ok()) return status;
    }
    if (run != nullptr) {
      absl::Status status =
          transaction.Put(Table::kRuns, dag_internal::RunKey(run->graph, run->step),
                          dag_internal::EncodeRun(run->run));
      if (!status.ok()) return status;
    }
    return transaction.Put(Table::kResults, EncodeDigest(key), record);
  });
}

absl::StatusOr<std::optional<StoredResult>> ResultStore::GetResult(const Digest& key) {
  std::optional<StoredResult> result;
  absl::Status status = core_->index->Read([&](Transaction& transaction) {
    result.reset();
    auto found = transaction.Get(Table::kResults, EncodeDigest(key));
    if (found.ok() && found->has_value()) result = dag_internal::DecodeResult(**found);
    return found.status();
  });
  if (!status.ok()) return status;
  return result;
}

absl::Status ResultStore::EraseResult(const Digest& key) {
  return core_->index->Write([&](Transaction& transaction) {
    return transaction.Erase(Table::kResults, EncodeDigest(key));
  });
}

absl::StatusOr<std::optional<LastRun>> ResultStore::GetLastRun(std::string_view graph,
                                                               std::string_view step) {
  std::optional<LastRun> run;
  absl::Status status = core_->index->Read([&](Transaction& transaction) {
    run.reset();
    auto found = transaction.Get(Table::kRuns, dag_internal::RunKey(graph, step));
    if (found.ok() && found->has_value()) run = dag_internal::DecodeRun(**found);
    return found.status();
  });
  if (!status.ok()) return status;
  return run;
}

absl::Status ResultStore::PutLastRun(const RunRecord& run) {
  return core_->index->Write([&](Transaction& transaction) {
    return transaction.Put(Table::kRuns, dag_internal::RunKey(run.graph, run.step),
                           dag_internal::EncodeRun(run.run));
  });
}

absl::StatusOr<StoreStats> ResultStore::Stats() {
  StoreStats stats;
  absl::Status status = core_->index->Read([&](Transaction& transaction) {
    stats = StoreStats();
    absl::StatusOr<int64_t> results = transaction.Count(Table::kResults);
    if (!results.ok()) return results.status();
    stats.results = *results;
    return transaction.ForEachKey(Table::kValues, [&](std::string_view key) {
      ++stats.inline_values;
      if (const auto digest = dag_internal::DecodeDigest(key)) stats.inline_bytes += digest->size;
    });
  });
  if (!status.ok()) return status;
  const dag_internal::FileCount values = core_->files.CountValues();
  stats.file_values = values.files;
  stats.file_bytes = values.bytes;
  stats.retired_bytes = core_->files.CountRetired().bytes;
  struct stat info;
  if (stat((core_->directory + "/index").c_str(), &info) == 0) stats.index_bytes = info.st_size;
  return stats;
}

absl::StatusOr<ClearedStore> ResultStore::Clear() {
  absl::StatusOr<StoreStats> before = Stats();
  if (!before.ok()) return before.status();
  absl::Status status = core_->index->Write([](Transaction& transaction) {
    for (const Table table : {Table::kResults, Table::kRuns, Table::kValues}) {
      if (absl::Status emptied = transaction.Empty(table); !emptied.ok()) return emptied;
    }
    return absl::OkStatus();
  });
  if (status.ok()) status = core_->files.Retire();
  if (!status.ok()) return status;
  ClearedStore cleared;
  cleared.results = before->results;
  cleared.values = before->inline_values + before->file_values;
  cleared.bytes = before->inline_bytes + before->file_bytes;
  cleared.deferred = Registry::Get().IsShared(core_) || !core_->TryExclude();
  if (!cleared.deferred) {
    core_->files.PurgeRetired();
    core_->Share();
  }
  return cleared;
}

}  // namespace weft

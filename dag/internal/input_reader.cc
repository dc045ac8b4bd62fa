#include "dag/internal/input_reader.h"

#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "dag/internal/blocking.h"
#include "dag/tree.h"
#include "future/or_return.h"

namespace weft::dag_internal {
namespace {

absl::Status Annotate(const absl::Status& status, const InputSpec& input) {
  return absl::Status(status.code(),
                      absl::StrCat("input \"", input.name, "\": ", status.message()));
}

absl::StatusOr<Blob> ReadTree(const TreeInput& tree) {
  absl::StatusOr<std::vector<ListedFile>> entries = ListTree(tree);
  if (!entries.ok()) return entries.status();
  return Blob(FormatTree(*entries));
}

}  // namespace

Task<absl::StatusOr<Blob>> InputReader::Read(Executor& executor, const InputSpec& input) {
  absl::StatusOr<Blob> blob = Blob();
  if (const auto* literal = std::get_if<LiteralInput>(&input.source)) {
    blob = Blob(literal->text);
  } else if (const auto* file = std::get_if<FileInput>(&input.source)) {
    blob = co_await RunBlocking(executor, [this, file] { return ReadFile(file->path); });
  } else if (const auto* tree = std::get_if<TreeInput>(&input.source)) {
    blob = co_await RunBlocking(executor, [tree] { return ReadTree(*tree); });
  } else if (const auto* url = std::get_if<UrlInput>(&input.source)) {
    blob = co_await ReadUrl(url->url);
  }
  if (!blob.ok()) co_return Annotate(blob.status(), input);
  co_return blob;
}

absl::StatusOr<Blob> InputReader::ReadFile(const std::string& path) {
  {
    MutexLock lock(&mu_);
    const auto known = file_digests_.find(path);
    if (known != file_digests_.end()) {
      if (!known->second.ok()) return known->second.status();
      return FileBlob(path, *known->second);
    }
  }
  absl::StatusOr<Digest> hashed = DigestOfFile(path);
  MutexLock lock(&mu_);
  // Another step may have hashed the file meanwhile: the first answer counts for all.
  const absl::StatusOr<Digest>& digest =
      file_digests_.emplace(path, std::move(hashed)).first->second;
  if (!digest.ok()) return digest.status();
  return FileBlob(path, *digest);
}

Task<absl::StatusOr<Blob>> InputReader::ReadUrl(std::string url) {
  if (!fetch_url_) {
    co_return absl::FailedPreconditionError(
        absl::StrCat("cannot fetch ", url, ": this program has no HTTP client"));
  }
  std::string body = co_await OrReturn(co_await fetch_url_(url));
  co_return Blob(std::move(body));
}

}  // namespace weft::dag_internal

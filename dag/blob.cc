#include "dag/blob.h"

#include <cerrno>
#include <fstream>
#include <sstream>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "dag/internal/blocking.h"

namespace weft {

Blob::Blob(std::string bytes)
    : digest_(DigestOf(bytes)), bytes_(std::make_shared<const std::string>(std::move(bytes))) {}

absl::StatusOr<Blob::Bytes> Blob::Load() const {
  if (bytes_ != nullptr) return bytes_;
  absl::StatusOr<std::string> read = (*loader_)();
  if (!read.ok()) return read.status();
  const Digest found = DigestOf(*read);
  if (found != digest_) {
    return absl::DataLossError(absl::StrCat("reading a value: expected ", digest_.ToString(),
                                            ", found ", found.ToString()));
  }
  return std::make_shared<const std::string>(*std::move(read));
}

Task<absl::StatusOr<Blob::Bytes>> LoadBlob(Executor& executor, Blob blob) {
  if (blob.bytes() != nullptr) co_return blob.bytes();
  co_return co_await dag_internal::RunBlocking(executor, [&blob] { return blob.Load(); });
}

Blob FileBlob(std::string path, Digest digest) {
  return Blob(digest, [path = std::move(path), digest]() -> absl::StatusOr<std::string> {
    std::ifstream file(path, std::ios::binary);
    if (!file) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
    std::stringstream bytes;
    bytes << file.rdbuf();
    std::string text = std::move(bytes).str();
    if (DigestOf(text) != digest) {
      return absl::AbortedError(
          absl::StrCat(path, " changed while the graph was running; run it again"));
    }
    return text;
  });
}

}  // namespace weft

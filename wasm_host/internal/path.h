// wasm_host/internal/path.h — which files a grant covers, and how they are opened without being led
// astray.
//
// Paths are compared segment by segment in a normal form without "." and empty segments; ".." is
// refused, never resolved. A symbolic link below the root of a grant is refused when the file is
// opened, so that the path that was compared is the path that is read.
#ifndef WEFT_WASM_HOST_INTERNAL_PATH_H_
#define WEFT_WASM_HOST_INTERNAL_PATH_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace weft::wasm_host_internal {

using Segments = std::vector<std::string>;

// The segments of `path`, which is absolute or counts from `directory` (itself absolute).
// Errors: InvalidArgument for an empty path, a NUL byte, or a segment "..".
absl::StatusOr<Segments> NormalPath(std::string_view directory, std::string_view path);

// "/a/b".
std::string JoinPath(absl::Span<const std::string> segments);

// Whether `path` matches `glob`, both as segments: `*` and `?` stay within one segment, `**` stands
// for any number of segments, everything else for itself.
bool MatchesGlob(absl::Span<const std::string> glob, absl::Span<const std::string> path);

// One grant: a directory that is trusted as it is, and a glob below it.
struct PathGrant {
  Segments root;
  Segments glob;
};

// A grant counts from `directory`, or is absolute: then its root are the segments before the first
// one with a wildcard, the last segment excepted. Errors: as NormalPath.
absl::StatusOr<PathGrant> ParsePathGrant(std::string_view directory, std::string_view scope);

// Whether the grant covers the path.
bool Covers(const PathGrant& grant, const Segments& path);

// Opens a file below `root` for reading without following symbolic links below it, and without
// blocking on a FIFO. Returns the descriptor, or -errno: -ELOOP for a symbolic link.
int OpenBeneath(const std::string& root, absl::Span<const std::string> below);

// The same for kernels without openat2 (before 5.6, or forbidden by a sandbox).
int OpenBeneathStepwise(const std::string& root, absl::Span<const std::string> below);

}  // namespace weft::wasm_host_internal

#endif  // WEFT_WASM_HOST_INTERNAL_PATH_H_

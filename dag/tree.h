// dag/tree.h — the files below a directory that a TreeInput takes, with their digests.
//
// A listing is text: for each file, in the order of their paths (bytes compared), one line
// "HASH/SIZE PATH". Two trees have equal listings if and only if they have the same files with the
// same contents; times and permissions do not count. A path with a line break is refused.
//
//   Blocks           Both functions read the file system: call them from the blocking pool.
//   Errors           NotFound for a root that is no directory; FailedPrecondition for a symbolic
//                    link where they are refused, and for a path with a line break.
#ifndef WEFT_DAG_TREE_H_
#define WEFT_DAG_TREE_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "dag/digest.h"
#include "dag/spec.h"

namespace weft {

// One file of a tree; `path` counts from the root and uses '/'.
struct ListedFile {
  std::string path;
  Digest digest;

  friend bool operator==(const ListedFile&, const ListedFile&) = default;
};

// Walks the tree and hashes what it takes.
absl::StatusOr<std::vector<ListedFile>> ListTree(const TreeInput& tree);

// The listing of `entries`.
std::string FormatTree(const std::vector<ListedFile>& entries);

// The inverse of FormatTree. Errors: InvalidArgument with the number of the line.
absl::StatusOr<std::vector<ListedFile>> ParseTree(std::string_view listing);

// Whether `path` matches `glob`: '?' stands for one byte and '*' for any number of bytes within a
// segment, '**' as a whole segment for any number of segments. Every other byte stands for itself.
bool MatchesGlob(std::string_view glob, std::string_view path);

}  // namespace weft

#endif  // WEFT_DAG_TREE_H_

#include "dag/tree.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kTextProbe = 8192;

// Matches within one segment, with one point to return to: O(|glob| * |text|).
bool MatchesSegment(std::string_view glob, std::string_view text) {
  std::size_t g = 0, t = 0, star = std::string_view::npos, retry = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      retry = t;
    } else if (g < glob.size() && (glob[g] == '?' || glob[g] == text[t])) {
      ++g;
      ++t;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      t = ++retry;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

std::vector<std::string_view> Segments(std::string_view path) {
  std::vector<std::string_view> segments;
  while (true) {
    const std::size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

bool MatchesAny(const std::vector<std::string>& globs, std::string_view path) {
  return std::any_of(globs.begin(), globs.end(),
                     [&](const std::string& glob) { return MatchesGlob(glob, path); });
}

absl::StatusOr<bool> IsText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  std::string probe(kTextProbe, '\0');
  file.read(probe.data(), static_cast<std::streamsize>(probe.size()));
  probe.resize(static_cast<std::size_t>(file.gcount()));
  return probe.find('\0') == std::string::npos;
}

// One walk. Directories that are excluded as a whole ("out/**") are not entered.
class Walk {
 public:
  explicit Walk(const TreeInput& tree) : tree_(tree) {}

  absl::StatusOr<std::vector<ListedFile>> Run() {
    std::error_code error;
    if (!fs::is_directory(tree_.root, error)) {
      return absl::NotFoundError(absl::StrCat("the tree ", tree_.root, " is no directory"));
    }
    std::vector<std::string> pending = {""};
    while (!pending.empty()) {
      const std::string directory = std::move(pending.back());
      pending.pop_back();
      if (absl::Status status = Visit(directory, &pending); !status.ok()) return status;
    }
    std::sort(entries_.begin(), entries_.end(),
              [](const ListedFile& a, const ListedFile& b) { return a.path < b.path; });
    return std::move(entries_);
  }

 private:
  absl::Status Visit(const std::string& directory, std::vector<std::string>* pending) {
    std::error_code error;
    const std::string absolute = tree_.root + "/" + directory;
    for (fs::directory_iterator it(absolute, error), end; !error && it != end;
         it.increment(error)) {
      const std::string path = directory + it->path().filename().string();
      std::error_code ignored;
      const fs::file_status status = it->symlink_status(ignored);
      if (fs::is_directory(status)) {
        if (!IsPruned(path)) pending->push_back(path + "/");
      } else if (Takes(path)) {
        absl::Status added = Add(path, status);
        if (!added.ok()) return added;
      }
    }
    if (error) {
      return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot list ", absolute));
    }
    return absl::OkStatus();
  }

  // True if every file below `directory` is excluded.
  bool IsPruned(const std::string& directory) const {
    return std::any_of(tree_.exclude.begin(), tree_.exclude.end(), [&](const std::string& glob) {
      constexpr std::string_view kAllBelow = "/**";
      if (glob.size() <= kAllBelow.size() || !std::string_view(glob).ends_with(kAllBelow)) {
        return false;
      }
      return MatchesGlob(std::string_view(glob).substr(0, glob.size() - kAllBelow.size()),
                         directory);
    });
  }

  bool Takes(const std::string& path) const {
    if (!tree_.globs.empty() && !MatchesAny(tree_.globs, path)) return false;
    return !MatchesAny(tree_.exclude, path);
  }

  absl::Status Add(const std::string& path, const fs::file_status& status) {
    const std::string absolute = tree_.root + "/" + path;
    if (fs::is_symlink(status)) {
      if (tree_.symlinks == TreeSymlinks::kSkip) return absl::OkStatus();
      return absl::FailedPreconditionError(absl::StrCat(
          "the tree holds the symbolic link ", absolute, "; exclude it, or say symlinks: SKIP"));
    }
    if (!fs::is_regular_file(status)) return absl::OkStatus();
    if (path.find('\n') != std::string::npos) {
      return absl::FailedPreconditionError(
          absl::StrCat("the tree holds a path with a line break: ", absolute, "; exclude it"));
    }
    if (tree_.files == TreeFiles::kTextOnly) {
      absl::StatusOr<bool> is_text = IsText(absolute);
      if (!is_text.ok()) return is_text.status();
      if (!*is_text) return absl::OkStatus();
    }
    absl::StatusOr<Digest> digest = DigestOfFile(absolute);
    if (!digest.ok()) return digest.status();
    entries_.push_back({path, *digest});
    return absl::OkStatus();
  }

  const TreeInput& tree_;
  std::vector<ListedFile> entries_;
};

}  // namespace

bool MatchesGlob(std::string_view glob, std::string_view path) {
  // The same walk as in MatchesSegment, one segment at a time, with "**" in the place of '*'.
  const std::vector<std::string_view> globs = Segments(glob), parts = Segments(path);
  std::size_t g = 0, p = 0, retry = 0;
  std::optional<std::size_t> star;
  while (p < parts.size()) {
    if (g < globs.size() && globs[g] == "**") {
      star = g++;
      retry = p;
    } else if (g < globs.size() && MatchesSegment(globs[g], parts[p])) {
      ++g;
      ++p;
    } else if (star.has_value()) {
      g = *star + 1;
      p = ++retry;
    } else {
      return false;
    }
  }
  while (g < globs.size() && globs[g] == "**") ++g;
  return g == globs.size();
}

absl::StatusOr<std::vector<ListedFile>> ListTree(const TreeInput& tree) { return Walk(tree).Run(); }

std::string FormatTree(const std::vector<ListedFile>& entries) {
  std::string listing;
  for (const ListedFile& entry : entries) {
    absl::StrAppend(&listing, entry.digest.ToString(), " ", entry.path, "\n");
  }
  return listing;
}

absl::StatusOr<std::vector<ListedFile>> ParseTree(std::string_view listing) {
  std::vector<ListedFile> entries;
  while (!listing.empty()) {
    const std::size_t end = listing.find('\n');
    const std::string_view line = listing.substr(0, end);
    const std::size_t space = line.find(' ');
    std::optional<Digest> digest;
    if (space != std::string_view::npos) digest = Digest::Parse(line.substr(0, space));
    if (end == std::string_view::npos || !digest.has_value() || space + 1 == line.size()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "line ", entries.size() + 1, " of a listing: expected \"HASH/SIZE PATH\", found \"",
          std::string(line), "\""));
    }
    entries.push_back({std::string(line.substr(space + 1)), *digest});
    listing.remove_prefix(end + 1);
  }
  return entries;
}

}  // namespace weft

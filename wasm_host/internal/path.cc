#include "wasm_host/internal/path.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"

namespace weft::wasm_host_internal {
namespace {

constexpr int kFileFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
constexpr int kDirectoryFlags = O_PATH | O_DIRECTORY | O_CLOEXEC;

// Appends the segments of `path`. Returns whether none is "..".
bool AppendSegments(std::string_view path, Segments& out) {
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    if (segment == "..") return false;
    if (!segment.empty() && segment != ".") out.emplace_back(segment);
  }
  return true;
}

bool HasWildcard(std::string_view segment) {
  return segment.find_first_of("*?") != std::string_view::npos;
}

bool MatchesSegment(std::string_view glob, std::string_view text) {
  std::size_t g = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;  // the last `*`, and where its match ends
  std::size_t star_end = 0;
  while (t < text.size()) {
    if (g < glob.size() && (glob[g] == '?' || (glob[g] != '*' && glob[g] == text[t]))) {
      ++g;
      ++t;
    } else if (g < glob.size() && glob[g] == '*') {
      star = g++;
      star_end = t;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      t = ++star_end;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

// A descriptor that is closed at the end of the scope.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }
  void Reset(int fd) {
    if (fd_ >= 0) close(fd_);
    fd_ = fd;
  }

 private:
  int fd_;
};

std::string RelativePath(absl::Span<const std::string> below) {
  std::string path;
  for (const std::string& segment : below) {
    if (!path.empty()) path += '/';
    path += segment;
  }
  return path;
}

}  // namespace

absl::StatusOr<Segments> NormalPath(std::string_view directory, std::string_view path) {
  const auto refuse = [&](std::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat("expected a path without \"..\" and NUL, found ",
                                                   absl::string_view(what.data(), what.size())));
  };
  if (path.empty()) return refuse("the empty path");
  if (path.find('\0') != std::string_view::npos) return refuse("a NUL byte in it");
  Segments segments;
  const bool is_absolute = path.front() == '/';
  if (!is_absolute && !AppendSegments(directory, segments)) return refuse(directory);
  if (!AppendSegments(path, segments)) return refuse(path);
  return segments;
}

std::string JoinPath(absl::Span<const std::string> segments) {
  std::string path;
  for (const std::string& segment : segments) absl::StrAppend(&path, "/", segment);
  return path.empty() ? "/" : path;
}

bool MatchesGlob(absl::Span<const std::string> glob, absl::Span<const std::string> path) {
  // As MatchesSegment, with "**" for the star and whole segments for characters: no recursion, so
  // that no pattern takes exponential time.
  std::size_t g = 0;
  std::size_t p = 0;
  std::size_t star = glob.size();
  std::size_t star_end = 0;
  while (p < path.size()) {
    if (g < glob.size() && glob[g] != "**" && MatchesSegment(glob[g], path[p])) {
      ++g;
      ++p;
    } else if (g < glob.size() && glob[g] == "**") {
      star = g++;
      star_end = p;
    } else if (star != glob.size()) {
      g = star + 1;
      p = ++star_end;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == "**") ++g;
  return g == glob.size();
}

absl::StatusOr<PathGrant> ParsePathGrant(std::string_view directory, std::string_view scope) {
  PathGrant grant;
  absl::StatusOr<Segments> segments = NormalPath("", scope);
  if (!segments.ok()) return segments.status();
  if (scope.front() != '/') {
    absl::StatusOr<Segments> root = NormalPath("/", directory);
    if (!root.ok()) return root.status();
    return PathGrant{*std::move(root), *std::move(segments)};
  }
  const auto last = segments->empty() ? segments->end() : segments->end() - 1;
  const auto first_glob = std::find_if(segments->begin(), last, HasWildcard);
  return PathGrant{Segments(segments->begin(), first_glob), Segments(first_glob, segments->end())};
}

bool Covers(const PathGrant& grant, const Segments& path) {
  if (path.size() < grant.root.size()) return false;
  if (!std::equal(grant.root.begin(), grant.root.end(), path.begin())) return false;
  return MatchesGlob(grant.glob, absl::MakeConstSpan(path).subspan(grant.root.size()));
}

int OpenBeneath(const std::string& root, absl::Span<const std::string> below) {
  if (below.empty()) return -EISDIR;
  const Descriptor directory(open(root.c_str(), kDirectoryFlags));
  if (directory.get() < 0) return -errno;
  open_how how{};
  how.flags = kFileFlags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const std::string path = RelativePath(below);
  const long fd = syscall(SYS_openat2, directory.get(), path.c_str(), &how, sizeof(how));
  if (fd >= 0) return static_cast<int>(fd);
  if (errno == ENOSYS || errno == EPERM) return OpenBeneathStepwise(root, below);
  return -errno;
}

int OpenBeneathStepwise(const std::string& root, absl::Span<const std::string> below) {
  Descriptor directory(open(root.c_str(), kDirectoryFlags));
  if (directory.get() < 0) return -errno;
  if (below.empty()) return -EISDIR;
  for (const std::string& segment : below.first(below.size() - 1)) {
    // O_PATH with O_NOFOLLOW opens a link itself; O_DIRECTORY then refuses it with ENOTDIR.
    const int next = openat(directory.get(), segment.c_str(), kDirectoryFlags | O_NOFOLLOW);
    if (next < 0) {
      if (errno != ENOTDIR) return -errno;
      char target;
      const bool is_link = readlinkat(directory.get(), segment.c_str(), &target, 1) >= 0;
      return is_link ? -ELOOP : -ENOTDIR;
    }
    directory.Reset(next);
  }
  const int fd = openat(directory.get(), below.back().c_str(), kFileFlags | O_NOFOLLOW);
  return fd < 0 ? -errno : fd;
}

}  // namespace weft::wasm_host_internal

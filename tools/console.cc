#include "tools/console.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "base/instant.h"

namespace weft::tools {
namespace {

constexpr absl::Duration kRedrawEvery = absl::Milliseconds(100);
constexpr std::string_view kClearLine = "\r\x1b[K";
constexpr int kDefaultWidth = 80;

int TerminalWidth(int fd) {
  struct winsize size;
  if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kDefaultWidth;
  return size.ws_col;
}

}  // namespace

Console::Console(int fd, Status status)
    : fd_(fd),
      status_(std::move(status)),
      unparker_(parker_.unparker()),
      thread_([this] { Loop(); }) {}

Console::~Console() { Finish(); }

void Console::Print(std::string line) {
  {
    MutexLock lock(&mu_);
    if (pending_.size() < kMaxPending) {
      pending_.push_back(std::move(line));
    } else {
      ++left_out_;
    }
  }
  unparker_.Unpark();
}

void Console::Finish() {
  {
    MutexLock lock(&mu_);
    if (finished_) return;
    finished_ = true;
  }
  unparker_.Unpark();
  thread_.join();
}

bool Console::TakeLines(std::string* lines) {
  MutexLock lock(&mu_);
  for (const std::string& line : pending_) absl::StrAppend(lines, Printable(line), "\n");
  pending_.clear();
  if (left_out_ > 0) absl::StrAppend(lines, "(", left_out_, " lines left out)\n");
  left_out_ = 0;
  return finished_;
}

void Console::Loop() {
  while (true) {
    std::string out;
    const bool finished = TakeLines(&out);
    if (status_) {
      const int width = TerminalWidth(fd_);
      out = absl::StrCat(std::string(kClearLine), out, finished ? "" : status_(width));
    }
    Write(out);
    if (finished) return;
    if (status_) {
      parker_.ParkUntil(MonotonicNow() + kRedrawEvery);
    } else {
      parker_.Park();
    }
  }
}

void Console::Write(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t written = write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    // Nobody reads any more: what is left has no addressee.
    if (written < 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::string Printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7F) {
      absl::StrAppendFormat(&out, "\\x%02x", byte);
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::string FitToWidth(std::string_view text, int width) {
  if (width <= 0) return "";
  // Where each column begins; a continuation byte of UTF-8 begins none.
  int columns = 0;
  std::size_t cut = 0;
  const int kept = width > 3 ? width - 3 : 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
    if (columns == kept) cut = i;
    ++columns;
  }
  if (columns <= width) return std::string(text);
  return absl::StrCat(std::string(text.substr(0, cut)), std::string(3, '.').substr(0, width));
}

}  // namespace weft::tools

// tools/console.h — lines and a status line on standard error, written by a thread of its own.
//
// A terminal that is stopped, or a pipe that nobody reads, blocks only that thread: Print() never
// blocks its caller.
#ifndef WEFT_TOOLS_CONSOLE_H_
#define WEFT_TOOLS_CONSOLE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "parker/parker.h"

namespace weft::tools {

// Thread-safe.
class Console {
 public:
  // The text of the status line for a terminal of `width` columns.
  using Status = std::function<std::string(int width)>;

  // Writes to the descriptor `fd`. With a `status`, draws it below the lines ten times a second;
  // without one, the thread sleeps until there is a line.
  Console(int fd, Status status);
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;
  // Finish().
  ~Console();

  // Queues a line (without its line break), made Printable(), for writing. Of more than kMaxPending
  // lines that wait, the rest is counted and left out.
  void Print(std::string line);

  // Writes what waits, removes the status line, and ends the thread. Idempotent.
  void Finish();

  static constexpr std::size_t kMaxPending = 4096;

 private:
  void Loop();
  // Takes the waiting lines; returns whether Finish was called.
  bool TakeLines(std::string* lines);
  void Write(std::string_view bytes) const;

  const int fd_;
  const Status status_;
  Mutex mu_;
  std::deque<std::string> pending_ ABSL_GUARDED_BY(mu_);
  int64_t left_out_ ABSL_GUARDED_BY(mu_) = 0;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  // Of the thread below; it parks there.
  Parker parker_;
  const Unparker unparker_;
  std::thread thread_;
};

// `text` with each control character but line break and tab as "\\xNN": what a step says cannot
// steer a terminal.
std::string Printable(std::string_view text);

// Shortens `text` to `width` columns, counting code points, with "..." at the end where it was cut.
std::string FitToWidth(std::string_view text, int width);

}  // namespace weft::tools

#endif  // WEFT_TOOLS_CONSOLE_H_

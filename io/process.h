// io/process.h — run a program and collect what it says.
//
//   weft::ProcessOptions options;
//   options.argv = {"sort", "-u"};
//   options.stdin_bytes = text;
//   absl::StatusOr<weft::ProcessResult> sorted = co_await weft::RunProcess(reactor, options);
//
// Guarantees
//   Group         The program is the leader of a process group of its own. When it has ended, for
//                 whatever reason, the rest of the group is killed: no background job survives the
//                 future. A process that leaves the group (setsid) is beyond reach, and its output
//                 is not waited for.
//   Descriptors   The program sees 0, 1 and 2 and no other descriptor of this process. It starts
//                 with default signal handling and nothing blocked.
//   Cancellation  SIGTERM to the group; SIGKILL to what is left of it when the leader has ended or
//                 `kill_grace` has passed. The future answers kStopped once the leader is reaped.
//                 If the program had ended by itself, its result is answered instead.
//   Errors        NOT_FOUND: no such program, or no such directory. PERMISSION_DENIED: not
//                 executable. INVALID_ARGUMENT: no argv, or a NUL byte. RESOURCE_EXHAUSTED: more
//                 output than allowed, out of processes or descriptors, or no room to wait for the
//                 program. std::bad_alloc: out of memory. With either the group has been killed
//                 and the leader reaped by then.
//                 A program that runs and fails is no error: look at the result.
//   Blocks        Never the worker: the start is a job of the blocking pool.
//   Resumes on    The executor that polls; completions come from the reactor.
#ifndef WEFT_IO_PROCESS_H_
#define WEFT_IO_PROCESS_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "future/context.h"
#include "future/poll.h"
#include "reactor/reactor.h"

namespace weft {

struct ProcessOptions {
  // The program and its arguments. A program without a slash is looked up in the PATH of this
  // process; a relative one with a slash counts from `directory`.
  std::vector<std::string> argv;
  // "NAME=value" each. None: the environment of this process.
  std::optional<std::vector<std::string>> environment;
  // Where the program starts. Empty: where this process is.
  std::string directory;
  // What the program reads from its standard input.
  std::string stdin_bytes;
  // Longer output is an error.
  size_t max_stdout_bytes = size_t{1} << 30;
  size_t max_stderr_bytes = size_t{1} << 30;
  // Between SIGTERM and SIGKILL when cancelled.
  absl::Duration kill_grace = absl::Seconds(2);
};

struct ProcessResult {
  // What the program returned; -1 if a signal ended it.
  int exit_code = 0;
  // The signal that ended the program, or 0.
  int signal = 0;
  std::string stdout_bytes;
  std::string stderr_bytes;

  bool ok() const { return exit_code == 0; }
};

// The future of one run. Movable before the first poll; not safe to drop after it.
class [[nodiscard]] RunProcess {
 public:
  using Output = absl::StatusOr<ProcessResult>;

  // `reactor` must outlive the future. Nothing happens before the first poll.
  RunProcess(Reactor& reactor, ProcessOptions options);
  RunProcess(RunProcess&&) noexcept;
  ~RunProcess();

  Poll<Output> poll(Context& cx);

 private:
  class Run;

  std::unique_ptr<Run> run_;
};

}  // namespace weft

#endif  // WEFT_IO_PROCESS_H_

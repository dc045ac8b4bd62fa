// io/dump_on_signal.h — what all tasks do, written whenever a signal comes.
//
//   absl::StatusOr<weft::JoinHandle<void>> dumps =
//       weft::DumpTasksOnSignal(runtime, runtime.reactor(), {.format = &weft::ToJson});
//
//   $ kill -USR1 4711
//
// The executor lists its tasks: the runtime was made with `track_tasks = weft::TaskTracking::kOn`.
//
//   Signals          Taken from the call on, until the task ends; then they have the actions back
//                    that they had before. Each gives a dump of its own, one after the other; the
//                    kernel may merge those that come within microseconds.
//   The dump         Is taken by a task, which is in it, as running. A runtime all of whose workers
//                    are stuck writes nothing: then look by a debugger (tools/gdb/weft.py).
//   Errors           Precondition (checked): the executor lists its tasks. Fails as
//                    SignalWatcher::Create(). A dump that cannot be written is handed to on_error,
//                    and the next signal is waited for; bad_alloc while a signal is awaited or
//                    a dump is taken ends the task, and its joiner is told.
//   Blocks           Never a worker: dumps are formatted and written where blocking is allowed.
//   Cancellation     By the handle, or by the executor's token. It never ends by itself, so cancel
//                    it before a Shutdown(kDrain). A dump that is being written then is finished.
//   Lifetime         Executor and reactor outlive the task.
#ifndef WEFT_IO_DUMP_ON_SIGNAL_H_
#define WEFT_IO_DUMP_ON_SIGNAL_H_

#include <signal.h>

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "future/executor.h"
#include "future/spawn.h"
#include "future/task_dump.h"
#include "reactor/reactor.h"

namespace weft {

// Where dumps go. Called with one whole dump at a time, on a thread that may block.
using DumpWriter = std::function<absl::Status(std::string_view)>;

// Appends to an open descriptor, which stays the caller's and stays open. One that does not block
// is waited for.
DumpWriter DumpToDescriptor(int descriptor);

// Replaces the file at `path`, as a whole: the latest dump is in it.
DumpWriter DumpToFile(std::string path);

struct DumpOnSignalOptions {
  int signal = SIGUSR1;
  // Or &ToJson, of future/task_dump_json.h. A line end is added if it has none.
  std::string (*format)(const TaskDump&) = &ToText;
  TaskDumpOptions limits = {};
  // Empty: to standard error.
  DumpWriter write = nullptr;
  // Called where `write` was, with what it answered or threw. Must not throw. Empty: a line on
  // standard error.
  std::function<void(const absl::Status&)> on_error = nullptr;
};

// See the head of the file. The handle may be dropped.
absl::StatusOr<JoinHandle<void>> DumpTasksOnSignal(Executor& executor, Reactor& reactor,
                                                   DumpOnSignalOptions options = {});

}  // namespace weft

#endif  // WEFT_IO_DUMP_ON_SIGNAL_H_

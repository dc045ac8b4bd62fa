#include "io/dump_on_signal.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <iostream>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "future/task.h"
#include "io/blocking_file.h"
#include "io/signal.h"

namespace weft {
namespace {

absl::Status WriteAll(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(descriptor, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      pollfd until_writable = {.fd = descriptor, .events = POLLOUT, .revents = 0};
      (void)poll(&until_writable, 1, -1);
    } else if (errno != EINTR) {
      return absl::ErrnoToStatus(
          errno, absl::StrCat("writing a dump of tasks to descriptor ", descriptor, " failed with ",
                              text.size(), " bytes left"));
    }
  }
  return absl::OkStatus();
}

void PrintError(const absl::Status& status) {
  std::cerr << absl::StrCat("weft::DumpTasksOnSignal(): ", status.ToString(), "\n");
}

absl::Status Write(const DumpOnSignalOptions& options, const TaskDump& dump) {
  try {
    std::string text = options.format(dump);
    if (!text.ends_with('\n')) text += '\n';
    return options.write(text);
  } catch (const std::exception& error) {
    return absl::InternalError(
        absl::StrCat("writing a dump of tasks ended by an exception: ", error.what()));
  }
}

// Where the task's end cannot lose an error.
void WriteOrReport(const std::shared_ptr<const DumpOnSignalOptions>& options,
                   const TaskDump& dump) {
  const absl::Status status = Write(*options, dump);
  if (!status.ok()) options->on_error(status);
}

Task<> DumpAtEach(std::unique_ptr<SignalWatcher> watcher, Executor* executor,
                  std::shared_ptr<const DumpOnSignalOptions> options) {
  while (true) {
    NextSignal next = watcher->Next();
    (void)co_await next;
    JoinHandle<void> written =
        SpawnBlocking(*executor, &WriteOrReport, options, DumpTasks(*executor, options->limits));
    (void)co_await written;
  }
}

}  // namespace

DumpWriter DumpToDescriptor(int descriptor) {
  return [descriptor](std::string_view text) { return WriteAll(descriptor, text); };
}

DumpWriter DumpToFile(std::string path) {
  return [path = std::move(path)](std::string_view text) { return WriteFileBlocking(path, text); };
}

absl::StatusOr<JoinHandle<void>> DumpTasksOnSignal(Executor& executor, Reactor& reactor,
                                                   DumpOnSignalOptions options) {
  WEFT_CHECK(executor.task_registry() != nullptr)
      << "DumpTasksOnSignal(): the executor does not list its tasks; make the runtime with "
         "track_tasks = weft::TaskTracking::kOn";
  if (!options.write) options.write = DumpToDescriptor(STDERR_FILENO);
  if (!options.on_error) options.on_error = &PrintError;
  auto watcher = SignalWatcher::Create(reactor, {options.signal});
  if (!watcher.ok()) return watcher.status();
  auto shared = std::make_shared<const DumpOnSignalOptions>(std::move(options));
  auto task = DumpAtEach(*std::move(watcher), &executor, std::move(shared));
  return Spawn(executor, std::move(task), {.name = "dump tasks on a signal"});
}

}  // namespace weft

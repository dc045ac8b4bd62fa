#include <signal.h>
#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/instant.h"
#include "base/mutex.h"
#include "dag/blob.h"
#include "dag/execute.h"
#include "dag/function.h"
#include "dag/load.h"
#include "dag/run_report.h"
#include "dag/store.h"
#include "future/block_on.h"
#include "future/cancel.h"
#include "future/spawn.h"
#include "future/task.h"
#include "io/signal.h"
#include "runtime/runtime.h"
#include "tools/commands.h"
#include "tools/common.h"
#include "tools/console.h"
#include "tools/functions.h"
#include "tools/history.h"
#include "tools/paths.h"
#include "tools/progress.h"
#include "tools/report.h"

namespace weft::tools {
namespace {

// A shell says 128 + N for a program that signal N ended.
constexpr int kSignalBase = 128;

// A file that is written after the run lies in a folder that is there: else minutes of work would
// end in a message.
absl::Status CheckFolderOf(std::string_view flag, const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::error_code error;
  if (std::filesystem::is_directory(folder, error) && !std::filesystem::is_directory(path, error)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(std::string(flag),
                                                 ": expected the path of a file "
                                                 "in a folder that exists, found ",
                                                 path));
}

// Everything that a run needs, checked before it begins.
class Session {
 public:
  static absl::StatusOr<std::unique_ptr<Session>> Open(const Options& options) {
    RuntimeOptions runtime_options;
    runtime_options.workers = options.workers;
    absl::StatusOr<std::unique_ptr<Runtime>> runtime = Runtime::Create(runtime_options);
    if (!runtime.ok()) return runtime.status();
    auto session = std::make_unique<Session>(options, *std::move(runtime));
    absl::Status status = session->Prepare();
    if (!status.ok()) return status;
    return session;
  }

  Session(const Options& options, std::unique_ptr<Runtime> runtime)
      : options_(options), directory_(UserDirectory()), runtime_(std::move(runtime)) {}

  // Runs the graph; returns the exit code.
  int Run();

 private:
  absl::Status Prepare();
  int RunToEnd(GraphRun& run, Console& console);
  absl::Status Deliver(const FinishedRun& run);
  absl::Status WriteOutputs(const FinishedRun& run);

  std::size_t named_results() const {
    return loaded_.graph.results().size() - options_.outputs.size();
  }

  const Options& options_;
  const std::string directory_;
  // No task is left when Run() returns: the members below may go before it.
  const std::unique_ptr<Runtime> runtime_;
  FunctionRegistry registry_;
  LoadedGraph loaded_;
  std::unique_ptr<ResultStore> store_;
};

absl::Status Session::Prepare() {
  LoadOptions load;
  load.params = options_.params;
  load.working_directory = directory_;
  for (const OutputFile& output : options_.outputs) {
    absl::Status status = CheckFolderOf(absl::StrCat("--output ", output.reference),
                                        ResolvePath(directory_, output.path));
    if (!status.ok()) return status;
    load.results.push_back(output.reference);
  }
  if (!options_.trace.empty()) {
    absl::Status status = CheckFolderOf("--trace", ResolvePath(directory_, options_.trace));
    if (!status.ok()) return status;
  }
  absl::StatusOr<LoadedGraph> loaded = LoadGraph(options_.graph, load);
  if (!loaded.ok()) return loaded.status();
  loaded_ = *std::move(loaded);
  RegisterFunctions(runtime_->reactor(), registry_);
  absl::Status checked = registry_.Check(loaded_.graph);
  if (!checked.ok()) return checked;
  absl::StatusOr<std::unique_ptr<ResultStore>> store = OpenStore(options_);
  if (!store.ok()) return store.status();
  store_ = *std::move(store);
  return absl::OkStatus();
}

// Cancels the run at the first signal.
Task<void> CancelAtSignal(SignalWatcher& signals, CancelSource& run, int* signal) {
  *signal = co_await signals.Next();
  run.Cancel();
}

// Where the main thread waits for the run: in pthread_cond_wait, which signals interrupt under
// ThreadSanitizer too. (It hands a signal to the program in calls that it knows; the futex of
// BlockOn is none.)
class Ending {
 public:
  void Wait() {
    MutexLock lock(&mu_);
    while (!has_ended_) condition_.Wait(&mu_);
  }

  void Tell() {
    MutexLock lock(&mu_);
    has_ended_ = true;
    condition_.NotifyAll();
  }

 private:
  Mutex mu_;
  CondVar condition_;
  bool has_ended_ ABSL_GUARDED_BY(mu_) = false;
};

Task<void> TellWhenEnded(JoinHandle<absl::Status> running, Ending* ending) {
  (co_await std::move(running)).IgnoreError();
  ending->Tell();
}

// Waits for the run on the main thread.
void WaitFor(Runtime& runtime, JoinHandle<absl::Status> running) {
  Ending ending;
  JoinHandle<void> telling = Spawn(runtime, TellWhenEnded(std::move(running), &ending));
  ending.Wait();
  BlockOn(std::move(telling)).IgnoreError();
}

// Runs to the end, or until a signal has stopped it. Returns the signal, or 0. After the first
// signal the next one has its ordinary effect: it ends the program at once.
int Session::RunToEnd(GraphRun& run, Console& console) {
  CancelSource source(runtime_->token());
  JoinHandle<absl::Status> running = Spawn(*runtime_, run.Run(*runtime_), {source.token()});
  absl::StatusOr<std::unique_ptr<SignalWatcher>> signals =
      SignalWatcher::Create(runtime_->reactor(), {SIGINT, SIGTERM, SIGHUP});
  int signal = 0;
  if (signals.ok()) {
    JoinHandle<void> watching = Spawn(*runtime_, CancelAtSignal(**signals, source, &signal));
    WaitFor(*runtime_, std::move(running));
    watching.Cancel();
    BlockOn(std::move(watching)).IgnoreError();
  } else {
    console.Print(
        absl::StrCat("weft: an interrupt will not be orderly: ", signals.status().message()));
    WaitFor(*runtime_, std::move(running));
  }
  return signal;
}

absl::Status Session::WriteOutputs(const FinishedRun& run) {
  absl::Status first;
  for (std::size_t i = 0; i < options_.outputs.size(); ++i) {
    const OutputFile& output = options_.outputs[i];
    const std::optional<Blob>& blob = run.report.results[named_results() + i];
    absl::Status status;
    if (!blob.has_value()) {
      status = absl::NotFoundError("its step did not succeed");
    } else if (absl::StatusOr<Blob::Bytes> bytes = blob->Load(); bytes.ok()) {
      status = WriteFileAtomically(ResolvePath(directory_, output.path), **bytes);
    } else {
      status = bytes.status();
    }
    if (!status.ok()) {
      first.Update(absl::Status(
          status.code(), absl::StrCat("--output ", output.reference, ": ", status.message())));
    }
  }
  return first;
}

// Everything that is written when a run has ended.
absl::Status Session::Deliver(const FinishedRun& run) {
  absl::Status status;
  if (options_.json) {
    status.Update(PrintOut(FormatJson(run)));
  } else {
    absl::StatusOr<std::string> results = FormatResults(run);
    if (!results.ok()) {
      status.Update(results.status());
    } else if (isatty(STDOUT_FILENO) && results->find('\0') != std::string::npos) {
      PrintError(
          "weft: the results hold binary data, which a terminal cannot show; write them to "
          "files with --output STEP.NAME=FILE, or pipe them");
    } else {
      status.Update(PrintOut(*results));
    }
  }
  status.Update(WriteOutputs(run));
  if (!options_.trace.empty()) {
    status.Update(WriteFileAtomically(ResolvePath(directory_, options_.trace), FormatTrace(run)));
  }
  return status;
}

int Session::Run() {
  const Instant start = MonotonicNow();
  // Set before the run begins, and there until it has ended.
  std::unique_ptr<Console> console;
  ProgressObserver observer(loaded_.graph, start,
                            [&console](std::string line) { console->Print(std::move(line)); });
  const bool draws = options_.progress && isatty(STDERR_FILENO) == 1;
  console = std::make_unique<Console>(
      STDERR_FILENO, draws ? [&observer](int width) { return observer.Line(width, MonotonicNow()); }
                           : Console::Status());
  GraphRun run(loaded_.graph, registry_,
               {.on_error = options_.on_error,
                .max_concurrency = options_.max_concurrency,
                .store = store_.get(),
                .graph_name = loaded_.file,
                .observer = &observer,
                .fetch_url = MakeUrlFetcher(runtime_->reactor())});
  const int signal = RunToEnd(run, *console);
  const RunReport& report = run.report();
  const absl::Duration elapsed = MonotonicNow() - start;
  console->Finish();

  FinishedRun finished{loaded_.graph, report, observer.times(), named_results(),
                       loaded_.file,  start,  elapsed,          ExitCode::kSuccess};
  if (signal != 0) {
    finished.exit_code = static_cast<ExitCode>(kSignalBase + signal);
  } else if (report.failed + report.blocked + report.cancelled > 0) {
    finished.exit_code = ExitCode::kStepFailed;
  }
  absl::Status delivered = Deliver(finished);
  if (!delivered.ok()) {
    PrintError(absl::StrCat("weft: ", delivered.message()));
    if (finished.exit_code == ExitCode::kSuccess) finished.exit_code = ExitCode::kStepFailed;
  }
  const absl::Status kept = WriteHistory(store_->directory(), MakeHistory(loaded_, report));
  if (!kept.ok()) PrintError(absl::StrCat("weft: explain will not know: ", kept.message()));
  PrintError(absl::StrCat(signal != 0 ? "interrupted: " : "", FormatSummary(report, elapsed)));
  return static_cast<int>(finished.exit_code);
}

}  // namespace

int RunCommand(const Options& options) {
  absl::StatusOr<std::unique_ptr<Session>> session = Session::Open(options);
  if (session.ok()) return (*session)->Run();
  if (options.json) {
    PrintOut(FormatJsonError(options.graph, session.status())).IgnoreError();
  }
  return ReportBadInput(session.status());
}

}  // namespace weft::tools

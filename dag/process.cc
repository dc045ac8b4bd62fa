#include "dag/process.h"

#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "dag/blob.h"
#include "dag/internal/blocking.h"
#include "dag/internal/expand.h"
#include "dag/spec.h"
#include "future/or_return.h"
#include "future/task.h"
#include "io/blocking_file.h"
#include "io/process.h"

namespace weft {
namespace {

constexpr std::size_t kShownErrorBytes = 2000;
constexpr uint64_t kMaxOutputBytes = uint64_t{1} << 40;
constexpr char kDefaultPath[] = "/usr/local/bin:/usr/bin:/bin";

// A directory that goes with the object.
class TemporaryDirectory {
 public:
  TemporaryDirectory() = default;
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() { Remove(); }

  absl::Status Create() {
    std::error_code error;
    std::string pattern = (std::filesystem::temp_directory_path(error) / "weft-step-XXXXXX");
    if (mkdtemp(pattern.data()) == nullptr) {
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot create ", pattern));
    }
    path_ = std::move(pattern);
    return absl::OkStatus();
  }

  void Remove() {
    if (path_.empty()) return;
    std::error_code ignored;  // A file that cannot be removed is the system's to clean up.
    std::filesystem::remove_all(path_, ignored);
    path_.clear();
  }

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

absl::Status WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (file) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", path));
}

// The end of a program's standard error, for a message.
std::string Tail(const std::string& text) {
  std::string_view tail = text;
  if (tail.size() > kShownErrorBytes) tail.remove_prefix(tail.size() - kShownErrorBytes);
  while (!tail.empty() && tail.back() == '\n') tail.remove_suffix(1);
  return tail.empty() ? "it wrote nothing to its standard error"
                      : absl::StrCat("its standard error ends with: ", std::string(tail));
}

// One execution. All methods but the coroutine may block.
class ProcessStep {
 public:
  ProcessStep(StepContext& context, Reactor& reactor) : context_(context), reactor_(reactor) {}

  Task<absl::StatusOr<StepOutputs>> Run() {
    co_await OrReturn(
        co_await dag_internal::RunBlocking(context_.executor(), [this] { return Prepare(); }));
    ProcessOptions options = co_await OrReturn(MakeOptions());
    ProcessResult result = co_await OrReturn(co_await RunProcess(reactor_, std::move(options)));
    co_await OrReturn(CheckEnd(result));
    co_return co_await dag_internal::RunBlocking(
        context_.executor(), [this, &result] { return Collect(std::move(result)); });
  }

 private:
  // Puts the inputs that are asked for into files.
  absl::Status Prepare() {
    if (absl::Status status = directory_.Create(); !status.ok()) return status;
    for (std::size_t k = 0; k < context_.inputs().size(); ++k) {
      const StepInput& input = context_.inputs()[k];
      const std::string placeholder = absl::StrCat("input.", input.name);
      const bool is_stdin = context_.FindParam(kProcessStdin) == std::string_view(input.name);
      if (!IsNamed(placeholder) && !is_stdin) continue;
      absl::StatusOr<Blob::Bytes> bytes = input.blob.Load();
      if (!bytes.ok()) return bytes.status();
      if (is_stdin) stdin_ = *bytes;
      if (!IsNamed(placeholder)) continue;
      const std::string path = absl::StrCat(directory_.path(), "/in-", k);
      if (absl::Status status = WriteFile(path, **bytes); !status.ok()) return status;
      scope_[placeholder] = path;
    }
    for (std::size_t k = 0; k < context_.outputs().size(); ++k) {
      scope_[absl::StrCat("output.", context_.outputs()[k])] = OutputPath(k);
    }
    return absl::OkStatus();
  }

  std::string OutputPath(std::size_t k) const {
    return absl::StrCat(directory_.path(), "/out-", k);
  }

  // Whether argv or env holds ${placeholder}.
  bool IsNamed(const std::string& placeholder) const {
    for (const ParamSpec& param : context_.spec().params) {
      if (param.name != kProcessArgv && param.name != kProcessEnv) continue;
      const std::vector<std::string> names = dag_internal::FindPlaceholders(param.value);
      if (std::find(names.begin(), names.end(), placeholder) != names.end()) return true;
    }
    return false;
  }

  absl::StatusOr<ProcessOptions> MakeOptions() {
    ProcessOptions options;
    const char* path = getenv("PATH");
    options.environment.emplace();
    options.environment->push_back(absl::StrCat("PATH=", path == nullptr ? kDefaultPath : path));
    for (const ParamSpec& param : context_.spec().params) {
      if (param.name != kProcessArgv && param.name != kProcessEnv) continue;
      absl::StatusOr<std::string> text = dag_internal::ExpandPlaceholders(param.value, scope_);
      if (!text.ok()) return text.status();
      (param.name == kProcessArgv ? options.argv : *options.environment).push_back(*text);
    }
    options.directory = context_.directory();
    if (stdin_ != nullptr) options.stdin_bytes = *stdin_;
    program_ = options.argv[0];
    return options;
  }

  absl::Status CheckEnd(const ProcessResult& result) const {
    if (result.ok()) return absl::OkStatus();
    const std::string end = result.signal != 0 ? absl::StrCat("was ended by signal ", result.signal,
                                                              " (", strsignal(result.signal), ")")
                                               : absl::StrCat("returned ", result.exit_code);
    return absl::UnknownError(
        absl::StrCat("the program ", program_, " ", end, "; ", Tail(result.stderr_bytes)));
  }

  absl::StatusOr<StepOutputs> Collect(ProcessResult result) {
    LogLines(result.stderr_bytes);
    StepOutputs outputs;
    for (std::size_t k = 0; k < context_.outputs().size(); ++k) {
      const std::string& name = context_.outputs()[k];
      if (context_.FindParam(kProcessStdout) == std::string_view(name)) {
        outputs.push_back(std::move(result.stdout_bytes));
        continue;
      }
      absl::StatusOr<std::string> bytes =
          ReadFileBlocking(OutputPath(k), {.max_bytes = kMaxOutputBytes});
      if (!bytes.ok()) return OutputError(name, bytes.status());
      outputs.push_back(*std::move(bytes));
    }
    directory_.Remove();
    return outputs;
  }

  // Why the file of output `name` could not be read.
  absl::Status OutputError(const std::string& name, const absl::Status& error) const {
    const std::string where = absl::StrCat("output \"", name, "\" (${output.", name, "})");
    if (absl::IsNotFound(error)) {
      return absl::NotFoundError(
          absl::StrCat("the program ", program_, " ended well but did not write ", where));
    }
    return absl::Status(error.code(),
                        absl::StrCat("the program ", program_, " ended well but its ", where,
                                     " is no regular file that can be read: ", error.message()));
  }

  void LogLines(std::string_view text) {
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      context_.Log(text.substr(0, end));
      if (end == std::string_view::npos) return;
      text.remove_prefix(end + 1);
    }
  }

  StepContext& context_;
  Reactor& reactor_;
  TemporaryDirectory directory_;
  dag_internal::Scope scope_;
  Blob::Bytes stdin_;
  std::string program_;
};

class ProcessFunction final : public StepFunction {
 public:
  explicit ProcessFunction(Reactor& reactor) : reactor_(reactor) {}

  std::string_view name() const override { return kProcessFunction; }
  std::string_view version() const override { return "1"; }
  std::string_view help() const override { return "a process: written process { argv: ... }"; }
  bool IsPure(const StepSpec&) const override { return false; }

  absl::Status Check(const StepSpec& spec) const override {
    return CheckShape(spec, {.params = {kProcessEnv, kProcessDir, kProcessStdin, kProcessStdout},
                             .required_params = {kProcessArgv},
                             .min_outputs = 0,
                             .max_outputs = static_cast<std::size_t>(-1)});
  }

  Task<absl::StatusOr<StepOutputs>> Run(StepContext& context) override {
    ProcessStep step(context, reactor_);
    co_return co_await step.Run();
  }

 private:
  Reactor& reactor_;
};

}  // namespace

std::unique_ptr<StepFunction> MakeProcessFunction(Reactor& reactor) {
  return std::make_unique<ProcessFunction>(reactor);
}

}  // namespace weft

#include "io/internal/spawn_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "absl/status/status.h"

extern char** environ;

namespace weft::io_internal {
namespace {

std::string Describe(const SpawnRequest& request) {
  return "starting \"" + (request.argv.empty() ? std::string() : request.argv[0]) + "\"";
}

absl::Status SystemError(const SpawnRequest& request, const char* call, int error) {
  const std::string message = Describe(request) + ": " + call + " failed";
  return absl::ErrnoToStatus(error, message);
}

bool HasNul(const std::string& text) { return text.find('\0') != std::string::npos; }

absl::Status Validate(const SpawnRequest& request) {
  if (request.argv.empty() || request.argv[0].empty()) {
    return absl::InvalidArgumentError(
        "starting a process: expected argv with a program, found none");
  }
  bool nul = HasNul(request.directory);
  for (const std::string& argument : request.argv) nul |= HasNul(argument);
  for (const std::string& entry : request.environment.value_or(std::vector<std::string>())) {
    nul |= HasNul(entry);
    if (entry.find('=') == std::string::npos || entry[0] == '=') {
      return absl::InvalidArgumentError(
          Describe(request) + ": expected NAME=value in the environment, found \"" + entry + "\"");
    }
  }
  if (nul) {
    return absl::InvalidArgumentError(
        Describe(request) + ": an argument, a variable or the directory has a NUL byte in it");
  }
  return absl::OkStatus();
}

// The error of posix_spawn in words: ENOENT may mean three things.
absl::Status SpawnError(const SpawnRequest& request, int error) {
  struct stat stat;
  const std::string& program = request.argv[0];
  if (!request.directory.empty() &&
      (::stat(request.directory.c_str(), &stat) != 0 || !S_ISDIR(stat.st_mode))) {
    return absl::NotFoundError(Describe(request) + ": the directory \"" + request.directory +
                               "\" does not exist; create it or name another one");
  }
  if (error == ENOENT && program.find('/') == std::string::npos) {
    const char* const path = getenv("PATH");
    return absl::NotFoundError(Describe(request) + ": no such program in PATH (" +
                               (path == nullptr ? "not set" : path) +
                               "); install it or give its full path");
  }
  if (error == ENOENT) {
    return absl::NotFoundError(Describe(request) +
                               ": no such file, or the interpreter that it names is missing");
  }
  if (error == EACCES) {
    return absl::PermissionDeniedError(Describe(request) +
                                       ": not executable; set its permissions (chmod +x)");
  }
  if (error == EAGAIN || error == ENOMEM) {
    return absl::ResourceExhaustedError(Describe(request) + ": " + strerror(error) +
                                        "; too many processes, or too little memory");
  }
  if (error == E2BIG) {
    return absl::InvalidArgumentError(Describe(request) +
                                      ": the arguments and the environment are too long");
  }
  return SystemError(request, "posix_spawn", error);
}

// A file in memory that holds the bytes, at its start. Unlike a pipe it needs nobody to feed it.
absl::StatusOr<UniqueFd> MakeStdin(const SpawnRequest& request) {
  if (request.stdin_bytes.empty()) {
    UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!null.IsOpen()) return SystemError(request, "open of /dev/null", errno);
    return null;
  }
  UniqueFd file(memfd_create("stdin", MFD_CLOEXEC));
  if (!file.IsOpen()) return SystemError(request, "memfd_create", errno);
  std::string_view rest = request.stdin_bytes;
  while (!rest.empty()) {
    const ssize_t count = write(file.get(), rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemError(request, "writing the standard input", errno);
    rest.remove_prefix(static_cast<size_t>(count));
  }
  if (lseek(file.get(), 0, SEEK_SET) != 0) return SystemError(request, "lseek", errno);
  return file;
}

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

absl::StatusOr<Pipe> MakePipe(const SpawnRequest& request) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return SystemError(request, "pipe2", errno);
  Pipe pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
  // Only our end: the program expects blocking descriptors.
  if (fcntl(fds[0], F_SETFL, O_NONBLOCK) != 0) return SystemError(request, "fcntl", errno);
  return pipe;
}

std::vector<char*> Pointers(std::vector<std::string>* strings) {
  std::vector<char*> pointers;
  for (std::string& string : *strings) pointers.push_back(string.data());
  pointers.push_back(nullptr);
  return pointers;
}

// What posix_spawn is told about descriptors, directory, signals and the group.
class SpawnPlan {
 public:
  SpawnPlan() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    posix_spawnattr_destroy(&attributes_);
    posix_spawn_file_actions_destroy(&actions_);
  }

  // Returns an errno value, 0 for success.
  int Make(const std::string& directory, int standard_in, int standard_out, int standard_error) {
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int error = 0;
    if (!directory.empty()) {
      error = posix_spawn_file_actions_addchdir_np(&actions_, directory.c_str());
    }
    const int sources[] = {standard_in, standard_out, standard_error};
    for (int target = 0; error == 0 && target < 3; ++target) {
      error = posix_spawn_file_actions_adddup2(&actions_, sources[target], target);
    }
    // Whatever other code of this process forgot to mark close-on-exec.
    if (error == 0) error = posix_spawn_file_actions_addclosefrom_np(&actions_, 3);
    return error;
  }

  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

// Moves a descriptor above 2, so that the dup2 calls of the child overwrite none of each other's
// sources. (This process may have been started with 0, 1 or 2 closed.)
absl::Status MoveAboveStandard(const SpawnRequest& request, UniqueFd* fd) {
  if (fd->get() > 2) return absl::OkStatus();
  const int moved = fcntl(fd->get(), F_DUPFD_CLOEXEC, 3);
  if (moved < 0) return SystemError(request, "fcntl", errno);
  fd->Reset(moved);
  return absl::OkStatus();
}

// Waits for the end of a child. Returns an errno value, 0 for success.
int Wait(pid_t pid, int* status) {
  while (waitpid(pid, status, 0) < 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

}  // namespace

Child::~Child() {
  if (pid_ == 0) return;
  KillGroup(SIGKILL);
  int ignored = 0;
  Wait(std::exchange(pid_, 0), &ignored);
}

void Child::KillGroup(int signal) const {
  if (pid_ > 0) kill(-pid_, signal);
}

bool Child::HasEnded() const {
  siginfo_t info = {};
  return pid_ == 0 ||
         waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
         info.si_pid != 0;
}

absl::StatusOr<ChildExit> Child::Reap() {
  int status = 0;
  if (const int error = Wait(std::exchange(pid_, 0), &status); error != 0) {
    return absl::InternalError(
        std::string("reaping a process: waitpid failed: ") + strerror(error) +
        "; does the program ignore SIGCHLD or wait for children that are not its own?");
  }
  if (WIFSIGNALED(status)) return ChildExit{.exit_code = -1, .signal = WTERMSIG(status)};
  return ChildExit{.exit_code = WEXITSTATUS(status), .signal = 0};
}

absl::StatusOr<Child> SpawnChild(SpawnRequest request) {
  absl::Status status = Validate(request);
  if (!status.ok()) return status;
  absl::StatusOr<UniqueFd> input = MakeStdin(request);
  if (!input.ok()) return input.status();
  absl::StatusOr<Pipe> out = MakePipe(request);
  if (!out.ok()) return out.status();
  absl::StatusOr<Pipe> err = MakePipe(request);
  if (!err.ok()) return err.status();
  for (UniqueFd* const fd : {&*input, &out->write_end, &err->write_end}) {
    status = MoveAboveStandard(request, fd);
    if (!status.ok()) return status;
  }

  SpawnPlan plan;
  int error =
      plan.Make(request.directory, input->get(), out->write_end.get(), err->write_end.get());
  std::vector<std::string> argv = request.argv;
  std::vector<std::string> variables = request.environment.value_or(std::vector<std::string>());
  const std::vector<char*> argv_pointers = Pointers(&argv);
  const std::vector<char*> variable_pointers = Pointers(&variables);
  char* const* const environment =
      request.environment.has_value() ? variable_pointers.data() : environ;
  Child child;
  if (error == 0) {
    error = posix_spawnp(&child.pid_, argv[0].c_str(), plan.actions(), plan.attributes(),
                         argv_pointers.data(), environment);
  }
  if (error != 0) {
    child.pid_ = 0;
    return SpawnError(request, error);
  }
  child.exit_event = UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, child.pid_, 0)));
  if (!child.exit_event.IsOpen()) return SystemError(request, "pidfd_open", errno);
  child.stdout_pipe = std::move(out->read_end);
  child.stderr_pipe = std::move(err->read_end);
  return child;
}

}  // namespace weft::io_internal

// io/internal/spawn_process.h — start a child process, blocking until it runs its program.
#ifndef WEFT_IO_INTERNAL_SPAWN_PROCESS_H_
#define WEFT_IO_INTERNAL_SPAWN_PROCESS_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "io/internal/unique_fd.h"

namespace weft::io_internal {

// What to start; see ProcessOptions.
struct SpawnRequest {
  std::vector<std::string> argv;
  std::optional<std::vector<std::string>> environment;
  std::string directory;
  std::string stdin_bytes;
};

// How a child ended.
struct ChildExit {
  int exit_code = -1;
  int signal = 0;
};

// A child that leads its own process group. If it was not reaped when it is destroyed, its group is
// killed and it is reaped then: a child that nobody wants does not stay.
class Child {
 public:
  Child() = default;
  Child(Child&& other) noexcept
      : pid_(std::exchange(other.pid_, 0)),
        exit_event(std::move(other.exit_event)),
        stdout_pipe(std::move(other.stdout_pipe)),
        stderr_pipe(std::move(other.stderr_pipe)) {}
  ~Child();

  // Sends a signal to all of the group. Safe until Reap: the unreaped leader keeps the number.
  void KillGroup(int signal) const;

  // Whether the leader has ended, reaped or not.
  bool HasEnded() const;

  // Takes the exit status of a child that has ended. Blocks if it has not.
  absl::StatusOr<ChildExit> Reap();

 private:
  friend absl::StatusOr<Child> SpawnChild(SpawnRequest request);
  pid_t pid_ = 0;

 public:
  UniqueFd exit_event;   // A pidfd: readable when the child has ended.
  UniqueFd stdout_pipe;  // Non-blocking read ends.
  UniqueFd stderr_pipe;
};

// Starts a child. See RunProcess for the errors.
absl::StatusOr<Child> SpawnChild(SpawnRequest request);

}  // namespace weft::io_internal

#endif  // WEFT_IO_INTERNAL_SPAWN_PROCESS_H_

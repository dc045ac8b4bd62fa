// Writes what its tasks do to standard output when SIGUSR1 comes, which it sends to itself. A
// program of your own takes //runtime, made with track_tasks = weft::TaskTracking::kOn, in the
// place of TestLoop; then `kill -USR1` shows where it stands.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "future/task.h"
#include "future/task_registry.h"
#include "io/dump_on_signal.h"
#include "io/testing/test_loop.h"

namespace {

weft::Task<> Refresh() { co_await weft::SleepFor(absl::Hours(1)); }

}  // namespace

int main() {
  bool is_written = false;
  weft::TestLoop loop(weft::TestLoop::Reactors::kSameThread, weft::TaskTracking::kOn);
  weft::SpawnDetached(loop, Refresh(), {.name = "refresh"});

  const absl::StatusOr<weft::JoinHandle<void>> dumps =
      weft::DumpTasksOnSignal(loop, loop.reactor(), {.write = [&](std::string_view dump) {
                                is_written = true;
                                return weft::DumpToDescriptor(STDOUT_FILENO)(dump);
                              }});
  if (!dumps.ok()) {
    std::fprintf(stderr, "%s\n", dumps.status().ToString().c_str());
    return EXIT_FAILURE;
  }
  kill(getpid(), SIGUSR1);
  loop.RunUntil([&] { return is_written; });
}

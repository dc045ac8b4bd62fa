// Ends at the first SIGTERM, which it sends to itself. A program of your own takes //runtime in the
// place of TestLoop.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "absl/status/statusor.h"
#include "io/signal.h"
#include "io/testing/test_loop.h"

int main() {
  weft::TestLoop loop;
  const absl::StatusOr<std::unique_ptr<weft::SignalWatcher>> watcher =
      weft::SignalWatcher::Create(loop.reactor(), {SIGINT, SIGTERM});
  if (!watcher.ok()) return EXIT_FAILURE;
  kill(getpid(), SIGTERM);
  const absl::StatusOr<int> signal = loop.BlockOn((*watcher)->Next());
  std::printf("ended by signal %d\n", signal.value_or(0));
  return signal.value_or(0) == SIGTERM ? EXIT_SUCCESS : EXIT_FAILURE;
}

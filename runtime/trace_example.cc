// Records what the workers do, writes it as a file that ui.perfetto.dev opens, and is told by the
// watchdog of a task that keeps its worker.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "future/poll_fn.h"
#include "future/spawn.h"
#include "future/task.h"
#include "parker/parker.h"
#include "runtime/observe.h"
#include "runtime/runtime.h"
#include "runtime/trace.h"

namespace {

weft::Task<> Polite() {
  for (int i = 0; i < 3; ++i) co_await weft::YieldNow();
}

// Blocks its worker, here until it has been reported; SpawnBlocking() would be right.
weft::Task<> Rude(weft::Parker* parker) {
  parker->Park();
  co_return;
}

}  // namespace

int main() {
  weft::Parker rude;
  weft::RuntimeOptions options;
  options.workers = 1;
  options.observe.latencies = weft::Latencies::kMeasured;
  options.observe.trace_events = 1'000;
  options.observe.starvation_limit = absl::Milliseconds(5);
  bool is_reported = false;  // The watchdog's thread ends before the runtime does.
  options.observe.on_starvation = [&, wake = rude.unparker()](const weft::Starvation& found) {
    std::cout << weft::ToString(found) << "\n";
    if (found.name != "rude") return;
    is_reported = true;
    wake.Unpark();
  };
  std::string trace;
  {
    weft::Runtime runtime(options);
    weft::SpawnDetached(runtime, Polite(), {.name = "polite"});
    weft::SpawnDetached(runtime, Rude(&rude), {.name = "rude"});
    runtime.Shutdown(weft::ShutdownMode::kDrain);
    trace = weft::FormatTrace(runtime.Trace());
  }
  const char* folder = std::getenv("TEST_TMPDIR");
  const std::string path = std::string(folder != nullptr ? folder : ".") + "/trace.json";
  if (!(std::ofstream(path) << trace)) return EXIT_FAILURE;
  std::cout << path << ": " << trace.size() << " bytes for ui.perfetto.dev\n";
  return is_reported && trace.find("polite") != std::string::npos ? EXIT_SUCCESS : EXIT_FAILURE;
}

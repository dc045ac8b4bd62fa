// Prints what a runtime and the process have counted, as a server would answer GET /metrics.

#include <iostream>
#include <utility>

#include "future/cancel.h"
#include "future/executor.h"
#include "future/poll_fn.h"
#include "future/process_counts.h"
#include "future/spawn.h"
#include "future/task.h"
#include "runtime/metrics.h"
#include "runtime/runtime.h"

namespace {

weft::Task<> GiveWay() { co_await weft::YieldNow(); }

weft::Task<> SpawnSome(weft::Executor& executor) {
  weft::CancelSource source(executor.token());
  for (int i = 0; i < 100; ++i) {
    weft::Task<> task = GiveWay();
    weft::JoinHandle<void> handle =
        weft::Spawn(executor, std::move(task), {.token = source.token()});
    (void)co_await std::move(handle);
  }
}

}  // namespace

int main() {
  weft::RuntimeOptions options;
  options.workers = 2;
  options.observe.latencies = weft::Latencies::kMeasured;
  weft::Runtime runtime(options);
  (void)runtime.BlockOn(SpawnSome(runtime));

  std::cout << weft::FormatOpenMetrics({{.name = "main", .stats = runtime.Stats()}},
                                       weft::ReadProcessCounts());
  runtime.Shutdown(weft::ShutdownMode::kDrain);
}

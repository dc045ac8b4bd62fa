// Three tasks: one computes, one sleeps, one blocks a thread; the program waits for all of them.
#include <iostream>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "future/executor.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "future/task.h"
#include "runtime/runtime.h"

namespace {

weft::Task<int> SleepThenReturn(absl::Duration duration, int value) {
  co_await weft::SleepFor(duration);
  co_return value;
}

int SlowCall(int value) { return value * 10; }

weft::Task<int> Sum(weft::Executor& executor) {
  weft::JoinHandle<int> slept = weft::Spawn(executor, SleepThenReturn(absl::Milliseconds(10), 1));
  weft::JoinHandle<int> called = weft::SpawnBlocking(executor, SlowCall, 2);
  const absl::StatusOr<int> first = co_await std::move(slept);
  const absl::StatusOr<int> second = co_await std::move(called);
  co_return first.value_or(0) + second.value_or(0);
}

}  // namespace

int main() {
  weft::Runtime runtime;
  const absl::StatusOr<int> sum = runtime.BlockOn(Sum(runtime));
  runtime.Shutdown(weft::ShutdownMode::kDrain);

  const weft::RuntimeStats stats = runtime.Stats();
  std::cout << "sum: " << sum.value_or(-1) << ", tasks: " << stats.tasks_spawned
            << ", blocking calls: " << stats.blocking_jobs << "\n";
  return sum.value_or(-1) == 21 ? 0 : 1;
}

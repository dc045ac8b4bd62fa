// Two streams of readings merged, checked and gathered, each reading in time.

#include <cstdio>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "future/async_generator.h"
#include "future/manual_executor.h"
#include "future/merge.h"
#include "future/sleep.h"
#include "future/stream_ops.h"
#include "future/task.h"
#include "future/timeout_items.h"
#include "future/try_items.h"

namespace {

// [example]
weft::AsyncGenerator<int> Readings(int first, absl::Duration pause) {
  for (int i = 0;; ++i) {
    co_await weft::SleepFor(pause);
    co_yield first + i;
  }
}

weft::Task<absl::StatusOr<std::vector<int>>> FirstReadings(int count, absl::Duration patience) {
  auto both = weft::Merge(Readings(100, absl::Seconds(2)), Readings(200, absl::Seconds(3)));
  auto even = weft::FilterItems(std::move(both), [](int reading) { return reading % 2 == 0; });
  auto some = weft::TakeItems(std::move(even), count);
  co_return co_await weft::TryCollect(weft::TimeoutItems(patience, std::move(some)));
}
// [example]

}  // namespace

int main() {
  weft::ManualExecutor executor;
  const auto readings = executor.BlockOn(FirstReadings(3, absl::Seconds(5)));
  if (!readings.ok() || *readings != std::vector<int>{100, 200, 102}) return 1;
  for (const int reading : *readings) std::printf("%d\n", reading);
  const auto late = executor.BlockOn(FirstReadings(3, absl::Seconds(1)));
  return absl::IsDeadlineExceeded(late.status()) ? 0 : 1;
}

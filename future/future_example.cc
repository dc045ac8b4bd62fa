// A coroutine that waits for two others with a time limit, and cleans up however that ends.

#include <cstdio>
#include <string>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "future/finally.h"
#include "future/manual_executor.h"
#include "future/or_return.h"
#include "future/sleep.h"
#include "future/task.h"
#include "future/timeout.h"
#include "future/when_all.h"

namespace {

// [example]
weft::Task<absl::StatusOr<int>> Price(std::string item, absl::Duration delay) {
  co_await weft::SleepFor(delay);
  if (item.empty()) co_return absl::InvalidArgumentError("Price(): expected the name of an item");
  co_return static_cast<int>(item.size()) * 10;
}

weft::Task<absl::StatusOr<int>> Total() {
  auto both = weft::TryWhenAll(Price("shoe", absl::Seconds(1)), Price("hat", absl::Seconds(2)));
  auto in_time = weft::Timeout(absl::Seconds(5), std::move(both));
  std::tuple<int, int> prices = co_await weft::OrReturn(co_await std::move(in_time));
  co_return std::get<0>(prices) + std::get<1>(prices);
}
// [example]

weft::Task<> Goodbye() {
  std::puts("closing the shop");
  co_return;
}

}  // namespace

int main() {
  weft::ManualExecutor executor;
  absl::StatusOr<int> total = executor.BlockOn(weft::Finally(Total(), Goodbye()));
  if (!total.ok() || *total != 70) return 1;
  std::printf("total: %d\n", *total);
  absl::StatusOr<int> error = executor.BlockOn(Price("", absl::ZeroDuration()));
  return error.status().message() == "Price(): expected the name of an item" ? 0 : 1;
}

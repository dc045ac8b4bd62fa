// A sum over a tree whose leaves may have to wait: the children of each node run in parallel where
// the executor has threads for them. The executor of this example has one, and they take turns.

#include <cstdio>
#include <utility>

#include "absl/time/time.h"
#include "future/fork_join.h"
#include "future/manual_executor.h"
#include "future/sleep.h"
#include "future/task.h"

namespace {

weft::Task<long> Load(long leaf) {
  if (leaf % 16 == 0) co_await weft::SleepFor(absl::Milliseconds(1));
  co_return leaf;
}

// [fork]
weft::Task<long> Sum(long first, long count) {
  if (count == 1) co_return co_await Load(first);
  auto halves = weft::ForkJoin(Sum(first, count / 2), Sum(first + count / 2, count - count / 2));
  const auto [left, right] = co_await std::move(halves);
  co_return left + right;
}
// [fork]

}  // namespace

int main() {
  weft::ManualExecutor executor;
  const long sum = executor.BlockOn(Sum(0, 1'000)).value();
  std::printf("%ld\n", sum);
  return sum == 499'500 ? 0 : 1;
}

// A crawler in small: workers find more work, one deadline holds for all, and the report is written
// however it ends.

#include <cstdio>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "future/manual_executor.h"
#include "future/sleep.h"
#include "future/task.h"
#include "nursery/nursery.h"

namespace {

// [example]
weft::Task<> Visit(weft::Nursery* nursery, std::string page, int* visited) {
  co_await weft::SleepFor(absl::Seconds(1));
  ++*visited;
  if (page.size() > 3) co_return;
  nursery->Spawn(Visit(nursery, page + "l", visited));
  nursery->Spawn(Visit(nursery, page + "r", visited));
}

weft::Task<absl::Status> Crawl(weft::NurseryOptions options, int* visited) {
  auto report = [](int* count) -> weft::Task<> {
    std::printf("visited %d pages\n", *count);
    co_return;
  };
  auto body = [&report](weft::Nursery& nursery, int* count) -> weft::Task<> {
    nursery.Defer(report, count);
    nursery.Spawn(Visit(&nursery, "/", count));
    co_return;
  };
  co_return co_await weft::WithNursery(options, body, visited);
}
// [example]

}  // namespace

int main() {
  weft::ManualExecutor executor;
  int visited = 0;
  absl::Status status = executor.BlockOn(Crawl(weft::NurseryOptions(), &visited));
  if (!status.ok() || visited != 15) return 1;

  weft::NurseryOptions hurried;
  hurried.deadline = executor.Now() + absl::Milliseconds(2500);
  visited = 0;
  status = executor.BlockOn(Crawl(hurried, &visited));
  return absl::IsDeadlineExceeded(status) && visited == 3 ? 0 : 1;
}

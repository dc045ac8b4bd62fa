// What a program with scopes looks like from inside: a nursery's children stand in its scope, and
// the scope names the task that waits for it.
#include <iostream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "future/manual_executor.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "future/task.h"
#include "future/task_dump.h"
#include "future/task_dump_json.h"
#include "future/task_registry.h"
#include "nursery/nursery.h"

namespace {

weft::Task<> Fetch(absl::Duration duration) { co_await weft::SleepFor(duration); }

weft::Task<> FetchBoth(weft::Nursery& nursery) {
  nursery.Spawn(Fetch(absl::Seconds(3)));
  nursery.Spawn(Fetch(absl::Seconds(5)));
  co_return;
}

weft::Task<absl::Status> Serve() {
  absl::Status status = co_await weft::WithNursery(FetchBoth);
  co_return status;
}

}  // namespace

int main() {
  weft::ManualExecutor executor(weft::TaskTracking::kOn);  // or a runtime: .track_tasks = kOn
  weft::JoinHandle<absl::Status> serve = weft::Spawn(executor, Serve(), {.name = "serve"});
  executor.Advance(absl::Seconds(1));

  const weft::TaskDump dump = weft::DumpTasks(executor);
  std::cout << weft::ToText(dump) << weft::ToJson(dump) << "\n";
  const bool is_nested = dump.tasks.size() == 3 && dump.scopes.size() == 2 &&
                         dump.scopes[1].task == serve.id() && dump.tasks[1].scope == 1u;

  executor.Advance(absl::Seconds(10));
  return is_nested && serve.IsFinished() ? 0 : 1;
}

// The text of a dump that shows a nursery: whose scope it is, and which tasks are its children.
#include <regex>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "future/manual_executor.h"
#include "future/poll_fn.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "future/task.h"
#include "future/task_dump.h"
#include "future/task_registry.h"
#include "gtest/gtest.h"
#include "nursery/nursery.h"

namespace weft {
namespace {

// Addresses as names in the order in which they come, lines and compilers' names of functions
// left out.
std::string Normalized(std::string text) {
  static const std::regex kPlace(R"(( *)\S[^\n]* at [^\n ]*nursery_dump_test\.cc:\d+)");
  static const std::regex kScope(R"(weft::NurseryFuture<[^\n]*)");
  static const std::regex kSpawned(R"(, spawned at [^\n ]*nursery_dump_test\.cc:\d+)");
  static const std::regex kAddress("0x[0-9a-f]+");
  text = std::regex_replace(text, kSpawned, ", spawned HERE");
  text = std::regex_replace(text, kPlace, "$1HERE");
  text = std::regex_replace(text, kScope, "weft::NurseryFuture<...>");
  std::smatch match;
  for (char name = 'A'; std::regex_search(text, match, kAddress); ++name) {
    const std::string address = match.str();
    text = std::regex_replace(text, std::regex(address + "\\b"), std::string(1, name));
  }
  return text;
}

Task<> SleepAnHour() { co_await SleepFor(absl::Hours(1)); }

Task<> Outer() { co_await SleepAnHour(); }

Task<> Body(Nursery& nursery, JoinHandle<void>* other) {
  nursery.Spawn(SleepAnHour());
  const absl::Status status = co_await std::move(*other);
  EXPECT_TRUE(absl::IsCancelled(status));
}

Task<absl::Status> Parent(JoinHandle<void>* other) {
  absl::Status status = co_await WithNursery(Body, other);
  co_return status;
}

TEST(NurseryDumpTest, TextOfAWaitingTreeOfTasks) {
  ManualExecutor executor(TaskTracking::kOn);
  JoinHandle<void> sleeper = Spawn(executor, Outer(), {.name = "sleeper"});
  JoinHandle<absl::Status> handle = Spawn(executor, Parent(&sleeper), {.name = "parent"});
  executor.Advance(absl::Seconds(90));
  Spawn(executor, Ready<>()).Detach();
  EXPECT_EQ(Normalized(ToText(DumpTasks(executor))), R"(4 tasks
scope 0
  task A "sleeper": waiting for 1m30s, age 1m30s, 1 poll, spawned HERE
    HERE awaits weft::SleepFor
    HERE
  task B "parent": waiting for 1m30s, age 1m30s, 1 poll, spawned HERE
    HERE awaits weft::NurseryFuture<...>
      awaits a scope
      HERE awaits weft::JoinHandle<void>
        awaits a task A
  task C: queued, idle for 0, age 0, 0 polls, spawned HERE
  scope 1 of task B
    task D: waiting for 1m30s, age 1m30s, 1 poll, spawned HERE
      HERE awaits weft::SleepFor
)");
  executor.CancelAll();
  executor.Advance(absl::Seconds(1));
  EXPECT_EQ(ToText(DumpTasks(executor)), "0 tasks\nscope 0, cancelled\n");
}

}  // namespace
}  // namespace weft

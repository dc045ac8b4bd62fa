// What a dump tells of tasks under virtual time, and that looking at tasks disturbs none of them,
// under threads. The text is tested in nursery/nursery_dump_test.cc.
#include "future/task_dump.h"

#include <atomic>
#include <cstdint>
#include <iostream>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "future/cancel.h"
#include "future/finally.h"
#include "future/poll_fn.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "future/task.h"
#include "future/task_dump_json.h"
#include "future/task_registry.h"
#include "future/timeout.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "runtime/deterministic_runtime.h"
#include "runtime/runtime.h"

namespace weft {
namespace {

constexpr TaskTracking kOn = TaskTracking::kOn;

Task<> SleepAnHour() { co_await SleepFor(absl::Hours(1)); }

Task<> Outer() { co_await SleepAnHour(); }

TEST(TaskDumpTest, JsonOfATaskThatWaits) {
  DeterministicRuntime runtime(
      {.seed = 1, .max_run_time = absl::ZeroDuration(), .track_tasks = kOn});
  Spawn(runtime, SleepAnHour(), {.name = "quote \" and \xff"}).Detach();
  runtime.Advance(absl::Seconds(2));
  const auto json = nlohmann::json::parse(ToJson(DumpTasks(runtime)));
  EXPECT_EQ(json["version"], 1);
  EXPECT_EQ(json["scopes"].dump(), R"([{"cancelled":false,"parent":null,"task":null}])");
  ASSERT_EQ(json["tasks"].size(), 1u);
  const nlohmann::json& task = json["tasks"][0];
  EXPECT_EQ(task["name"], "quote \" and \xef\xbf\xbd");
  EXPECT_EQ(task["activity"], "waiting");
  EXPECT_TRUE(task["worker"].is_null());
  EXPECT_EQ(task["age_ns"], 2'000'000'000);
  EXPECT_EQ(task["polls"], 1);
  EXPECT_EQ(task["scope"], 0);
  ASSERT_EQ(task["awaits"].size(), 1u);
  EXPECT_EQ(task["awaits"][0]["awaits"], "weft::SleepFor");
  EXPECT_GT(task["awaits"][0]["line"], 0);
  EXPECT_EQ(json["tasks_left_out"], 0);
}

TEST(TaskDumpTest, TasksStandInTheScopesOfTheirTokens) {
  DeterministicRuntime runtime({.track_tasks = kOn});
  CancelSource outer(runtime.token());
  const CancelSource inner(outer.token());
  Spawn(runtime, SleepAnHour(), {.token = inner.token()}).Detach();
  Spawn(runtime, SleepAnHour(), {.token = outer.token()}).Detach();
  Spawn(runtime, Finally(Ready<>(), SleepAnHour()), {.token = CancelToken()}).Detach();
  outer.Cancel();
  const TaskDump dump = DumpTasks(runtime);
  ASSERT_EQ(dump.tasks.size(), 3u);
  ASSERT_EQ(dump.scopes.size(), 3u);
  EXPECT_EQ(dump.tasks[0].scope, 2u);
  EXPECT_EQ(dump.tasks[0].activity, TaskActivity::kQueued);
  EXPECT_EQ(dump.tasks[1].scope, 1u);
  EXPECT_EQ(dump.tasks[2].scope, std::nullopt);
  EXPECT_EQ(dump.scopes[2].parent, 1u);
  EXPECT_EQ(dump.scopes[1].parent, 0u);
  EXPECT_TRUE(dump.scopes[2].is_cancelled);
  EXPECT_FALSE(dump.scopes[0].is_cancelled);
  runtime.Advance(absl::Hours(2));
}

TEST(TaskDumpTest, LimitsAreKeptAndSaid) {
  DeterministicRuntime runtime({.track_tasks = kOn});
  for (int i = 0; i < 5; ++i) Spawn(runtime, Outer()).Detach();
  runtime.Advance(absl::Seconds(1));
  const TaskDump dump = DumpTasks(runtime, {.max_tasks = 2, .max_steps = 1});
  EXPECT_EQ(dump.tasks.size(), 2u);
  EXPECT_EQ(dump.tasks_left_out, 3u);
  EXPECT_EQ(dump.tasks[0].steps.size(), 1u);
  EXPECT_EQ(dump.tasks[0].steps_left_out, 1u);
}

TEST(TaskDumpStressTest, DumpsAllTheTimeLoseNothingAndDoNothingTwice) {
  constexpr int kTasks = 2'000;
  std::atomic<bool> is_done{false};
  std::atomic<int> ended{0};
  std::atomic<int> cancelled{0};
  uint64_t dumps = 0;
  uint64_t waiting = 0;
  {
    Runtime runtime({.workers = 3, .track_tasks = kOn});
    std::thread dumper([&] {
      do {
        std::set<TaskId> ids;
        const TaskDump dump = DumpTasks(runtime);
        for (const DumpedTask& task : dump.tasks) {
          EXPECT_TRUE(ids.insert(task.id).second) << "a task is there twice";
          waiting += task.activity == TaskActivity::kWaiting ? 1 : 0;
        }
        ++dumps;
      } while (!is_done.load());
    });
    auto child = [](std::atomic<int>* counter, int i) -> Task<> {
      for (int round = 0; round < 5; ++round) {
        if (i % 2 == 0) {
          co_await YieldNow();
        } else {
          auto timeout = Timeout(absl::Microseconds(i % 50), Never<>());
          const absl::Status status = co_await std::move(timeout);
          EXPECT_TRUE(absl::IsDeadlineExceeded(status));
        }
      }
      counter->fetch_add(1);
    };
    CancelSource scope(runtime.token());
    auto body = [&]() -> Task<> {
      std::vector<JoinHandle<void>> children;
      for (int i = 0; i < kTasks; ++i) {
        children.push_back(Spawn(runtime, child(&ended, i)));
        JoinHandle<void> doomed = Spawn(runtime, Never<>(), {.token = scope.token()});
        if (i % 2 == 0) co_await YieldNow();
        if (i == kTasks / 2) scope.Cancel();
        doomed.Cancel();
        const absl::Status status = co_await std::move(doomed);
        if (absl::IsCancelled(status)) cancelled.fetch_add(1);
      }
      for (JoinHandle<void>& each : children) {
        const absl::Status status = co_await std::move(each);
        EXPECT_TRUE(status.ok()) << status;
      }
    };
    const absl::Status status = runtime.BlockOn(body());
    EXPECT_TRUE(status.ok()) << status;
    is_done.store(true);
    dumper.join();
    EXPECT_TRUE(DumpTasks(runtime).tasks.empty());
  }
  EXPECT_EQ(ended.load(), kTasks);
  EXPECT_EQ(cancelled.load(), kTasks);
  std::cout << dumps << " dumps saw " << waiting << " waiting tasks\n";
}

TEST(TaskDumpDeathTest, ARuntimeThatDoesNotListItsTasksSaysSo) {
  DeterministicRuntime runtime;
  EXPECT_DEATH(DumpTasks(runtime), "make the runtime with track_tasks");
}

}  // namespace
}  // namespace weft

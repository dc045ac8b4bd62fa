// Goal: what a runtime measures and records agrees with its counters and with what the tasks did.
#include "runtime/observe.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "base/instant.h"
#include "future/executor.h"
#include "future/poll_fn.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "future/task.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "runtime/internal/worker_observer.h"
#include "runtime/runtime.h"
#include "runtime/stats.h"
#include "runtime/trace.h"

namespace weft {
namespace {

using Kind = TraceEvent::Kind;

Task<void> Yield(int times) {
  for (int i = 0; i < times; ++i) co_await YieldNow();
}

Task<void> SpawnYielders(Executor& executor, int count) {
  std::vector<JoinHandle<void>> handles;
  for (int i = 0; i < count; ++i) {
    Task<void> task = Yield(10);
    handles.push_back(Spawn(executor, std::move(task), {.name = "yielder"}));
  }
  co_await SleepFor(absl::Milliseconds(1));
  for (JoinHandle<void>& handle : handles) (void)co_await std::move(handle);
}

RuntimeOptions Observed(ObserveOptions observe) {
  RuntimeOptions options;
  options.workers = 2;
  options.observe = std::move(observe);
  return options;
}

// ---- Latencies --------------------------------------------------------------------------------

TEST(ObserveTest, EachRunIsMeasuredOnce) {
  Runtime runtime(Observed({.latencies = Latencies::kMeasured}));
  (void)runtime.BlockOn(SpawnYielders(runtime, 100));
  runtime.Shutdown(ShutdownMode::kDrain);
  const WorkerStats total = runtime.Stats().Total();
  EXPECT_GE(total.tasks_run, 1100u);
  EXPECT_EQ(total.run_times.count(), total.tasks_run);
  EXPECT_EQ(total.queue_times.count(), total.tasks_run);  // spawned, woken, yielded, from outside
  EXPECT_EQ(total.spawn_times.count(), 101u);             // from outside and on a worker
  EXPECT_GT(total.run_times.max(), absl::ZeroDuration());
  EXPECT_LE(total.run_times.Quantile(0.5), total.run_times.Quantile(0.99));
}

// Each task waits for a timer, which makes the link of the task serve another purpose meanwhile.
TEST(ObserveTest, TheFirstRunOfATaskOfAnyClassIsMeasuredAsSpawnAndNoOther) {
  Runtime runtime(Observed({.latencies = Latencies::kMeasured}));
  const auto spawn = [](Executor& executor) -> Task<void> {
    std::vector<JoinHandle<void>> handles;
    for (const auto priority : {TaskPriority::kHigh, TaskPriority::kNormal, TaskPriority::kLow}) {
      for (int i = 0; i < 10; ++i) {
        auto child = []() -> Task<void> {
          co_await SleepFor(absl::Microseconds(1));
          co_await YieldNow();
        };
        Task<void> task = child();
        handles.push_back(Spawn(executor, std::move(task), {.priority = priority}));
      }
    }
    for (JoinHandle<void>& handle : handles) (void)co_await std::move(handle);
  };
  (void)runtime.BlockOn(spawn(runtime));
  runtime.Shutdown(ShutdownMode::kDrain);
  const WorkerStats total = runtime.Stats().Total();
  EXPECT_EQ(total.spawn_times.count(), 31u);
  EXPECT_EQ(total.queue_times.count(), total.tasks_run);
  EXPECT_LE(total.spawn_times.sum(), total.queue_times.sum());
}

TEST(ObserveTest, NothingIsMeasuredUnlessAsked) {
  Runtime runtime(Observed({}));
  (void)runtime.BlockOn(SpawnYielders(runtime, 10));
  runtime.Shutdown(ShutdownMode::kDrain);
  const WorkerStats total = runtime.Stats().Total();
  EXPECT_GT(total.tasks_run, 0u);
  EXPECT_EQ(total.run_times.count(), 0u);
  EXPECT_EQ(total.queue_times.count(), 0u);
  EXPECT_EQ(total.spawn_times.count(), 0u);
  for (const RuntimeTrace::Worker& worker : runtime.Trace().workers) {
    EXPECT_TRUE(worker.events.empty());
  }
}

// ---- Trace ------------------------------------------------------------------------------------

struct Counts {
  uint64_t runs = 0, steals = 0, stolen = 0, sleeps = 0;
};

// Asserts that the events of a worker are in order and that slices do not overlap.
Counts CheckEvents(const RuntimeTrace::Worker& worker) {
  Counts counts;
  Instant last = Instant::InfinitePast();
  std::set<Kind> ends = {Kind::kRunEnd, Kind::kSleepEnd, Kind::kWatchEnd};
  Kind awaited = Kind::kQueued;  // the end of what has begun
  for (const TraceEvent& event : worker.events) {
    EXPECT_GE(event.at, last);
    last = event.at;
    if (ends.contains(event.kind)) {
      EXPECT_EQ(event.kind, awaited);
      awaited = Kind::kQueued;
    }
    const auto begin = [&](Kind end) {
      EXPECT_EQ(awaited, Kind::kQueued) << "a slice in a slice";
      awaited = end;
    };
    if (event.kind == Kind::kRunBegin) begin(Kind::kRunEnd);
    if (event.kind == Kind::kSleepBegin) begin(Kind::kSleepEnd);
    if (event.kind == Kind::kWatchBegin) begin(Kind::kWatchEnd);
    counts.runs += event.kind == Kind::kRunBegin ? 1 : 0;
    counts.sleeps += event.kind == Kind::kSleepBegin ? 1 : 0;
    counts.steals += event.kind == Kind::kSteal ? 1 : 0;
    counts.stolen += event.kind == Kind::kSteal ? event.count : 0;
  }
  EXPECT_EQ(awaited, Kind::kQueued) << "a slice without an end";
  return counts;
}

TEST(ObserveTest, EventsAreInOrderAndAgreeWithTheCounters) {
  Runtime runtime(Observed({.trace_events = 1 << 16}));
  (void)runtime.BlockOn(SpawnYielders(runtime, 100));
  runtime.Shutdown(ShutdownMode::kDrain);
  const RuntimeTrace trace = runtime.Trace();
  const RuntimeStats stats = runtime.Stats();
  ASSERT_EQ(trace.workers.size(), stats.workers.size());
  for (std::size_t i = 0; i < trace.workers.size(); ++i) {
    EXPECT_EQ(trace.workers[i].dropped, 0u);
    const Counts counts = CheckEvents(trace.workers[i]);
    EXPECT_EQ(counts.runs, stats.workers[i].tasks_run);
    EXPECT_EQ(counts.steals, stats.workers[i].steals);
    EXPECT_EQ(counts.stolen, stats.workers[i].stolen);
    EXPECT_EQ(counts.sleeps, stats.workers[i].parks);
  }
}

TEST(ObserveTest, ARunTellsTheTasksNameIdAndType) {
  Runtime runtime(Observed({.trace_events = 64}));
  JoinHandle<void> handle = Spawn(runtime, Ready<void>(), {.name = "a name of more than 24 bytes"});
  const TaskId id = handle.id();
  runtime.Shutdown(ShutdownMode::kDrain);
  std::vector<TraceEvent> runs;
  for (const RuntimeTrace::Worker& worker : runtime.Trace().workers) {
    for (const TraceEvent& event : worker.events) {
      if (event.kind == Kind::kRunBegin) runs.push_back(event);
    }
  }
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].name, "a name of more than 24 b");
  EXPECT_EQ(runs[0].task, id);
  EXPECT_EQ(*runs[0].type, typeid(decltype(Ready<void>())));
  EXPECT_LE(runs[0].queued_at, runs[0].at);
}

TEST(ObserveTest, OnlyTheLatestEventsAreKept) {
  Runtime runtime(Observed({.trace_events = 16}));
  (void)runtime.BlockOn(Yield(100));
  runtime.Shutdown(ShutdownMode::kDrain);
  uint64_t dropped = 0;
  for (const RuntimeTrace::Worker& worker : runtime.Trace().workers) {
    EXPECT_LE(worker.events.size(), 16u);
    dropped += worker.dropped;
  }
  EXPECT_GT(dropped, 100u);
}

TEST(ObserveTest, EventsAreReadWhileTasksRun) {
  Runtime runtime(Observed({.latencies = Latencies::kMeasured, .trace_events = 64}));
  JoinHandle<void> handle = Spawn(runtime, SpawnYielders(runtime, 200));
  while (!handle.IsFinished()) {
    for (const RuntimeTrace::Worker& worker : runtime.Trace().workers) {
      Instant last = Instant::InfinitePast();
      for (const TraceEvent& event : worker.events) {
        EXPECT_GE(event.at, last);
        last = event.at;
      }
    }
    (void)runtime.Stats();
  }
}

// ---- JSON -------------------------------------------------------------------------------------

TEST(FormatTraceTest, SlicesNestAndArrowsAreWholeAndAllRunsAreThere) {
  Runtime runtime(Observed({.trace_events = 1 << 16}));
  (void)runtime.BlockOn(SpawnYielders(runtime, 50));
  runtime.Shutdown(ShutdownMode::kDrain);
  const auto json = nlohmann::json::parse(FormatTrace(runtime.Trace()));
  std::map<int, double> last;
  std::map<int, int> depth;
  std::map<uint64_t, std::string> arrows;
  uint64_t runs = 0;
  for (const auto& event : json["traceEvents"]) {
    const std::string phase = event["ph"];
    if (phase == "M") continue;
    const int track = event["tid"];
    EXPECT_GE(event["ts"].get<double>(), last[track]);
    last[track] = event["ts"];
    if (phase == "B") {
      EXPECT_EQ(depth[track]++, 0);
      runs += event["cat"] == "run" ? 1 : 0;
    }
    if (phase == "E") EXPECT_EQ(depth[track]--, 1);
    if (phase == "s" || phase == "f") arrows[event["id"].get<uint64_t>()] += phase;
  }
  for (const auto& [track, open] : depth) EXPECT_EQ(open, 0) << track;
  EXPECT_EQ(runs, runtime.Stats().Total().tasks_run);
  EXPECT_GE(arrows.size(), 500u);  // each yield
  for (const auto& [id, ends] : arrows) EXPECT_EQ(ends.size(), 2u) << id;
}

TEST(FormatTraceTest, LeavesOutWhatHasLostItsBegin) {
  RuntimeTrace trace;
  trace.workers.push_back(
      {.events = {{.kind = Kind::kRunEnd, .at = Instant::FromNanos(1'000), .name = {}},
                  {.kind = Kind::kRunBegin, .at = Instant::FromNanos(2'500), .name = "a\"\n\xff"}},
       .dropped = 7});
  const auto events = nlohmann::json::parse(FormatTrace(trace))["traceEvents"];
  ASSERT_EQ(events.size(), 3u);  // two names and the begin
  EXPECT_EQ(events[1]["args"]["name"], "worker 0, 7 events dropped");
  EXPECT_EQ(events[2]["ph"], "B");
  EXPECT_EQ(events[2]["name"], "a\"\n\xEF\xBF\xBD");
  EXPECT_EQ(events[2]["ts"], 1.5);
}

TEST(EventTest, SurvivesItsWayThroughWords) {
  const TraceEvent event = {.kind = Kind::kSteal,
                            .at = Instant::FromNanos(5),
                            .task = TaskId{7},
                            .queued_at = Instant::FromNanos(3),
                            .type = &typeid(int),
                            .name = "name",
                            .count = 4'000'000'000,
                            .other = 300};
  const TraceEvent same = runtime_internal::DecodeEvent(runtime_internal::EncodeEvent(event));
  EXPECT_EQ(same.kind, event.kind);
  EXPECT_EQ(same.at, event.at);
  EXPECT_EQ(same.task, event.task);
  EXPECT_EQ(same.queued_at, event.queued_at);
  EXPECT_EQ(same.type, event.type);
  EXPECT_EQ(same.name, event.name);
  EXPECT_EQ(same.count, event.count);
  EXPECT_EQ(same.other, event.other);
}

}  // namespace
}  // namespace weft

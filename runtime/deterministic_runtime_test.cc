#include "runtime/deterministic_runtime.h"

#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "future/poll_fn.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "future/task.h"
#include "gtest/gtest.h"
#include "reactor/operation.h"
#include "reactor/simulated_reactor.h"
#include "runtime/any_runtime.h"
#include "runtime/internal/test_io.h"

namespace weft {
namespace {

using runtime_internal::OperationFuture;

// A read, a pause and a write: an update that another one can fall into.
Task<void> AddOne(int& value) {
  const int seen = value;
  co_await YieldNow();
  value = seen + 1;
}

Task<int> AddTwice(Executor& executor) {
  int value = 0;
  JoinHandle<void> first = Spawn(executor, AddOne(value));
  JoinHandle<void> second = Spawn(executor, AddOne(value));
  (void)co_await std::move(first);
  (void)co_await std::move(second);
  co_return value;
}

TEST(DeterministicRuntimeTest, SeedsFindALostUpdateAndReplayIt) {
  std::set<int> results;
  uint64_t losing_seed = 0;
  for (const uint64_t seed : SeedsToTry(100)) {
    DeterministicRuntime runtime({.seed = seed});
    const int result = *runtime.BlockOn(AddTwice(runtime));
    results.insert(result);
    if (result == 1) losing_seed = seed;
  }
  EXPECT_EQ(results, (std::set<int>{1, 2}));
  for (int i = 0; i < 5; ++i) {
    DeterministicRuntime runtime({.seed = losing_seed});
    EXPECT_EQ(*runtime.BlockOn(AddTwice(runtime)), 1);
  }
}

Task<void> SleepAndLog(absl::Duration duration, int id, std::string& log) {
  co_await SleepFor(duration);
  log += std::to_string(id);
  co_await YieldNow();
  log += std::to_string(id);
}

Task<std::string> Mixture(AnyRuntime& runtime) {
  std::string log;
  std::vector<JoinHandle<void>> handles;
  for (int i = 0; i < 5; ++i) {
    handles.push_back(Spawn(runtime, SleepAndLog(absl::Microseconds(40 * (i % 3)), i, log)));
  }
  auto blocking = SpawnBlocking(runtime, [&log] { log += "b"; });
  for (JoinHandle<void>& handle : handles) (void)co_await std::move(handle);
  (void)co_await std::move(blocking);
  co_return log;
}

TEST(DeterministicRuntimeTest, EqualSeedsGiveEqualRunsAndOthersDiffer) {
  std::set<std::string> logs;
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    DeterministicRuntime one({.seed = seed});
    DeterministicRuntime other({.seed = seed});
    const std::string log = *one.BlockOn(Mixture(one));
    EXPECT_EQ(log, *other.BlockOn(Mixture(other)));
    EXPECT_EQ(one.ScheduleDigest(), other.ScheduleDigest());
    EXPECT_EQ(one.Now(), other.Now());
    EXPECT_EQ(one.runs(), other.runs());
    logs.insert(log);
  }
  EXPECT_GT(logs.size(), 25u);
}

Task<Instant> SleepThenNow(Executor& executor, absl::Duration duration) {
  co_await SleepFor(duration);
  co_return executor.Now();
}

TEST(DeterministicRuntimeTest, YearsPassAtOnceAndTimersAreNeverEarly) {
  for (const uint64_t seed : SeedsToTry(20)) {
    DeterministicRuntime runtime({.seed = seed});
    const Instant due = runtime.Now() + absl::Hours(24 * 365);
    const Instant end = *runtime.BlockOn(SleepThenNow(runtime, absl::Hours(24 * 365)));
    EXPECT_GE(end, due);
    EXPECT_LE(end, due + absl::Milliseconds(1));
  }
}

TEST(DeterministicRuntimeTest, TimersFireWhileOthersAreReady) {
  DeterministicRuntime runtime({.seed = 1});
  bool woken = false;
  auto sleeper = [](bool& flag) -> Task<void> {
    co_await SleepFor(absl::Milliseconds(1));
    flag = true;
  };
  Spawn(runtime, sleeper(woken)).Detach();
  auto spinner = [](bool& flag) -> Task<void> {
    while (!flag) co_await YieldNow();
  };
  EXPECT_TRUE(runtime.BlockOn(spinner(woken)).ok());
}

Task<void> WriteAll(Reactor& reactor, int fd, std::string text) {
  std::size_t sent = 0;
  while (sent < text.size()) {
    const int64_t written = co_await OperationFuture(reactor, OperationKind::kWrite, fd,
                                                     text.data() + sent, text.size() - sent);
    sent += static_cast<std::size_t>(written);
  }
}

Task<std::string> ReadTen(Reactor& reactor, int fd) {
  std::string text;
  while (text.size() < 10) {
    char part[4];
    const int64_t read =
        co_await OperationFuture(reactor, OperationKind::kRead, fd, part, sizeof(part));
    text.append(part, static_cast<std::size_t>(read));
  }
  co_return text;
}

Task<std::string> Converse(DeterministicRuntime& runtime) {
  const SimulatedPair pipe = runtime.reactor().OpenPipe();
  JoinHandle<void> writer = Spawn(runtime, WriteAll(runtime.reactor(), pipe.second, "0123456789"));
  std::string text = co_await ReadTen(runtime.reactor(), pipe.first);
  (void)co_await std::move(writer);
  co_return text;
}

TEST(DeterministicRuntimeTest, DescriptorsWorkUnderEachSeed) {
  for (const uint64_t seed : SeedsToTry(200)) {
    DeterministicRuntime runtime({.seed = seed});
    EXPECT_EQ(*runtime.BlockOn(Converse(runtime)), "0123456789")
        << DeterministicRuntime::SeedMessage(seed);
  }
}

TEST(DeterministicRuntimeTest, TheDestructorCancelsReadsAndSleeps) {
  for (const uint64_t seed : SeedsToTry(20)) {
    DeterministicRuntime runtime({.seed = seed});
    Spawn(runtime, SleepFor(absl::InfiniteDuration())).Detach();
    Spawn(runtime, ReadTen(runtime.reactor(), runtime.reactor().OpenPipe().first)).Detach();
    runtime.Advance(absl::Seconds(1));
    EXPECT_EQ(runtime.live_tasks(), 2u);
    EXPECT_EQ(runtime.Now(), Instant() + absl::Seconds(1));
  }
}

TEST(DeterministicRuntimeTest, ErrorsOfTasksReachTheCaller) {
  DeterministicRuntime runtime;
  auto failing = []() -> Task<absl::StatusOr<int>> { co_return absl::NotFoundError("gone"); };
  EXPECT_EQ(runtime.BlockOn(failing()).status(), absl::NotFoundError("gone"));
  runtime.CancelAll();
  EXPECT_TRUE(absl::IsCancelled(runtime.BlockOn(SleepFor(absl::Seconds(1)))));
}

Task<void> WaitForever() { co_await Never<void>(); }

Task<void> BlockInside(DeterministicRuntime& runtime) {
  (void)runtime.BlockOn(Ready<int>(1));
  co_return;
}

Task<void> SpinForever() {
  while (true) co_await YieldNow();
}

TEST(DeterministicRuntimeDeathTest, SaysTheSeedWhenAFutureWaitsForEver) {
  EXPECT_DEATH(
      {
        DeterministicRuntime runtime({.seed = 17});
        (void)runtime.BlockOn(WaitForever());
      },
      "waits for ever \\(seed 17; run again with WEFT_SEED=17\\)");
  EXPECT_DEATH(
      {
        DeterministicRuntime runtime({.seed = 17, .max_runs = 1'000});
        (void)runtime.BlockOn(SpinForever());
      },
      "1000 runs and no end \\(seed 17");
}

TEST(DeterministicRuntimeDeathTest, RefusesMisuse) {
  DeterministicRuntime runtime;
  EXPECT_DEATH((void)runtime.BlockOn(BlockInside(runtime)), "inside a task of this runtime");
  EXPECT_DEATH(std::thread([&] { Spawn(runtime, Ready<int>(1)).Detach(); }).join(),
               "from another thread");
  EXPECT_DEATH(DeterministicRuntime({.max_run_time = absl::Seconds(-1)}), "must be finite");
}

TEST(SeedsToTryTest, TheEnvironmentChoosesOne) {
  if (std::getenv("WEFT_SEED") == nullptr) {
    EXPECT_EQ(SeedsToTry(3), (std::vector<uint64_t>{1, 2, 3}));
  }
  setenv("WEFT_SEED", "99", 1);
  EXPECT_EQ(SeedsToTry(3), std::vector<uint64_t>{99});
  setenv("WEFT_SEED", "x", 1);
  EXPECT_DEATH(SeedsToTry(3), "found 'x'");
  unsetenv("WEFT_SEED");
}

}  // namespace
}  // namespace weft

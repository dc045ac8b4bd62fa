// Question: are timers and descriptors watched, whatever the workers do, and is idleness free?
// Method: real clock and real pipes. Times are only compared with lower bounds.
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "future/task.h"
#include "future/waker.h"
#include "gtest/gtest.h"
#include "reactor/operation.h"
#include "runtime/internal/test_io.h"
#include "runtime/internal/test_support.h"
#include "runtime/runtime.h"
#include "runtime/stats.h"

namespace weft {
namespace {

using runtime_internal::Add;
using runtime_internal::OperationFuture;
using runtime_internal::SleepThenSet;
using runtime_internal::Workers;
using runtime_internal::YieldUntil;

Task<Instant> SleepThenNow(absl::Duration duration) {
  co_await SleepFor(duration);
  co_return MonotonicNow();
}

TEST(RuntimeTimerTest, SleepIsNeverEarly) {
  Runtime runtime(Workers(2));
  std::vector<std::pair<Instant, JoinHandle<Instant>>> sleeps;
  for (int ms = 0; ms < 20; ++ms) {
    const Instant due = MonotonicNow() + absl::Milliseconds(ms);
    sleeps.emplace_back(due, Spawn(runtime, SleepThenNow(absl::Milliseconds(ms))));
  }
  for (auto& [due, handle] : sleeps) EXPECT_GE(*runtime.BlockOn(std::move(handle)), due);
}

TEST(RuntimeTimerTest, BusyWorkerLooksAtTimers) {
  Runtime runtime(Workers(1));
  std::atomic<bool> flag{false};
  Spawn(runtime, SleepThenSet(absl::Milliseconds(5), flag)).Detach();
  EXPECT_TRUE(runtime.BlockOn(YieldUntil(flag)).ok());
}

TEST(RuntimeTimerTest, IdleWorkerWatchesTimersWhileAnotherIsStuck) {
  Runtime runtime(Workers(2));
  std::atomic<bool> flag{false};
  Spawn(runtime, SleepThenSet(absl::Milliseconds(5), flag)).Detach();
  // Occupies its worker until the timer has fired on the other one.
  EXPECT_TRUE(runtime
                  .BlockOn(PollFn([&flag](Context&) -> Poll<void> {
                    while (!flag.load()) std::this_thread::yield();
                    return Poll<void>::Ready();
                  }))
                  .ok());
}

Task<void> SleepThenHoldWorkerUntil(absl::Duration duration, std::atomic<bool>& flag) {
  co_await SleepFor(duration);
  while (!flag.load()) std::this_thread::yield();
}

// The first timer's task takes the polling worker away: another idle one must take over the watch.
TEST(RuntimeTimerTest, WatchIsHandedOverWhenThePollerGetsWork) {
  Runtime runtime(Workers(2));
  for (int round = 0; round < 3; ++round) {
    std::atomic<bool> flag{false};
    auto held = Spawn(runtime, SleepThenHoldWorkerUntil(absl::Milliseconds(2), flag));
    auto setter = Spawn(runtime, SleepThenSet(absl::Milliseconds(8), flag));
    EXPECT_TRUE(runtime.BlockOn(std::move(held)).ok());
    EXPECT_TRUE(runtime.BlockOn(std::move(setter)).ok());
  }
}

// A timer that is due at the worker's next look, and the Runnable that it wakes. Both note how many
// other runs there were before.
class Alarm final : public Runnable {
 public:
  Alarm(Executor* executor, const int* other_runs) : executor_(*executor), runs_(*other_runs) {}

  void Arm() {
    static constexpr Waker::VTable kVTable = {
        .add_ref = [](void*) {},
        .drop = [](void*) {},
        .wake =
            [](void* data) {
              auto* const self = static_cast<Alarm*>(data);
              self->runs_at_wake = self->runs_;
              self->executor_.Schedule(self, ScheduleHint::kWake);
            },
    };
    executor_.timers().Arm(slot_, executor_.Now(), Waker(&kVTable, this));
  }

  void Run() noexcept override {
    runs_at_run = runs_;
    is_done = true;
  }

  int runs_at_wake = -1;
  int runs_at_run = -1;
  std::atomic<bool> is_done{false};

 private:
  Executor& executor_;
  const int& runs_;
  TimerSlot slot_;
};

Task<void> YieldAndCountUntil(std::atomic<bool>& flag, int& runs) {
  while (!flag.load()) {
    ++runs;
    co_await YieldNow();
  }
}

TEST(RuntimeTimerTest, LongQueueDoesNotDelayWhatATimerHasWoken) {
  Runtime runtime(Workers(1));
  int runs = 0;  // one worker: no two runs at once
  Alarm alarm(&runtime, &runs);
  std::vector<JoinHandle<void>> yielders;
  for (int i = 0; i < 100; ++i) {
    yielders.push_back(Spawn(runtime, YieldAndCountUntil(alarm.is_done, runs)));
  }
  alarm.Arm();
  for (auto& yielder : yielders) EXPECT_TRUE(runtime.BlockOn(std::move(yielder)).ok());
  EXPECT_GE(alarm.runs_at_wake, 0);
  EXPECT_LE(alarm.runs_at_run, alarm.runs_at_wake + 1);  // one, if the injector has its turn
}

// While the poller waits for a distant timer, an earlier one is armed from another thread.
TEST(RuntimeTimerTest, EarlierTimerInterruptsTheWaitForALaterOne) {
  Runtime runtime(Workers(1));
  auto distant = Spawn(runtime, SleepFor(absl::Hours(1)));
  while (runtime.Stats().Total().polls == 0) std::this_thread::yield();
  const Instant start = MonotonicNow();
  EXPECT_GE(*runtime.BlockOn(SleepThenNow(absl::Milliseconds(2))), start + absl::Milliseconds(2));
  distant.Cancel();
  EXPECT_TRUE(absl::IsCancelled(runtime.BlockOn(std::move(distant))));
}

// Ready when a descriptor is readable.
OperationFuture Readable(Runtime& runtime, int fd) {
  return OperationFuture(runtime.reactor(), OperationKind::kPollReadable, fd);
}

Task<void> WriteByte(int fd) {
  const char byte = 'x';
  if (write(fd, &byte, 1) != 1) throw std::runtime_error("write failed");
  co_return;
}

TEST(RuntimeReactorTest, ReadinessOfAPipeWakesATask) {
  for (const int workers : {1, 2}) {
    int fds[2];
    ASSERT_EQ(pipe(fds), 0);
    {
      Runtime runtime(Workers(workers));
      auto reader = Spawn(runtime, Readable(runtime, fds[0]));
      EXPECT_TRUE(runtime.BlockOn(WriteByte(fds[1])).ok());
      const absl::StatusOr<int64_t> events = runtime.BlockOn(std::move(reader));
      ASSERT_TRUE(events.ok());
      EXPECT_GT(*events, 0);
    }
    close(fds[0]);
    close(fds[1]);
  }
}

TEST(RuntimeReactorTest, BusyWorkerLooksAtTheReactor) {
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  {
    Runtime runtime(Workers(1));
    std::atomic<bool> flag{false};
    auto yielder = Spawn(runtime, YieldUntil(flag));
    auto reader = Spawn(runtime, Readable(runtime, fds[0]));
    EXPECT_TRUE(runtime.BlockOn(WriteByte(fds[1])).ok());
    EXPECT_TRUE(runtime.BlockOn(std::move(reader)).ok());
    flag = true;
    EXPECT_TRUE(runtime.BlockOn(std::move(yielder)).ok());
  }
  close(fds[0]);
  close(fds[1]);
}

// The poller's waits and the sleepers' parks are all that workers without work could do. A machine
// under load may take its time until they have come to rest, so this looks repeatedly.
bool ComesToRest(Runtime& runtime) {
  Runtime clock(Workers(1));
  for (int i = 0; i < 50; ++i) {
    const WorkerStats before = runtime.Stats().Total();
    EXPECT_TRUE(clock.BlockOn(SleepFor(absl::Milliseconds(50))).ok());
    const WorkerStats after = runtime.Stats().Total();
    if (after.parks == before.parks && after.polls == before.polls) return true;
  }
  return false;
}

// The others have something to watch meanwhile.
Task<void> SpawnAndJoinEach(Executor& executor, int count) {
  for (int i = 0; i < count; ++i) {
    JoinHandle<int> child = Spawn(executor, Add(1, 1));
    EXPECT_EQ(*co_await std::move(child), 2);
  }
}

TEST(RuntimeIdleTest, AnIdleRuntimeDoesNotWakeUp) {
  Runtime idle(Workers(4));
  auto distant = Spawn(idle, SleepFor(absl::Hours(1)));
  ASSERT_TRUE(idle.BlockOn(SleepFor(absl::Milliseconds(1))).ok());
  EXPECT_TRUE(ComesToRest(idle));
  ASSERT_TRUE(idle.BlockOn(SpawnAndJoinEach(idle, 10'000)).ok());
  EXPECT_TRUE(ComesToRest(idle));
  distant.Cancel();
}

TEST(RuntimeIdleTest, NobodyWakesUpBesideAWorkerThatKeepsNothing) {
  Runtime runtime(Workers(4));
  std::atomic<bool> has_spawned{false};
  std::atomic<bool> flag{false};
  auto busy = [](Executor& executor, std::atomic<bool>& spawned,
                 std::atomic<bool>& done) -> Task<void> {
    co_await SpawnAndJoinEach(executor, 10'000);
    spawned = true;
    while (!done.load()) std::this_thread::yield();
  };
  auto handle = Spawn(runtime, busy(runtime, has_spawned, flag));
  while (!has_spawned.load()) std::this_thread::yield();
  EXPECT_TRUE(ComesToRest(runtime));
  flag = true;
  EXPECT_TRUE(runtime.BlockOn(std::move(handle)).ok());
}

}  // namespace
}  // namespace weft

// Question: do tasks that give way to one another keep what is each one's own: order, stop, waker,
// result, executor?
// Method: one worker, whose run goes on with the next task of the same kind; the tasks note when
// they run.
#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/instant.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/spawn.h"
#include "future/task.h"
#include "future/waker.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/internal/test_support.h"
#include "runtime/runtime.h"
#include "runtime/stats.h"

namespace weft {
namespace {

using runtime_internal::Event;
using runtime_internal::Workers;
using testing::ElementsAre;

using Log = std::string;

Task<> Note(Log& log, char name, int times) {
  for (int i = 0; i < times; ++i) {
    log += name;
    co_await YieldNow();
  }
}

Task<int> NoteAndAnswer(Log& log, char name, int answer) {
  co_await Note(log, name, 3);
  co_return answer;
}

// Runs `body` on one worker, which has nothing else to do.
template <typename Body>
void RunOnOneWorker(Body body) {
  Runtime runtime(Workers(1));
  ASSERT_TRUE(runtime.BlockOn(body(runtime)).ok());
}

TEST(YieldTest, TasksOfOneKindTakeTurns) {
  Log log;
  RunOnOneWorker([&log](Executor& executor) -> Task<> {
    JoinHandle<void> a = Spawn(executor, Note(log, 'a', 4));
    JoinHandle<void> b = Spawn(executor, Note(log, 'b', 2));
    JoinHandle<void> c = Spawn(executor, Note(log, 'c', 3));
    (void)co_await std::move(c);
    (void)co_await std::move(b);
    (void)co_await std::move(a);
  });
  EXPECT_EQ(log, "abcabcaca");
}

TEST(YieldTest, TasksOfSeveralKindsTakeTurns) {
  Log log;
  const auto poll = [&log, left = 3](Context& cx) mutable -> Poll<void> {
    if (left-- == 0) return Poll<void>::Ready();
    log += 'p';
    cx.PollAgain();
    return kPending;
  };
  RunOnOneWorker([&](Executor& executor) -> Task<> {
    JoinHandle<void> first = Spawn(executor, Note(log, 'a', 3));
    JoinHandle<void> second = Spawn(executor, PollFn(poll));
    JoinHandle<int> third = Spawn(executor, NoteAndAnswer(log, 'i', 7));
    JoinHandle<void> fourth = Spawn(executor, Note(log, 'b', 3));
    (void)co_await std::move(fourth);
    const absl::StatusOr<int> answer = co_await std::move(third);
    EXPECT_EQ(*answer, 7);
    (void)co_await std::move(second);
    (void)co_await std::move(first);
  });
  EXPECT_EQ(log, "apibapibapib");
}

Task<std::string> YieldAndAnswer(std::string answer) {
  co_await YieldNow();
  co_return answer;
}

// One ends in the run that its predecessor, of another kind, began.
TEST(YieldTest, TasksOfSeveralKindsEndInTurn) {
  Log log;
  RunOnOneWorker([&log](Executor& executor) -> Task<> {
    JoinHandle<void> first = Spawn(executor, Note(log, 'a', 4));  // from the slot
    JoinHandle<int> number = Spawn(executor, NoteAndAnswer(log, 'i', 7));
    JoinHandle<std::string> text = Spawn(executor, YieldAndAnswer(std::string(100, 't')));
    (void)co_await std::move(first);
    const absl::StatusOr<int> seven = co_await std::move(number);
    EXPECT_EQ(*seven, 7);
    const absl::StatusOr<std::string> hundred = co_await std::move(text);
    EXPECT_EQ(*hundred, std::string(100, 't'));
  });
}

TEST(YieldTest, EachHasItsOwnResult) {
  Log log;
  std::vector<int> answers;
  RunOnOneWorker([&](Executor& executor) -> Task<> {
    std::vector<JoinHandle<int>> handles;
    for (int i = 0; i < 5; ++i) handles.push_back(Spawn(executor, NoteAndAnswer(log, 'i', i)));
    for (JoinHandle<int>& handle : handles) {
      const absl::StatusOr<int> answer = co_await std::move(handle);
      answers.push_back(*answer);
    }
  });
  EXPECT_THAT(answers, ElementsAre(0, 1, 2, 3, 4));
}

// A stop that was asked of the handle, and one by a token.
TEST(YieldTest, AStopIsForOneTaskOnly) {
  Log log;
  RunOnOneWorker([&log](Executor& executor) -> Task<> {
    CancelSource source(executor.token());
    JoinHandle<void> a = Spawn(executor, Note(log, 'a', 4));
    JoinHandle<void> b = Spawn(executor, Note(log, 'b', 4));
    JoinHandle<void> c = Spawn(executor, Note(log, 'c', 4), SpawnOptions{.token = source.token()});
    JoinHandle<void> d = Spawn(executor, Note(log, 'd', 4));
    co_await YieldNow();
    co_await YieldNow();
    b.Cancel();
    source.Cancel();
    const absl::Status first = co_await std::move(a);
    const absl::Status second = co_await std::move(b);
    const absl::Status third = co_await std::move(c);
    const absl::Status fourth = co_await std::move(d);
    EXPECT_TRUE(first.ok() && fourth.ok());
    EXPECT_TRUE(absl::IsCancelled(second) && absl::IsCancelled(third));
  });
  EXPECT_EQ(log, "abcdabcdadad");
}

Task<> NoteWhenWoken(Log& log, char name, Event& event) {
  co_await Note(log, name, 1);
  co_await event.Wait();
  log += name;
}

TEST(YieldTest, EachIsWokenForItself) {
  Log log;
  Event events[3];
  RunOnOneWorker([&](Executor& executor) -> Task<> {
    JoinHandle<void> a = Spawn(executor, NoteWhenWoken(log, 'a', events[0]));
    JoinHandle<void> b = Spawn(executor, NoteWhenWoken(log, 'b', events[1]));
    JoinHandle<void> c = Spawn(executor, NoteWhenWoken(log, 'c', events[2]));
    for (int i = 0; i < 3; ++i) co_await YieldNow();
    log += '|';
    events[2].Set();
    (void)co_await std::move(c);
    events[0].Set();
    (void)co_await std::move(a);
    events[1].Set();
    (void)co_await std::move(b);
  });
  EXPECT_EQ(log, "abc|cab");
}

// Is ready when it was polled `polls_needed` times; whoever wants that wakes it in between.
class Counted {
 public:
  explicit Counted(int polls_needed) : needed_(polls_needed) {}

  auto Wait() {
    return PollFn([this](Context& cx) -> Poll<void> {
      if (++polls_ == needed_) return Poll<void>::Ready();
      waker_ = cx.waker().Clone();
      return kPending;
    });
  }
  void Wake() { waker_.WakeByRef(); }
  int polls() const { return polls_; }

 private:
  const int needed_;
  int polls_ = 0;
  Waker waker_;
};

Task<> YieldByPolls(int times) {
  co_await PollFn([times](Context& cx) mutable -> Poll<void> {
    if (times-- == 0) return Poll<void>::Ready();
    cx.PollAgain();
    return kPending;
  });
}

Task<> WaitFor(Counted& what) { co_await what.Wait(); }

// Three tasks wait. When they are woken, one of them gives way, and the run goes on with the second
// one, which needs one more poll than that.
void PollsWhoWaitsOnlyWhenWoken(Task<> give_way) {
  Counted first(2), second(3), in_slot(2);
  RunOnOneWorker([&](Executor& executor) -> Task<> {
    JoinHandle<void> a = Spawn(executor, [](Counted& what, Task<> then) -> Task<> {
      co_await what.Wait();
      co_await std::move(then);
    }(first, std::move(give_way)));
    JoinHandle<void> b = Spawn(executor, WaitFor(second));
    JoinHandle<void> c = Spawn(executor, WaitFor(in_slot));
    co_await YieldNow();
    for (Counted* each : {&first, &second, &in_slot}) each->Wake();
    (void)co_await std::move(a);
    EXPECT_EQ(second.polls(), 2);
    second.Wake();
    (void)co_await std::move(b);
    (void)co_await std::move(c);
  });
}

TEST(YieldTest, WhoWaitsBehindOneThatGaveWayIsNotPolledAgain) {
  Log log;
  PollsWhoWaitsOnlyWhenWoken(Note(log, 'a', 20));
}

TEST(YieldTest, WhoWaitsBehindOneThatAskedToBePolledIsNotPolledAgain) {
  PollsWhoWaitsOnlyWhenWoken(YieldByPolls(20));
}

// Passes all on to a runtime, and counts the yields.
class YieldCounter final : public Executor {
 public:
  explicit YieldCounter(Runtime& runtime) : runtime_(runtime) {}

  int yields() const { return yields_.load(); }

  void Schedule(Runnable* runnable, ScheduleHint hint) override {
    if (hint == ScheduleHint::kYield) yields_.fetch_add(1);
    runtime_.Schedule(runnable, hint);
  }
  void ScheduleBlocking(Runnable* job) override { runtime_.ScheduleBlocking(job); }
  Instant Now() override { return runtime_.Now(); }
  TimerService& timers() override { return runtime_.timers(); }
  const CancelToken& token() override { return runtime_.token(); }
  void OnTaskSpawned() override { runtime_.OnTaskSpawned(); }
  void OnTaskFinished() override { runtime_.OnTaskFinished(); }

 private:
  Runtime& runtime_;
  std::atomic<int> yields_{0};
};

TEST(YieldTest, AYieldGoesThroughTheExecutorOfItsTask) {
  Runtime runtime(Workers(1));
  YieldCounter counter(runtime);
  Log log;
  ASSERT_TRUE(runtime
                  .BlockOn([](Executor& home, Executor& counted, Log& out) -> Task<> {
                    JoinHandle<void> a = Spawn(home, Note(out, 'a', 4));  // from the slot
                    JoinHandle<void> b = Spawn(home, Note(out, 'b', 3));
                    JoinHandle<void> c = Spawn(counted, Note(out, 'c', 3));
                    JoinHandle<void> d = Spawn(home, Note(out, 'd', 3));
                    co_await YieldNow();
                    (void)co_await std::move(d);
                    (void)co_await std::move(c);
                    (void)co_await std::move(b);
                    (void)co_await std::move(a);
                  }(runtime, counter, log))
                  .ok());
  EXPECT_EQ(counter.yields(), 3);
  EXPECT_EQ(log, "abcdabcdabcda");
}

TEST(YieldTest, EachRunIsCounted) {
  constexpr int kTasks = 3;
  constexpr int kYields = 1'000;
  Log log;
  Runtime runtime(Workers(1));
  const auto runs = [&runtime] { return runtime.Stats().Total().tasks_run; };
  const auto before = runs();
  ASSERT_TRUE(runtime
                  .BlockOn([](Executor& executor, Log& out) -> Task<> {
                    std::vector<JoinHandle<void>> handles;
                    for (int i = 0; i < kTasks; ++i) {
                      handles.push_back(Spawn(executor, Note(out, 'a', kYields)));
                    }
                    for (JoinHandle<void>& handle : handles) (void)co_await std::move(handle);
                  }(runtime, log))
                  .ok());
  const auto own = runs() - before - kTasks * (kYields + 1);
  EXPECT_LE(own, 2u * kTasks);  // of the task that spawns and joins
}

}  // namespace
}  // namespace weft

#include "future/stream.h"

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "future/buffered.h"
#include "future/cancel_harness.h"
#include "future/context.h"
#include "future/fault_harness.h"
#include "future/finally.h"
#include "future/future.h"
#include "future/futures_unordered.h"
#include "future/manual_executor.h"
#include "future/map.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/scripted.h"
#include "future/select.h"
#include "future/sleep.h"
#include "future/stream_ops.h"
#include "future/task.h"
#include "future/waker.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

using Counter = ScriptedCounter;

static_assert(Stream<Counter>);

class StreamTest : public testing::Test {
 protected:
  template <typename F>
  auto Run(F future) {
    return executor_.BlockOn(std::move(future));
  }

  Context PollContext() { return Context(waker_, token_, &executor_); }

  const Waker waker_;
  const CancelToken token_;
  ManualExecutor executor_;
  bool is_finished_ = false;
};

using StreamDeathTest = StreamTest;

using Ints = std::vector<int>;

TEST_F(StreamTest, CollectGivesAllItemsInOrder) {
  EXPECT_EQ(*Run(Collect(Counter(5, &is_finished_))), (Ints{1, 2, 3, 4, 5}));
  EXPECT_EQ(*Run(Collect(FromRange(std::vector<std::string>{"a", "b"}))),
            (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(Run(Collect(FromRange(Ints{})))->empty());
}

TEST_F(StreamTest, MapFilterAndTake) {
  auto even = FilterItems(Counter(100, &is_finished_), [](int n) { return n % 2 == 0; });
  auto squares = MapItems(std::move(even), [](int n) { return n * n; });
  EXPECT_EQ(*Run(Collect(TakeItems(std::move(squares), 3))), (Ints{4, 16, 36}));
  EXPECT_TRUE(is_finished_);  // Take has closed its source
}

TEST_F(StreamTest, ForEachHandsItemsOverAndClosesAfterAThrow) {
  Ints seen;
  EXPECT_TRUE(Run(ForEach(Counter(3, &is_finished_), [&](int n) { seen.push_back(n); })).ok());
  EXPECT_EQ(seen, (Ints{1, 2, 3}));
  is_finished_ = false;
  auto failing = ForEach(Counter(3, &is_finished_), [](int n) {
    if (n == 2) throw std::runtime_error("two");
  });
  EXPECT_THROW((void)Run(std::move(failing)), std::runtime_error);
  EXPECT_TRUE(is_finished_);
  is_finished_ = false;
  auto throwing =
      MapItems(Counter(3, &is_finished_), [](int) -> int { throw std::logic_error("x"); });
  EXPECT_THROW((void)Run(Collect(std::move(throwing))), std::logic_error);
  EXPECT_TRUE(is_finished_);
}

// Next() loses to a timer again and again, and no item is lost.
Task<Ints> SlowlyInTurns(bool* is_finished) {
  Counter counter(5, is_finished);
  Ints seen;
  while (true) {
    auto first = co_await Select(Next(counter), YieldNow());
    if (first.index() == 1) continue;
    std::optional<int> item = std::get<0>(first);
    if (!item) co_return seen;
    seen.push_back(*item);
  }
}

TEST_F(StreamTest, NextThatLosesASelectLosesNothing) {
  EXPECT_EQ(*Run(SlowlyInTurns(&is_finished_)), (Ints{1, 2, 3, 4, 5}));
}

Task<int> FirstOf(Counter& counter) {
  std::optional<int> item = co_await Next(counter);
  co_return *item;
}

Task<int> FirstThenClose(bool* is_finished) {
  Counter counter(5, is_finished);
  auto body = FirstOf(counter);
  co_return co_await Finally(std::move(body), Close(counter));
}

TEST_F(StreamTest, CloseIsTheCleanUp) {
  EXPECT_EQ(*Run(FirstThenClose(&is_finished_)), 1);
  EXPECT_TRUE(is_finished_);
}

TEST_F(StreamTest, EverythingIsClosedWhereverItIsCancelled) {
  const int points = CancelEverywhere([](CancelProbe& probe) {
    bool is_finished = false;
    {
      auto squares = MapItems(Counter(4, &is_finished), [](int n) { return n * n; });
      auto result = probe.Run(Collect(TakeItems(std::move(squares), 3)));
      // It may have all its items already, and wait for its source to close.
      EXPECT_TRUE(result.IsReady() || probe.stop_requested());
      if (result.IsReady()) {
        EXPECT_EQ(result.value(), (Ints{1, 4, 9}));
      }
    }
    is_finished = false;
    const auto first = probe.Run(FirstThenClose(&is_finished));
    EXPECT_TRUE(is_finished || first.IsStopped());
  });
  EXPECT_GT(points, 3);
}

// Like everything that keeps items: its source is closed before std::bad_alloc goes on.
TEST_F(StreamTest, Regression_CollectClosesItsStreamWhenMemoryRunsOut) {
  const int places = FailAllocationsEverywhere([](FaultProbe& probe) {
    bool is_finished = false;
    const auto end = probe.Run(Collect(Counter(4, &is_finished)));
    EXPECT_TRUE(is_finished);
    EXPECT_EQ(end->ok(), !probe.has_struck());
  });
  EXPECT_GT(places, 0);
}

Task<int> After(int milliseconds, int value) {
  co_await SleepFor(absl::Milliseconds(milliseconds));
  co_return value;
}

TEST_F(StreamTest, FuturesUnorderedGivesResultsAsTheyCome) {
  FuturesUnordered<Task<int>> set;
  set.Add(After(30, 3));
  set.Add(After(10, 1));
  set.Add(After(20, 2));
  EXPECT_EQ(set.size(), 3u);
  EXPECT_EQ(*Run(Collect(std::move(set))), (Ints{1, 2, 3}));
}

Task<Ints> AddWhileRunning() {
  FuturesUnordered<Task<int>> set;
  Ints seen;
  for (int round = 0; round < 3; ++round) {
    set.Add(After(2, 10 * round + 2));
    set.Add(After(1, 10 * round + 1));
    while (true) {
      std::optional<int> item = co_await Next(set);
      if (!item) break;
      seen.push_back(*item);
    }
  }
  co_return seen;
}

TEST_F(StreamTest, FuturesUnorderedGoesOnAfterItsEnd) {
  EXPECT_EQ(*Run(AddWhileRunning()), (Ints{1, 2, 11, 12, 21, 22}));
}

// Counts its polls, and is ready once `flag` is set and it is polled.
auto WaitFor(const bool& flag, int* polls, std::vector<Waker>* wakers) {
  return PollFn([&flag, polls, wakers](Context& cx) -> Poll<void> {
    ++*polls;
    if (flag) return Poll<void>::Ready();
    if (cx.StopRequested()) return kStopped;
    wakers->push_back(cx.waker().Clone());
    return kPending;
  });
}

TEST_F(StreamTest, FuturesUnorderedPollsOnlyWhatWasWoken) {
  bool flag = false;
  std::vector<int> polls(100, 0);
  std::vector<Waker> wakers;
  FuturesUnordered<decltype(WaitFor(flag, &polls[0], &wakers))> set;
  for (int& count : polls) set.Add(WaitFor(flag, &count, &wakers));
  Context cx = PollContext();
  EXPECT_TRUE(set.poll_next(cx).IsPending());
  flag = true;
  std::thread([&] { wakers[42].WakeByRef(); }).join();
  wakers[42].WakeByRef();
  EXPECT_TRUE(set.poll_next(cx).IsReady());
  EXPECT_TRUE(set.poll_next(cx).IsPending());
  for (std::size_t i = 0; i < polls.size(); ++i) EXPECT_EQ(polls[i], i == 42 ? 2 : 1);
  wakers[42].WakeByRef();  // of a child that is gone
  flag = false;
  Context stopping = cx.WithStop();
  EXPECT_TRUE(set.poll_next(stopping).IsStopped());
}

TEST_F(StreamTest, Regression_ASetThatWasClosedMayBeUsedAndClosedAgain) {
  const bool flag = false;
  int polls = 0;
  std::vector<Waker> wakers;
  FuturesUnordered<decltype(WaitFor(flag, &polls, &wakers))> set;
  Context cx = PollContext();
  Context stopping = cx.WithStop();
  for (int i = 0; i < 2; ++i) {
    set.Add(WaitFor(flag, &polls, &wakers));
    EXPECT_TRUE(set.poll_next(cx).IsPending());
    EXPECT_TRUE(set.poll_next(stopping).IsStopped());
  }
}

TEST_F(StreamTest, WakersOutliveTheSet) {
  std::vector<Waker> wakers;
  {
    bool flag = false;
    int polls = 0;
    FuturesUnordered<decltype(WaitFor(flag, &polls, &wakers))> set;
    set.Add(WaitFor(flag, &polls, &wakers));
    Context cx = PollContext();
    EXPECT_TRUE(set.poll_next(cx).IsPending());
    Context stopping = cx.WithStop();
    EXPECT_TRUE(set.poll_next(stopping).IsStopped());
    set.Add(WaitFor(flag, &polls, &wakers));  // never polled: may be dropped
  }
  for (Waker& waker : wakers) std::move(waker).Wake();
}

Task<int> Fail(int milliseconds) {
  co_await SleepFor(absl::Milliseconds(milliseconds));
  throw std::runtime_error("failed");
}

TEST_F(StreamTest, AChildsExceptionLeavesTheOthers) {
  auto body = []() -> Task<Ints> {
    FuturesUnordered<Task<int>> set;
    set.Add(Fail(1));
    set.Add(After(2, 7));
    Ints seen;
    for (int i = 0; i < 2; ++i) {
      bool has_failed = false;
      try {
        std::optional<int> item = co_await Next(set);
        seen.push_back(*item);
      } catch (const std::runtime_error&) {
        has_failed = true;
      }
      if (has_failed) seen.push_back(-1);
    }
    co_return seen;
  };
  EXPECT_EQ(*Run(body()), (Ints{-1, 7}));
}

auto Delays(Ints delays) {
  return MapItems(FromRange(std::move(delays)), [](int n) { return After(n, n); });
}

TEST_F(StreamTest, BufferedKeepsTheOrderAndTheLimit) {
  EXPECT_EQ(*Run(Collect(Buffered(Delays({30, 10, 20, 5}), 2))), (Ints{30, 10, 20, 5}));
  EXPECT_EQ(executor_.Now(), Instant() + absl::Milliseconds(50));  // 30 with 10; 20 with 5
  EXPECT_EQ(*Run(Collect(BufferedUnordered(Delays({30, 10, 20, 5}), 2))), (Ints{10, 30, 20, 5}));
}

TEST_F(StreamTest, ForEachConcurrentKeepsTheLimitAndAwaitsAll) {
  EXPECT_TRUE(Run(ForEachConcurrent(FromRange(Ints{30, 10, 20, 5}), 2, [](int n) {
                return SleepFor(absl::Milliseconds(n));
              })).ok());
  EXPECT_EQ(executor_.Now(), Instant() + absl::Milliseconds(35));  // 30 with 10 and 20; then 5
  auto failing = ForEachConcurrent(Counter(9, &is_finished_), 3,
                                   [](int n) { return n == 2 ? Fail(1) : After(n, n); });
  EXPECT_THROW((void)Run(std::move(failing)), std::runtime_error);
  EXPECT_TRUE(is_finished_);
}

TEST_F(StreamTest, TryForEachConcurrentEndsWithTheFirstErrorAndAwaitsTheRest) {
  int alive = 0;
  const auto visit = [&alive](int n) {
    return Map(After(n, n), [guard = Alive(&alive)](int m) -> absl::Status {
      return m == 20 ? absl::NotFoundError("twenty") : absl::OkStatus();
    });
  };
  EXPECT_EQ(Run(TryForEachConcurrent(FromRange(Ints{30, 10, 10, 5}), 2, visit)), absl::OkStatus());
  EXPECT_EQ(executor_.Now(), Instant() + absl::Milliseconds(30));  // beside the 30: 10, 10, 5
  EXPECT_EQ(Run(TryForEachConcurrent(FromRange(Ints{99, 20, 1}), 2, visit)).message(), "twenty");
  EXPECT_EQ(executor_.Now(), Instant() + absl::Milliseconds(50));  // the 99 did not go on
  EXPECT_EQ(alive, 0);
  // An error among the items is as good, and closes the source.
  int calls = 0;
  auto items = MapItems(Counter(9, &is_finished_), [](int n) {
    return n < 3 ? absl::StatusOr<int>(n) : absl::OutOfRangeError("three");
  });
  auto ends = TryForEachConcurrent(std::move(items), 2, [&calls](int n) {
    ++calls;
    return Map(After(n, n), [](int m) { return absl::StatusOr<int>(m); });
  });
  EXPECT_EQ(Run(std::move(ends)).message(), "three");
  EXPECT_EQ(calls, 2);
  EXPECT_TRUE(is_finished_);
}

TEST_F(StreamTest, BufferedStopsAndAwaitsTheRestAfterAFailure) {
  auto some =
      MapItems(Counter(9, &is_finished_), [](int n) { return n == 2 ? Fail(1) : After(n, n); });
  EXPECT_THROW((void)Run(Collect(Buffered(std::move(some), 3))), std::runtime_error);
  EXPECT_TRUE(is_finished_);
}

TEST_F(StreamTest, BufferedIsClosedWhereverItIsCancelled) {
  const int points = CancelEverywhere([](CancelProbe& probe) {
    bool is_finished = false;
    auto futures = MapItems(Counter(4, &is_finished), [](int n) { return After(5 - n, n); });
    auto result = probe.Run(Collect(Buffered(std::move(futures), 2)));
    EXPECT_TRUE(is_finished || (result.IsStopped() && probe.stop_requested()));
    if (result.IsReady()) {
      EXPECT_EQ(result.value(), (Ints{1, 2, 3, 4}));
    }
  });
  EXPECT_GT(points, 3);
}

TEST_F(StreamDeathTest, RefusesMisuse) {
  EXPECT_DEATH((void)Buffered(Delays({1}), 0), "limit must be positive");
  EXPECT_DEATH(
      {
        FuturesUnordered<Task<int>> set;
        set.Add(After(1, 1));
        Context cx = PollContext();
        (void)set.poll_next(cx);
        // Goes on to ~FuturesUnordered().
      },
      "1 of its futures or streams may be in flight; co_await Close");
}

}  // namespace
}  // namespace weft

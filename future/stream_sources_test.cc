// Goal: the contract of where streams come from: any type (AnyStream), functions (FromFutures,
// PollNextFn), the clock (Ticks), and a function again after each error (RetryItems).
// everywhere_streams_test.cc has the places where they may be stopped or fail.
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "future/any_stream.h"
#include "future/async_generator.h"
#include "future/context.h"
#include "future/from_futures.h"
#include "future/merge.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/retry.h"
#include "future/retry_budget.h"
#include "future/retry_items.h"
#include "future/scripted.h"
#include "future/sleep.h"
#include "future/stream.h"
#include "future/stream_ops.h"
#include "future/task.h"
#include "future/ticks.h"
#include "future/zip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "timer/interval.h"
#include "tools/stress/allocations.h"

namespace weft {
namespace {

using testing::ElementsAre;

using Ints = std::vector<int>;
using IntOr = absl::StatusOr<int>;

class StreamSourcesTest : public ScriptedTest {
 protected:
  template <Stream S>
  auto All(S stream) {
    return *executor_.BlockOn(Collect(std::move(stream)));
  }
  Instant At(int milliseconds) { return Instant() + absl::Milliseconds(milliseconds); }

  bool is_finished_ = false;
};

using AnyStreamTest = StreamSourcesTest;

TEST_F(AnyStreamTest, HoldsStreamsOfDifferentTypesAndSizes) {
  std::vector<AnyStream<int>> streams;
  streams.push_back(ScriptedCounter(2, &is_finished_));
  streams.push_back(FromRange(Ints{10}));
  streams.push_back(MapItems(FromRange(Ints{20}), [big = std::string(200, 'x')](int n) {
    return n + (big.size() == 200);
  }));
  EXPECT_THAT(All(Merge(std::move(streams))), testing::UnorderedElementsAre(1, 2, 10, 21));
  EXPECT_TRUE(is_finished_);
}

TEST_F(AnyStreamTest, AllocatesForLargeOnesOnlyAndDestroysEachOnce) {
  const auto value = std::make_shared<int>(7);
  {
    const auto before = stress::AllocationCount();
    AnyStream<int> small = MapItems(FromRange(std::views::iota(0, 1)), [value](int) { return 7; });
    AnyStream<int> moved = std::move(small);
    EXPECT_EQ(stress::AllocationCount(), before);
    AnyStream<int, 8> large =
        MapItems(FromRange(std::views::iota(0, 1)), [value](int) { return 7; });
    EXPECT_EQ(stress::AllocationCount(), before + 1);
    EXPECT_EQ(value.use_count(), 3);
    moved = FromRange(Ints{1});
    EXPECT_EQ(value.use_count(), 2);
    EXPECT_DEATH((void)Poll(small), "found that it was moved away");
    EXPECT_EQ(All(std::move(large)), (Ints{7}));
  }
  EXPECT_EQ(value.use_count(), 1);
}

using FromFuturesTest = StreamSourcesTest;

TEST_F(FromFuturesTest, GivesTheValuesUntilThereIsNone) {
  auto countdown = FromFutures([n = 3]() mutable {
    return Ready<std::optional<int>>(n > 0 ? std::optional<int>(n--) : std::nullopt);
  });
  EXPECT_EQ(All(std::move(countdown)), (Ints{3, 2, 1}));
}

Task<std::optional<int>> AfterOneMillisecond(int value) {
  co_await SleepFor(absl::Milliseconds(1));
  co_return value;
}

TEST_F(FromFuturesTest, HasOneFutureAtATime) {
  auto slow = FromFutures([n = 0]() mutable { return AfterOneMillisecond(n++); });
  EXPECT_EQ(All(TakeItems(std::move(slow), 3)), (Ints{0, 1, 2}));
  EXPECT_EQ(executor_.Now(), At(3));
}

TEST_F(FromFuturesTest, AStopBeginsNone) {
  int calls = 0;
  auto stream = FromFutures([&calls] { return ++calls, Ready<std::optional<int>>(1); });
  EXPECT_TRUE(Poll(stream).IsReady());
  EXPECT_TRUE(PollStopped(stream).IsStopped());
  EXPECT_EQ(calls, 1);
}

Task<Ints> LendTwice(bool* is_finished) {
  ScriptedCounter counter(5, is_finished);
  auto first = Collect(TakeItems(FromFutures([&counter] { return Next(counter); }), 2));
  Ints items = co_await std::move(first);
  auto rest = Collect(FromFutures([&counter] { return Next(counter); }));
  const Ints behind = co_await std::move(rest);
  items.push_back(-1);
  items.insert(items.end(), behind.begin(), behind.end());
  co_return items;
}

TEST_F(FromFuturesTest, LendsAStreamThatGoesOnAfterwards) {
  EXPECT_EQ(*executor_.BlockOn(LendTwice(&is_finished_)), (Ints{1, 2, -1, 3, 4, 5}));
  EXPECT_TRUE(is_finished_);
}

TEST_F(FromFuturesTest, PollNextFnPollsByTheFunction) {
  auto three = PollNextFn([n = 0](Context&) mutable -> weft::Poll<std::optional<int>> {
    return n < 3 ? std::optional<int>(n++) : std::nullopt;
  });
  static_assert(std::is_same_v<ItemOf<decltype(three)>, int>);
  EXPECT_EQ(All(std::move(three)), (Ints{0, 1, 2}));
}

TEST_F(FromFuturesTest, AViewIsARange) {
  EXPECT_EQ(All(TakeItems(FromRange(std::views::iota(5)), 3)), (Ints{5, 6, 7}));
}

using TicksTest = StreamSourcesTest;

// The ticks of a consumer that is busy for so many milliseconds behind each, in milliseconds.
AsyncGenerator<int> Counted(TicksStream ticks, Ints busy) {
  for (const int pause : busy) {
    std::optional<Instant> tick = co_await Next(ticks);
    co_yield static_cast<int>((*tick - Instant()) / absl::Milliseconds(1));
    co_await SleepFor(absl::Milliseconds(pause));
  }
}

TEST_F(TicksTest, TheScheduleIsAbsolute) {
  const auto period = absl::Milliseconds(10);
  EXPECT_EQ(All(Counted(Ticks(period), {3, 9, 0, 0})), (Ints{0, 10, 20, 30}));
  EXPECT_EQ(executor_.Now(), At(30));
  EXPECT_EQ(All(Counted(Ticks(Interval(At(35), period)), {1, 1})), (Ints{35, 45}));
  EXPECT_EQ(All(Counted(Ticks(period), {0, 0})), (Ints{46, 56}));  // begins when it is asked
}

TEST_F(TicksTest, MissedTicksFollowThePolicy) {
  const auto late = [this](MissedTicks missed) {
    const Interval interval(executor_.Now(), absl::Milliseconds(10), missed);
    const int begin = static_cast<int>((executor_.Now() - Instant()) / absl::Milliseconds(1));
    Ints ticks = All(Counted(Ticks(interval), {35, 0, 0, 0, 0, 0}));
    for (int& tick : ticks) tick -= begin;
    return ticks;
  };
  EXPECT_EQ(late(MissedTicks::kBurst), (Ints{0, 10, 20, 30, 40, 50}));
  EXPECT_EQ(late(MissedTicks::kSkip), (Ints{0, 10, 40, 50, 60, 70}));
  EXPECT_EQ(late(MissedTicks::kDelay), (Ints{0, 10, 45, 55, 65, 75}));
}

TEST_F(TicksTest, ZipWithTicksBoundsTheRate) {
  auto slow = Zip(FromRange(Ints{1, 2, 3}), Ticks(absl::Milliseconds(10), MissedTicks::kDelay));
  EXPECT_EQ(All(std::move(slow)).size(), 3u);
  EXPECT_EQ(executor_.Now(), At(20));
}

TEST_F(TicksTest, StopsAtOnceAndIsSafeToDrop) {
  auto ticks = Ticks(absl::Seconds(1));
  EXPECT_TRUE(Poll(ticks).IsReady());
  EXPECT_TRUE(Poll(ticks).IsPending());
  EXPECT_TRUE(PollStopped(ticks).IsStopped());
  auto dropped = Ticks(Interval(At(1), absl::Seconds(1)));
  EXPECT_TRUE(Poll(dropped).IsPending());
}

class RetryItemsTest : public StreamSourcesTest {
 protected:
  // A stream for each of the lists, and for the rest an empty one. 0 in a list is an error.
  auto Streams(std::vector<Ints> lists) {
    return [this, lists = std::move(lists)] {
      const std::size_t index = attempts_++;
      return MapItems(FromRange(index < lists.size() ? lists[index] : Ints()),
                      [](int n) { return n > 0 ? IntOr(n) : absl::UnavailableError("away"); });
    };
  }
  static Ints ValuesOf(const std::vector<IntOr>& items) {
    Ints values;
    for (const IntOr& item : items) values.push_back(item.value_or(0));
    return values;
  }

  std::size_t attempts_ = 0;
};

TEST_F(RetryItemsTest, OpensAnotherStreamAfterAnError) {
  EXPECT_EQ(ValuesOf(All(RetryItems({.seed = 1}, Streams({{1, 2, 0, 9}, {0}, {3}, {8}})))),
            (Ints{1, 2, 3}));
  EXPECT_EQ(attempts_, 3u);
  EXPECT_GT(executor_.Now(), Instant());
}

TEST_F(RetryItemsTest, AValueBeginsTheCountAnew) {
  const RetryOptions options = {.max_attempts = 2};
  EXPECT_EQ(ValuesOf(All(RetryItems(options, Streams({{1, 0}, {2, 0}, {3, 0}, {4}})))),
            (Ints{1, 2, 3, 4}));
}

TEST_F(RetryItemsTest, GivesUpWithTheLastErrorAndEnds) {
  const auto items = All(RetryItems({.max_attempts = 2}, Streams({{1, 0}, {0}, {2}})));
  EXPECT_EQ(ValuesOf(items), (Ints{1, 0}));
  EXPECT_EQ(items.back().status(),
            absl::UnavailableError("away (gave up after 2 attempts: no attempts are left)"));
}

TEST_F(RetryItemsTest, ABudgetEarnsOnceForAStream) {
  RetryBudget budget({.capacity = 2, .refill_per_success = 1});
  EXPECT_TRUE(budget.TryTake());
  EXPECT_TRUE(budget.TryTake());
  const auto items = All(RetryItems({.budget = &budget}, Streams({{1, 2, 3, 0}, {0}, {4}})));
  EXPECT_EQ(ValuesOf(items), (Ints{1, 2, 3, 0}));
  EXPECT_EQ(budget.left(), 0);
}

TEST_F(RetryItemsTest, TheStreamOfTheErrorIsClosedBeforeTheNextOne) {
  bool are_finished[2] = {false, false};
  int opened = 0;
  const auto open = [&] {
    EXPECT_TRUE(opened == 0 || are_finished[opened - 1]);
    const int index = opened++;
    return MapItems(ScriptedCounter(2, &are_finished[index]), [index](int n) {
      return index == 1 ? IntOr(n) : absl::AbortedError("closed");
    });
  };
  EXPECT_EQ(ValuesOf(All(RetryItems({}, open))), (Ints{1, 2}));
  EXPECT_TRUE(are_finished[1]);
}

TEST_F(RetryItemsTest, ExceptionsAreNotRetried) {
  const auto open = [this] {
    ++attempts_;
    return MapItems(FromRange(Ints{1}), [](int) -> IntOr { throw std::runtime_error("one"); });
  };
  EXPECT_THROW((void)All(RetryItems({}, open)), std::runtime_error);
  EXPECT_EQ(attempts_, 1u);
}

}  // namespace
}  // namespace weft

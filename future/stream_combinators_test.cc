// Goal: what each combinator of streams gives, and that it closes its sources, which refuse misuse,
// at its end, after a throw and when its consumer has had enough. everywhere_streams_test.cc has
// the places where it may be stopped or fail.
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "future/async_generator.h"
#include "future/chunk_items.h"
#include "future/concat.h"
#include "future/context.h"
#include "future/debounce_items.h"
#include "future/map.h"
#include "future/merge.h"
#include "future/peekable.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/scripted.h"
#include "future/sleep.h"
#include "future/stream.h"
#include "future/stream_ops.h"
#include "future/take_until.h"
#include "future/task.h"
#include "future/timeout_items.h"
#include "future/try_items.h"
#include "future/zip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/stress/allocations.h"

namespace weft {
namespace {

using testing::ElementsAre;

using Ints = std::vector<int>;

class StreamCombinatorsTest : public ScriptedTest {
 protected:
  // All items of a stream.
  template <Stream S>
  auto All(S stream) {
    return *executor_.BlockOn(Collect(std::move(stream)));
  }
  template <Future F>
  auto Run(F future) {
    return executor_.BlockOn(std::move(future)).value();
  }
  ScriptedCounter First(int count) { return ScriptedCounter(count, &is_first_finished_); }
  ScriptedCounter Second(int count) { return ScriptedCounter(count, &is_second_finished_); }

  bool AreBothFinished() const { return is_first_finished_ && is_second_finished_; }
  Instant Now() { return executor_.Now(); }

  bool is_first_finished_ = false;
  bool is_second_finished_ = false;
};

using StreamCombinatorsDeathTest = StreamCombinatorsTest;

auto Of(Ints items) { return FromRange(std::move(items)); }

int ThrowAt2(int n) {
  if (n == 2) throw std::runtime_error("two");
  return n;
}

// Gives each number when so many milliseconds have passed since the one before.
AsyncGenerator<int> Slow(Ints delays) {
  for (const int delay : delays) {
    co_await SleepFor(absl::Milliseconds(delay));
    co_yield delay;
  }
}

TEST_F(StreamCombinatorsTest, SkipTakeAndWhile) {
  EXPECT_EQ(All(SkipItems(First(5), 3)), (Ints{4, 5}));
  EXPECT_TRUE(All(SkipItems(Of({1, 2}), 3)).empty());
  EXPECT_TRUE(All(TakeItems(Second(5), 0)).empty());
  EXPECT_TRUE(AreBothFinished());
  EXPECT_EQ(All(SkipItemsWhile(Of({1, 5, 2}), [](int n) { return n < 5; })), (Ints{5, 2}));
  is_first_finished_ = false;
  EXPECT_EQ(All(TakeItemsWhile(First(9), [](int n) { return n < 3; })), (Ints{1, 2}));
  EXPECT_TRUE(is_first_finished_);
}

TEST_F(StreamCombinatorsTest, FilterMapAndScan) {
  EXPECT_EQ(
      All(FilterMapItems(
          First(4), [](int n) { return n % 2 == 0 ? std::optional<int>(10 * n) : std::nullopt; })),
      (Ints{20, 40}));
  EXPECT_EQ(All(ScanItems(Of({1, 2, 3}), 10, std::plus<>())), (Ints{11, 13, 16}));
}

TEST_F(StreamCombinatorsTest, EnumerateAndInspect) {
  int sum = 0;
  auto items = InspectItems(First(3), [&sum](const int& n) { sum += n; });
  EXPECT_THAT(All(EnumerateItems(std::move(items))),
              ElementsAre(std::pair(0u, 1), std::pair(1u, 2), std::pair(2u, 3)));
  EXPECT_EQ(sum, 6);
}

TEST_F(StreamCombinatorsTest, FoldAndFirstItem) {
  EXPECT_EQ(Run(Fold(First(4), 0, std::plus<>())), 10);
  EXPECT_EQ(Run(FirstItem(Second(9))), std::optional<int>(1));
  EXPECT_TRUE(AreBothFinished());
  EXPECT_EQ(Run(FirstItem(Of({}))), std::nullopt);
}

TEST_F(StreamCombinatorsTest, FoldMovesItsState) {
  auto items = MapItems(First(3), [](int n) { return std::make_unique<int>(n); });
  auto largest = Fold(std::move(items), std::unique_ptr<int>(),
                      [](std::unique_ptr<int>, std::unique_ptr<int> item) { return item; });
  EXPECT_EQ(Run(Map(std::move(largest), [](std::unique_ptr<int> n) { return *n; })), 3);
}

TEST_F(StreamCombinatorsTest, MergeGivesItemsAsTheyComeAndInTurns) {
  EXPECT_EQ(All(Merge(Slow({10, 10}), Slow({5, 10}))), (Ints{5, 10, 10, 10}));
  EXPECT_EQ(All(Merge(Of({1, 2, 3}), Of({10, 20}))), (Ints{1, 10, 2, 20, 3}));
  std::vector<ScriptedCounter> many;
  many.push_back(First(2));
  many.push_back(Second(1));
  EXPECT_EQ(Run(Fold(Merge(std::move(many)), 0, std::plus<>())), 4);
  EXPECT_TRUE(AreBothFinished());
  EXPECT_TRUE(All(Merge(std::vector<ScriptedCounter>())).empty());
}

TEST_F(StreamCombinatorsTest, MergeClosesTheOthersWhenOneThrows) {
  auto merged = Merge(MapItems(First(9), ThrowAt2), Second(1'000));
  EXPECT_THROW((void)All(std::move(merged)), std::runtime_error);
  EXPECT_TRUE(AreBothFinished());
}

TEST_F(StreamCombinatorsTest, ZipPairsUntilOneEnds) {
  const auto pairs = All(Zip(First(2), Second(9)));
  EXPECT_EQ(pairs, (std::vector<std::tuple<int, int>>{{1, 1}, {2, 2}}));
  EXPECT_TRUE(AreBothFinished());
  is_first_finished_ = is_second_finished_ = false;
  EXPECT_THROW((void)All(Zip(First(9), MapItems(Second(9), ThrowAt2))), std::runtime_error);
  EXPECT_TRUE(AreBothFinished());
  (void)All(Zip(Slow({10, 10}), Slow({10, 10})));
  EXPECT_EQ(Now(), Instant() + absl::Milliseconds(20));  // side by side
}

// A stream that ended by itself is the end, also while the others refuse to stop for a while.
TEST_F(StreamCombinatorsTest, ZipThatClosesAStreamEndsAndDoesNotStop) {
  auto zip = Zip(Of({1}), Second(9));
  EXPECT_EQ(All(std::move(zip)).size(), 1u);
}

TEST_F(StreamCombinatorsTest, ConcatAndFlatten) {
  EXPECT_EQ(All(Concat(First(2), FromFuture(Ready<int>(7)), Second(1))), (Ints{1, 2, 7, 1}));
  EXPECT_TRUE(AreBothFinished());
  auto ranges = MapItems(Of({1, 0, 2}), [](int n) { return Of(Ints(n, n)); });
  EXPECT_EQ(All(FlattenItems(std::move(ranges))), (Ints{1, 2, 2}));
}

TEST_F(StreamCombinatorsTest, ConcatNeverBeginsWhatIsNotReached) {
  EXPECT_EQ(Run(FirstItem(Concat(First(2), Second(1)))), std::optional<int>(1));
  EXPECT_TRUE(is_first_finished_);
  EXPECT_FALSE(is_second_finished_);
}

TEST_F(StreamCombinatorsTest, FlattenClosesItsSourceWhenAnInnerStreamThrows) {
  auto streams = MapItems(First(9), [](int n) { return MapItems(Of({n}), ThrowAt2); });
  EXPECT_THROW((void)All(FlattenItems(std::move(streams))), std::runtime_error);
  EXPECT_TRUE(is_first_finished_);
}

TEST_F(StreamCombinatorsTest, ThenHasOneFutureAtATime) {
  auto then = ThenItems(
      First(3), [](int n) { return Map(SleepFor(absl::Milliseconds(10)), [n] { return 2 * n; }); });
  EXPECT_EQ(All(std::move(then)), (Ints{2, 4, 6}));
  EXPECT_EQ(Now(), Instant() + absl::Milliseconds(30));
  auto sleeps = ThenItems(Of({1, 2}), [](int) { return SleepFor(absl::Milliseconds(1)); });
  EXPECT_EQ(All(std::move(sleeps)).size(), 2u);  // of std::monostate
}

Ints ValuesOf(const std::vector<absl::StatusOr<int>>& items) {
  Ints values;
  for (const auto& item : items) values.push_back(item.value_or(-1));
  return values;
}

TEST_F(StreamCombinatorsTest, TimeoutIsForEachItem) {
  EXPECT_EQ(ValuesOf(All(TimeoutItems(absl::Milliseconds(15), Slow({10, 10, 10})))),
            (Ints{10, 10, 10}));
  const auto late = All(TimeoutItems(absl::Milliseconds(15), Slow({10, 20, 10})));
  EXPECT_EQ(ValuesOf(late), (Ints{10, -1}));
  EXPECT_TRUE(absl::IsDeadlineExceeded(late.back().status()));
  EXPECT_EQ(Now(), Instant() + absl::Milliseconds(30 + 10 + 15));
}

TEST_F(StreamCombinatorsTest, DeadlineIsForTheWholeStream) {
  const Instant deadline = Instant() + absl::Milliseconds(25);
  EXPECT_EQ(ValuesOf(All(WithDeadlineItems(deadline, Slow({10, 10, 10})))), (Ints{10, 10, -1}));
  EXPECT_EQ(Now(), deadline);
  // Also for a stream that never waits.
  const auto none = All(WithDeadlineItems(deadline, Of({1, 2})));
  EXPECT_EQ(ValuesOf(none), (Ints{-1}));
}

TEST_F(StreamCombinatorsTest, ChunksAreFullButForTheLast) {
  EXPECT_THAT(All(ChunkItems(First(5), 2)), ElementsAre(Ints{1, 2}, Ints{3, 4}, Ints{5}));
  EXPECT_THAT(All(ChunkItems(Of({1, 2}), 2)), ElementsAre(Ints{1, 2}));
  EXPECT_THAT(All(ReadyChunks(Of({1, 2, 3}), 2)), ElementsAre(Ints{1, 2}, Ints{3}));
  EXPECT_THAT(All(ReadyChunks(Second(2), 9)), ElementsAre(Ints{1}, Ints{2}));
}

TEST_F(StreamCombinatorsTest, AStopGivesTheUnfinishedChunkFirst) {
  auto chunks = ChunkItems(First(9), 2);
  while (Poll(chunks).IsPending()) {
  }
  EXPECT_TRUE(Poll(chunks).IsPending());  // 3 is in the next chunk
  EXPECT_TRUE(Poll(chunks).IsPending());
  EXPECT_TRUE(PollStopped(chunks).IsPending());
  EXPECT_EQ(PollStopped(chunks).value(), (Ints{3}));
  EXPECT_TRUE(PollStopped(chunks).IsStopped());
}

TEST_F(StreamCombinatorsTest, TakeUntilEndsWithTheFuture) {
  EXPECT_EQ(All(TakeItemsUntil(Slow({10, 10, 10}), SleepFor(absl::Milliseconds(25)))),
            (Ints{10, 10}));
  EXPECT_EQ(Now(), Instant() + absl::Milliseconds(25));
  EXPECT_TRUE(All(TakeItemsUntil(First(9), Ready<int>(1))).empty());
  EXPECT_FALSE(is_first_finished_);  // never begun
  EXPECT_THROW((void)All(TakeItemsUntil(First(99), Scripted(&c_, 3, 1, Scripted::End::kThrow))),
               std::runtime_error);
  EXPECT_TRUE(is_first_finished_);
}

TEST_F(StreamCombinatorsTest, TakeUntilStopsTheFutureWhenTheSourceEnds) {
  EXPECT_EQ(All(TakeItemsUntil(Of({1, 2}), Scripted(&a_, 1'000, 1))), (Ints{1, 2}));
  EXPECT_TRUE(a_.saw_stop);
  auto slow_to_stop = TakeItemsUntil(Of({}), Scripted(&c_, 9, 1, Scripted::End::kValue, 1));
  EXPECT_TRUE(Poll(slow_to_stop).IsPending());
  EXPECT_EQ(Poll(slow_to_stop).value(), std::nullopt);
  auto failing = TakeItemsUntil(MapItems(First(9), ThrowAt2), Scripted(&b_, 1'000, 1));
  EXPECT_THROW((void)All(std::move(failing)), std::runtime_error);
  EXPECT_TRUE(is_first_finished_ && b_.saw_stop);
}

TEST_F(StreamCombinatorsTest, AFutureThatStopsByItselfStopsTheStream) {
  auto stream = TakeItemsUntil(First(9), Scripted(&a_, 1, 0, Scripted::End::kStop));
  EXPECT_TRUE(Poll(stream).IsPending());
  EXPECT_TRUE(Poll(stream).IsPending());  // the source takes two requests
  EXPECT_TRUE(Poll(stream).IsStopped());
}

TEST_F(StreamCombinatorsTest, DebounceGivesTheLastOfEachBurst) {
  EXPECT_EQ(All(DebounceItems(absl::Milliseconds(5), Slow({1, 2, 9, 3, 4}))), (Ints{2, 4}));
  EXPECT_EQ(Now(), Instant() + absl::Milliseconds(1 + 2 + 9 + 3 + 4));  // the end does not wait
  EXPECT_EQ(All(DebounceItems(absl::Seconds(1), Of({1, 2, 3}))), (Ints{3}));
  EXPECT_THROW((void)All(DebounceItems(absl::Seconds(1), MapItems(First(9), ThrowAt2))),
               std::runtime_error);
  EXPECT_TRUE(is_first_finished_);
}

TEST_F(StreamCombinatorsTest, AStopGivesTheItemThatWaitsForQuiet) {
  auto items = DebounceItems(absl::Seconds(9), First(9));
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(Poll(items).IsPending());
  EXPECT_TRUE(PollStopped(items).IsPending());
  EXPECT_TRUE(PollStopped(items).value().has_value());
  EXPECT_TRUE(PollStopped(items).IsStopped());
}

Task<Ints> PeekAndTake(bool* is_finished) {
  auto items = PeekItems(ScriptedCounter(3, is_finished));
  Ints seen;
  while (true) {
    const int* next = co_await Peek(items);
    if (next == nullptr) break;
    const int peeked = *next;
    const int* again = co_await Peek(items);
    std::optional<int> item = co_await Next(items);
    seen.push_back(again == next && *item == peeked ? peeked : -1);
  }
  std::optional<int> end = co_await Next(items);
  if (end) seen.push_back(-1);
  co_return seen;
}

TEST_F(StreamCombinatorsTest, PeekLeavesTheItemInTheStream) {
  EXPECT_EQ(Run(PeekAndTake(&is_first_finished_)), (Ints{1, 2, 3}));
  EXPECT_TRUE(is_first_finished_);
  auto items = PeekItems(Of({5, 6}));
  auto peek = Peek(items);
  EXPECT_TRUE(PollStopped(peek).IsStopped());  // only the wait
  EXPECT_EQ(*Poll(peek).value(), 5);
  EXPECT_EQ(PollStopped(items).value(), 5);
  EXPECT_TRUE(PollStopped(items).IsStopped());
}

TEST_F(StreamCombinatorsTest, NothingIsAllocatedForAnItem) {
  auto sum = Fold(Merge(ThenItems(First(100), [](int n) { return Ready<int>(n); }),
                        MapItems(Zip(SkipItems(Second(100), 1), Of(Ints(50, 0))),
                                 [](std::tuple<int, int> both) { return std::get<0>(both); })),
                  0, std::plus<>());
  auto timed = FirstItem(FuseItems(TryItems(TimeoutItems(absl::Seconds(1), Of({1})))));
  const auto before = stress::AllocationCount();
  while (Poll(sum).IsPending()) {
  }
  EXPECT_TRUE(Poll(timed).IsReady());
  EXPECT_EQ(stress::AllocationCount(), before);
}

TEST_F(StreamCombinatorsDeathTest, AChunkOfNothingIsRefused) {
  EXPECT_DEATH((void)ChunkItems(Of({1}), 0), "the size must be positive, found 0");
}

}  // namespace
}  // namespace weft

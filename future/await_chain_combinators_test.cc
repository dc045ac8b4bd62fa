// Goal: each combinator of one future, each stream and each set shows in the await chain what it
// waits for (await_chain_test.cc: coroutines, and those that await several).
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "future/and_then.h"
#include "future/any_future.h"
#include "future/any_stream.h"
#include "future/await_chain.h"
#include "future/buffered.h"
#include "future/chunk_items.h"
#include "future/concat.h"
#include "future/context.h"
#include "future/contract.h"
#include "future/debounce_items.h"
#include "future/flatten_unordered.h"
#include "future/from_futures.h"
#include "future/fuse.h"
#include "future/futures_unordered.h"
#include "future/lazy.h"
#include "future/map.h"
#include "future/merge.h"
#include "future/or_else.h"
#include "future/peekable.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/retry.h"
#include "future/retry_items.h"
#include "future/scripted.h"
#include "future/sleep.h"
#include "future/stream.h"
#include "future/stream_ops.h"
#include "future/take_until.h"
#include "future/timeout_items.h"
#include "future/try.h"
#include "future/try_items.h"
#include "future/zip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

using ::testing::ElementsAre;

// Stays pending until it is stopped.
struct Gate {
  using Output = int;
  Poll<int> poll(Context& cx) {
    if (cx.StopRequested()) return kStopped;
    return kPending;
  }
};

// A stream that does.
struct GateStream {
  using Item = int;
  Poll<std::optional<int>> poll_next(Context& cx) {
    if (cx.StopRequested()) return kStopped;
    return kPending;
  }
};

using IntOr = absl::StatusOr<int>;

// "nesting type" of each step.
template <typename F>
std::vector<std::string> OutlineOf(const F& future) {
  std::vector<std::string> outline;
  VisitAwaitChain(future, [&outline](const AwaitStep& step) {
    std::string_view awaits = step.awaits.substr(0, step.awaits.find('<'));
    outline.push_back(std::to_string(step.nesting) + " " +
                      std::string(awaits.substr(awaits.rfind(':') + 1)));
  });
  return outline;
}

class AwaitChainCombinatorsTest : public ScriptedTest {
 protected:
  // Expects that `future`, polled, shows the combinators named and then the Gate inside of them;
  // and that the Gate is gone from the chain after a stop.
  template <typename F>
  void ExpectShown(F future, std::vector<std::string> names) {
    EXPECT_TRUE(Poll(future).IsPending());
    std::vector<std::string> expected;
    for (const std::string& name : names) {
      expected.push_back(std::to_string(expected.size()) + " " + name);
    }
    EXPECT_EQ(OutlineOf(future), expected);
    EXPECT_TRUE(PollStopped(future).IsStopped());
  }
};

TEST_F(AwaitChainCombinatorsTest, CombinatorsOfOneFutureShowIt) {
  ExpectShown(Map(Gate(), [](int x) { return x; }), {"MapFuture", "Gate"});
  ExpectShown(Try(Gate()), {"TryFuture", "Gate"});
  ExpectShown(Fuse(Gate()), {"FuseFuture", "Gate"});
  ExpectShown(Lazy([] { return Gate(); }), {"LazyFuture", "Gate"});
  ExpectShown(AnyFuture<int>(Gate()), {"AnyFuture", "Gate"});
  ExpectShown(AnyFuture<int, 1>(Gate()), {"AnyFuture", "Gate"});  // on the heap
  ExpectShown(CheckedFuture(SleepUntil(executor_.Now() + absl::Seconds(1)), {}),
              {"CheckedFuture", "SleepUntil"});
}

TEST_F(AwaitChainCombinatorsTest, TwoStagesShowTheOneThatRuns) {
  ExpectShown(AndThen(Gate(), [](int x) { return Ready<int>(x); }), {"AndThenFuture", "Gate"});
  ExpectShown(AndThen(Ready<int>(1), [](int) { return Gate(); }), {"AndThenFuture", "Gate"});
  ExpectShown(OrElse(Try(Gate()), [](Tried<int>) { return Ready<int>(0); }),
              {"OrElseFuture", "TryFuture", "Gate"});
  ExpectShown(
      OrElse(Ready<IntOr>(absl::NotFoundError("shoe")), [](absl::Status) { return Gate(); }),
      {"OrElseFuture", "Gate"});
}

TEST_F(AwaitChainCombinatorsTest, RetryShowsItsAttemptOrItsSleep) {
  const auto to_status = [](int x) { return IntOr(x); };
  ExpectShown(Retry({}, [to_status] { return Map(Gate(), to_status); }),
              {"RetryFuture", "MapFuture", "Gate"});
  ExpectShown(Retry({}, [] { return Ready<IntOr>(absl::UnavailableError("shoe")); }),
              {"RetryFuture", "SleepUntil"});
}

TEST_F(AwaitChainCombinatorsTest, WhatConsumesAStreamShowsIt) {
  ExpectShown(Collect(GateStream()), {"FoldFuture", "GateStream"});
  ExpectShown(ForEach(GateStream(), [](int) {}), {"FoldFuture", "GateStream"});
  ExpectShown(TryForEach(GateStream(), [](int) { return absl::OkStatus(); }),
              {"FoldFuture", "GateStream"});
  ExpectShown(Collect(MapItems(GateStream(), [](int x) { return x; })),
              {"FoldFuture", "ItemsStream", "GateStream"});
  ExpectShown(Collect(FilterItems(GateStream(), [](int) { return true; })),
              {"FoldFuture", "ItemsStream", "GateStream"});
  ExpectShown(Collect(TakeItems(GateStream(), 1)), {"FoldFuture", "ItemsStream", "GateStream"});
  ExpectShown(Collect(FuseItems(GateStream())), {"FoldFuture", "FuseItemsStream", "GateStream"});
  ExpectShown(Collect(TryItems(GateStream())), {"FoldFuture", "TryItemsStream", "GateStream"});
  ExpectShown(Collect(ChunkItems(GateStream(), 2)), {"FoldFuture", "ChunkStream", "GateStream"});
  ExpectShown(Collect(TimeoutItems(absl::Seconds(1), GateStream())),
              {"FoldFuture", "TimeoutItemsStream", "GateStream"});
  ExpectShown(Collect(DebounceItems(absl::Seconds(1), GateStream())),
              {"FoldFuture", "DebounceStream", "GateStream"});
  ExpectShown(Collect(PeekItems(GateStream())), {"FoldFuture", "PeekableStream", "GateStream"});
  ExpectShown(Collect(AnyStream<int>(GateStream())), {"FoldFuture", "AnyStream", "GateStream"});
  GateStream stream = GateStream();
  ExpectShown(Next(stream), {"NextFuture", "GateStream"});
}

TEST_F(AwaitChainCombinatorsTest, SeveralStreamsShowThoseThatAreWaitedFor) {
  const auto one = [] { return FromRange(std::vector<int>{1}); };
  ExpectShown(Collect(Merge(GateStream(), one())), {"FoldFuture", "MergeStream", "GateStream"});
  ExpectShown(Collect(Zip(one(), GateStream())), {"FoldFuture", "ZipStream", "GateStream"});
  ExpectShown(Collect(Concat(one(), FromFuture(Gate()))),
              {"FoldFuture", "ConcatStream", "FutureStream", "Gate"});
  ExpectShown(Collect(ThenItems(one(), [](int) { return Gate(); })),
              {"FoldFuture", "FlattenStream", "FutureStream", "Gate"});
  ExpectShown(Collect(ThenItems(GateStream(), [](int) { return Gate(); })),
              {"FoldFuture", "FlattenStream", "ItemsStream", "GateStream"});
}

TEST_F(AwaitChainCombinatorsTest, FlattenUnorderedShowsItsSourceAndTheInnerStreams) {
  auto source = Concat(FromRange(std::vector<GateStream>(2)), FromRange(std::vector<GateStream>()));
  auto items = Collect(FlattenUnordered(std::move(source), 2));
  EXPECT_TRUE(Poll(items).IsPending());
  EXPECT_THAT(OutlineOf(items),
              ElementsAre("0 FoldFuture", "1 FlattenUnorderedStream", "2 ConcatStream",
                          "3 RangeStream", "2 GateStream", "2 GateStream"));
  EXPECT_TRUE(PollStopped(items).IsStopped());
  ExpectShown(Collect(FlattenUnordered(FromRange(std::vector<GateStream>(1)), 2)),
              {"FoldFuture", "FlattenUnorderedStream", "GateStream"});
}

TEST_F(AwaitChainCombinatorsTest, StreamsOfFunctionsShowWhatTheyMade) {
  const auto optional = [](int x) { return std::optional<int>(x); };
  ExpectShown(Collect(FromFutures([optional] { return Map(Gate(), optional); })),
              {"FoldFuture", "FuturesStream", "MapFuture", "Gate"});
  const auto to_status = [](int x) { return IntOr(x); };
  ExpectShown(Collect(RetryItems({}, [to_status] { return MapItems(GateStream(), to_status); })),
              {"FoldFuture", "RetryItemsStream", "ItemsStream", "GateStream"});
  const auto fail = [] { return FromFuture(Ready<IntOr>(absl::UnavailableError("shoe"))); };
  ExpectShown(Collect(RetryItems({}, fail)), {"FoldFuture", "RetryItemsStream", "SleepUntil"});
  auto until = Collect(TakeItemsUntil(GateStream(), Gate()));
  EXPECT_TRUE(Poll(until).IsPending());
  EXPECT_THAT(OutlineOf(until),
              ElementsAre("0 FoldFuture", "1 TakeUntilStream", "2 GateStream", "2 Gate"));
  EXPECT_TRUE(PollStopped(until).IsStopped());
}

TEST_F(AwaitChainCombinatorsTest, SetsOfFuturesShowThoseThatHaveNotFinished) {
  const auto gate_of = [](int) { return Gate(); };
  auto buffered = Collect(Buffered(MapItems(FromRange(std::vector<int>{1, 2}), gate_of), 2));
  EXPECT_TRUE(Poll(buffered).IsPending());
  EXPECT_THAT(OutlineOf(buffered), ElementsAre("0 FoldFuture", "1 BufferedStream", "2 ItemsStream",
                                               "3 RangeStream", "2 Gate", "2 Gate"));
  EXPECT_TRUE(PollStopped(buffered).IsStopped());

  const auto to_status = [](int x) { return IntOr(x); };
  const auto open = [to_status](int) { return Map(Gate(), to_status); };
  ExpectShown(TryForEachConcurrent(FromRange(std::vector<int>{1}), 2, open),
              {"FoldFuture", "BufferedStream", "MapFuture", "Gate"});

  FuturesUnordered<Gate> set;
  set.Add(Gate());
  auto first = Next(set);
  EXPECT_TRUE(Poll(first).IsPending());
  EXPECT_THAT(OutlineOf(set), ElementsAre("0 FuturesUnordered", "1 Gate"));
  auto close = Close(set);
  EXPECT_FALSE(Poll(close).IsPending());
}

}  // namespace
}  // namespace weft

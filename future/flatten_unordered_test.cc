// Goal: what FlattenUnordered() gives and in which order, whom it asks and how often, and that it
// closes its source and the inner streams, which refuse misuse, wherever one of them throws or
// stops. everywhere_streams_test.cc has the places where it may be stopped or fail.
#include "future/flatten_unordered.h"

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/check.h"
#include "base/instant.h"
#include "future/async_generator.h"
#include "future/concat.h"
#include "future/context.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/scripted.h"
#include "future/sleep.h"
#include "future/stream.h"
#include "future/stream_ops.h"
#include "future/waker.h"
#include "gtest/gtest.h"
#include "tools/stress/allocations.h"

namespace weft {
namespace {

using Ints = std::vector<int>;

auto Of(Ints items) { return FromRange(std::move(items)); }

// A name each time that so many milliseconds have passed since the one before.
AsyncGenerator<int> Slow(int name, Ints delays) {
  for (const int delay : delays) {
    co_await SleepFor(absl::Milliseconds(delay));
    co_yield name;
  }
}

// What a Gate does, told and seen from outside.
struct GateState {
  bool is_open = false;       // it has an item
  bool wakes_itself = false;  // while it gives it
  bool is_finished = false;
  int polls = 0;
  std::optional<Waker> waker;  // of the latest poll
};

// Gives an item while it is open; stops at once, but gives the item of an open gate before.
class Gate {
 public:
  using Item = int;
  explicit Gate(GateState* state) : state_(state) {}

  Poll<std::optional<int>> poll_next(Context& cx) {
    WEFT_CHECK(!state_->is_finished) << "polled after its end";
    ++state_->polls;
    if (std::exchange(state_->is_open, false)) {
      if (state_->wakes_itself) cx.waker().WakeByRef();
      return std::optional<int>(7);
    }
    if (cx.StopRequested()) {
      state_->is_finished = true;
      return kStopped;
    }
    state_->waker = cx.waker().Clone();
    return kPending;
  }

 private:
  GateState* state_;
};

// Gives its streams one by one, also after a stop request, then ends as it is told.
template <Stream S>
class Source {
 public:
  enum class End { kEnd, kThrow, kStop };
  using Item = S;

  Source(std::vector<S> streams, End end, int* polls = nullptr)
      : streams_(std::move(streams)), end_(end), polls_(polls) {}

  Poll<std::optional<S>> poll_next(Context&) {
    if (polls_ != nullptr) ++*polls_;
    if (next_ < streams_.size()) return std::optional<S>(std::move(streams_[next_++]));
    if (end_ == End::kThrow) throw std::runtime_error("source");
    if (end_ == End::kStop) return kStopped;
    return std::optional<S>();
  }

 private:
  std::vector<S> streams_;
  std::size_t next_ = 0;
  End end_;
  int* polls_;
};

using Gates = Source<Gate>;

Gates GatesOf(std::vector<GateState>& states, Gates::End end = Gates::End::kEnd,
              int* polls = nullptr) {
  std::vector<Gate> gates;
  for (GateState& state : states) gates.emplace_back(&state);
  return Gates(std::move(gates), end, polls);
}

bool AreFinished(const std::vector<GateState>& states) {
  for (const GateState& state : states) {
    if (!state.is_finished) return false;
  }
  return true;
}

class FlattenUnorderedTest : public ScriptedTest {
 protected:
  template <Stream S>
  Ints All(S stream) {
    return *executor_.BlockOn(Collect(std::move(stream)));
  }
};

using FlattenUnorderedDeathTest = FlattenUnorderedTest;

auto SlowStreams() {
  std::vector<AsyncGenerator<int>> streams;
  streams.push_back(Slow(1, {30, 30}));
  streams.push_back(Slow(2, {10, 10}));
  streams.push_back(Slow(3, {5}));
  return FromRange(std::move(streams));
}

TEST_F(FlattenUnorderedTest, GivesItemsAsTheyComeUpToTheLimit) {
  EXPECT_EQ(All(FlattenUnordered(SlowStreams(), 2)), (Ints{2, 2, 3, 1, 1}));
  EXPECT_EQ(executor_.Now(), Instant() + absl::Milliseconds(60));  // the third with the first
  EXPECT_EQ(All(FlattenUnordered(SlowStreams(), 1)), (Ints{1, 1, 2, 2, 3}));
  EXPECT_EQ(All(FlattenUnordered(SlowStreams(), 3)), (Ints{3, 2, 2, 1, 1}));
}

TEST_F(FlattenUnorderedTest, StreamsThatAreReadyTakeTurns) {
  auto streams = FromRange(std::vector{Of({1, 2, 3}), Of({10, 20}), Of({}), Of({100})});
  EXPECT_EQ(All(FlattenUnordered(std::move(streams), 2)), (Ints{1, 10, 2, 20, 3, 100}));
}

TEST_F(FlattenUnorderedTest, EndsWhenAllHaveEnded) {
  EXPECT_TRUE(All(FlattenUnordered(FromRange(std::vector<AsyncGenerator<int>>()), 9)).empty());
  auto empty = FromRange(std::vector{Of({}), Of({}), Of({})});
  EXPECT_TRUE(All(FlattenUnordered(std::move(empty), 1)).empty());
  // A source that waits between its streams, which wait too.
  bool is_finished = false;
  auto streams = MapItems(ScriptedCounter(4, &is_finished), [](int n) { return Slow(n, {1, 1}); });
  EXPECT_EQ(All(FlattenUnordered(std::move(streams), 3)).size(), 8u);
  EXPECT_TRUE(is_finished);
}

TEST_F(FlattenUnorderedTest, AsksOnlyWhoWasWokenAndTheSourceOnlyWhileThereIsRoom) {
  std::vector<GateState> states(100);
  int source_polls = 0;
  auto items = FlattenUnordered(GatesOf(states, Gates::End::kEnd, &source_polls), 99);
  EXPECT_TRUE(Poll(items).IsPending());
  EXPECT_TRUE(Poll(items).IsPending());
  EXPECT_EQ(source_polls, 99);
  states[42].is_open = true;
  std::thread([&] { states[42].waker->WakeByRef(); }).join();
  states[42].waker->WakeByRef();
  EXPECT_EQ(Poll(items).value(), 7);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Poll(items).IsPending());
  // Once for the first time, once for the item, once to see that there is no other.
  for (std::size_t i = 0; i < 99; ++i) EXPECT_EQ(states[i].polls, i == 42 ? 3 : 1);
  EXPECT_EQ(states[99].polls, 0);
  EXPECT_TRUE(PollStopped(items).IsStopped());
  EXPECT_FALSE(states[99].is_finished);  // dropped, not begun
  states[99].is_finished = true;
  EXPECT_TRUE(AreFinished(states));
  for (GateState& state : states) {
    if (state.waker) state.waker->WakeByRef();  // of a stream that is gone
  }
}

TEST_F(FlattenUnorderedTest, AStopLosesNoItem) {
  std::vector<GateState> states(3);
  auto items = FlattenUnordered(GatesOf(states), 3);
  EXPECT_TRUE(Poll(items).IsPending());
  states[0].is_open = states[2].is_open = true;  // and nobody was woken for it
  EXPECT_EQ(PollStopped(items).value(), 7);
  EXPECT_EQ(PollStopped(items).value(), 7);
  EXPECT_TRUE(PollStopped(items).IsStopped());
  EXPECT_TRUE(AreFinished(states));
}

// To those whose streams were dropped, an end would say that they have seen all.
TEST_F(FlattenUnorderedTest, AStopThatDropsAStreamIsNoEnd) {
  std::vector<FutureStream<Ready<int>>> streams;
  for (int i = 1; i <= 2; ++i) streams.push_back(FromFuture(Ready<int>(i)));
  using Streams = Source<FutureStream<Ready<int>>>;
  auto items = FlattenUnordered(Streams(std::move(streams), Streams::End::kEnd), 1);
  EXPECT_EQ(Poll(items).value(), 1);
  EXPECT_TRUE(PollStopped(items).IsStopped());
}

TEST_F(FlattenUnorderedTest, AStopReachesTheSourceAlsoWhenThereIsNoRoom) {
  bool is_finished = false;
  std::vector<ScriptedCounter> counters;
  counters.emplace_back(9, &is_finished);
  int polls = 0;
  using Counters = Source<ScriptedCounter>;
  auto items = FlattenUnordered(Counters(std::move(counters), Counters::End::kEnd, &polls), 1);
  EXPECT_TRUE(Poll(items).IsPending());
  EXPECT_EQ(polls, 1);
  EXPECT_TRUE(PollStopped(items).IsPending());  // the counter takes two requests
  EXPECT_EQ(polls, 2);
  EXPECT_TRUE(PollStopped(items).IsStopped());
  EXPECT_TRUE(is_finished);
}

TEST_F(FlattenUnorderedTest, AStreamMayWakeItselfWhileItGivesAnItem) {
  std::vector<GateState> states(2);
  states[0].is_open = states[0].wakes_itself = true;
  auto items = FlattenUnordered(GatesOf(states), 2);
  EXPECT_EQ(Poll(items).value(), 7);
  EXPECT_TRUE(Poll(items).IsPending());
  EXPECT_EQ(states[0].polls, 2);
  EXPECT_TRUE(PollStopped(items).IsStopped());
}

TEST_F(FlattenUnorderedTest, WhenTheSourceThrowsTheOthersAreStoppedAndTheirItemsHandedOn) {
  std::vector<GateState> states(2);
  states[0].is_open = true;
  auto items = FlattenUnordered(GatesOf(states, Gates::End::kThrow), 9);
  // The source had both streams taken from it before it threw: neither has begun.
  EXPECT_THROW((void)Poll(items), std::runtime_error);
  EXPECT_EQ(states[0].polls + states[1].polls, 0);

  int polls = 0;
  auto full = FlattenUnordered(GatesOf(states, Gates::End::kThrow, &polls), 2);
  EXPECT_EQ(Poll(full).value(), 7);
  EXPECT_TRUE(Poll(full).IsPending());
  EXPECT_EQ(polls, 2);
  states[0].is_open = states[1].is_open = true;
  EXPECT_EQ(PollStopped(full).value(), 7);
  EXPECT_EQ(PollStopped(full).value(), 7);
  EXPECT_THROW((void)PollStopped(full), std::runtime_error);
  EXPECT_TRUE(AreFinished(states));
}

TEST_F(FlattenUnorderedTest, ASourceThatStopsStopsTheOthers) {
  bool is_finished[2] = {};
  std::vector<ScriptedCounter> counters;
  counters.emplace_back(1, &is_finished[0]);
  counters.emplace_back(1'000, &is_finished[1]);
  // The end of the first makes room, so that the source is asked again.
  auto source = Source<ScriptedCounter>(std::move(counters), Source<ScriptedCounter>::End::kStop);
  auto stopped = executor_.BlockOn(Collect(FlattenUnordered(std::move(source), 2)));
  EXPECT_TRUE(absl::IsCancelled(stopped.status()));
  EXPECT_TRUE(is_finished[0] && is_finished[1]);
}

// Gives what a gate gives, or throws instead.
class Thrower {
 public:
  using Item = int;
  Thrower(GateState* state, bool throws) : gate_(state), state_(state), throws_(throws) {}

  Poll<std::optional<int>> poll_next(Context& cx) {
    if (!throws_) return gate_.poll_next(cx);
    state_->is_finished = true;
    throw std::runtime_error("inner");
  }

 private:
  Gate gate_;
  GateState* state_;
  bool throws_;
};

// Nobody is woken: those that were asked before the one that throws hear of it in the same poll.
TEST_F(FlattenUnorderedTest, WhenAnInnerStreamThrowsTheOthersAreStopped) {
  for (const std::size_t limit : {3, 9}) {
    std::vector<GateState> states(3);
    std::vector<Thrower> inner;
    for (int i = 0; i < 3; ++i) inner.emplace_back(&states[i], i == 1);
    int polls = 0;
    using Throwers = Source<Thrower>;
    auto items = FlattenUnordered(Throwers(std::move(inner), Throwers::End::kEnd, &polls), limit);
    EXPECT_THROW((void)Poll(items), std::runtime_error);
    EXPECT_EQ(polls, 4);  // also if there was no room for the source at first
    EXPECT_TRUE(states[0].is_finished && states[1].is_finished);
    EXPECT_EQ(states[2].polls, 0);  // not begun only to be stopped
  }
}

TEST_F(FlattenUnorderedTest, AnInnerStreamThatThrowsClosesTheSource) {
  bool is_finished = false;
  auto streams = MapItems(ScriptedCounter(9, &is_finished), [](int n) {
    return MapItems(Of({n}), [](int m) { return m < 2 ? m : throw std::runtime_error("two"); });
  });
  EXPECT_THROW((void)All(FlattenUnordered(std::move(streams), 4)), std::runtime_error);
  EXPECT_TRUE(is_finished);
}

TEST_F(FlattenUnorderedTest, NothingIsAllocatedForAnItem) {
  bool is_finished[2] = {};
  std::vector<ScriptedCounter> counters;
  for (bool& flag : is_finished) counters.emplace_back(100, &flag);
  auto items = FlattenUnordered(FromRange(std::move(counters)), 2);
  EXPECT_TRUE(Poll(items).IsPending());
  const auto before = stress::AllocationCount();
  int count = 0;
  while (true) {
    auto poll = Poll(items);
    if (poll.IsPending()) continue;
    if (!poll.value().has_value()) break;
    ++count;
  }
  EXPECT_EQ(stress::AllocationCount(), before);
  EXPECT_EQ(count, 200);
}

TEST_F(FlattenUnorderedDeathTest, RefusesMisuse) {
  EXPECT_DEATH((void)FlattenUnordered(SlowStreams(), 0), "limit must be positive, found 0");
  EXPECT_DEATH(
      {
        auto items = FlattenUnordered(SlowStreams(), 2);
        (void)Poll(items);
        // Goes on to its destructor.
      },
      "2 of its futures or streams may be in flight; co_await Close");
}

}  // namespace
}  // namespace weft

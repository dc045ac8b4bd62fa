// Question: when two threads go for the same item, does exactly one get it, whoever comes first?
// Method: the core runs over atomics that call a hook just before a swap of the word, and before
// the heavy barrier. The hook plays the other thread, so that each race happens on one thread, in a
// fixed order, every time. The names of bugs of other deques stand at the tests that repeat them.
#include <atomic>
#include <cstdint>
#include <functional>
#include <numeric>
#include <utility>
#include <vector>

#include "deque/internal/nested_split.h"
#include "deque/internal/ring_options.h"
#include "deque/internal/ring_word.h"
#include "deque/internal/split_ring.h"
#include "gtest/gtest.h"

namespace weft::deque_internal {
namespace {

// What happens just before the next compare-and-swap, or heavy barrier; runs once.
std::function<void()>& BeforeSwap() {
  static std::function<void()> hook;
  return hook;
}
std::function<void()>& BeforeBarrier() {
  static std::function<void()> hook;
  return hook;
}

void RunHook(std::function<void()>& hook) {
  if (const auto once = std::exchange(hook, nullptr)) once();
}

struct ScriptedAtomics {
  template <typename T>
  class Atomic : public std::atomic<T> {
   public:
    using std::atomic<T>::atomic;
    bool compare_exchange_strong(T& expected, T desired, std::memory_order success,
                                 std::memory_order failure) {
      RunHook(BeforeSwap());
      return std::atomic<T>::compare_exchange_strong(expected, desired, success, failure);
    }
  };
  static void Fence(std::memory_order order) { std::atomic_thread_fence(order); }
  static void LightBarrier() {}
  static void HeavyBarrier() { RunHook(BeforeBarrier()); }
  static void SpinPause() {}
};

using Ring = SplitRing<std::uint64_t, ScriptedAtomics>;

RingOptions Options(RingMode mode, std::int64_t capacity) {
  RingOptions options;
  options.mode = mode;
  options.capacity = capacity;
  options.patience = 0;
  return options;
}

std::uint64_t StealOne(Ring* ring) {
  std::uint64_t word = 0;
  EXPECT_EQ(ring->Steal(&word), Taken::kItem);
  return word;
}

std::uint64_t PopOne(Ring* ring) {
  std::uint64_t word = 0;
  EXPECT_EQ(ring->Pop(&word), Taken::kItem);
  return word;
}

// The modes in which the owner pops at the thieves' far end.
class LifoRaceTest : public testing::TestWithParam<RingMode> {};
INSTANTIATE_TEST_SUITE_P(Modes, LifoRaceTest, testing::Values(RingMode::kSplit, RingMode::kFenced),
                         [](const auto& mode) {
                           return mode.param == RingMode::kSplit ? "Split" : "Fenced";
                         });
// All modes.
class RaceTest : public testing::TestWithParam<RingMode> {};
INSTANTIATE_TEST_SUITE_P(Modes, RaceTest,
                         testing::Values(RingMode::kSplit, RingMode::kFenced, RingMode::kFifo),
                         [](const auto& mode) {
                           return mode.param == RingMode::kSplit    ? "Split"
                                  : mode.param == RingMode::kFenced ? "Fenced"
                                                                    : "Fifo";
                         });

// Pushes items first to last and has thieves know of them all.
void FillOpen(Ring* ring, std::uint64_t first, std::uint64_t last) {
  ASSERT_TRUE(ring->Push(first - 1));
  ASSERT_EQ(StealOne(ring), first - 1);  // a split ring is open now
  for (std::uint64_t i = first; i <= last; ++i) ASSERT_TRUE(ring->Push(i));
}

TEST_P(RaceTest, ThiefThatLosesToAnotherThiefSaysSo) {
  Ring ring(Options(GetParam(), 2));
  FillOpen(&ring, 1, 2);
  std::uint64_t other = 0;
  BeforeSwap() = [&] { other = StealOne(&ring); };
  std::uint64_t mine = 0;
  EXPECT_EQ(ring.Steal(&mine), Taken::kLost);
  EXPECT_EQ(other, 1u);
  EXPECT_EQ(StealOne(&ring), 2u);
}

// parlaylib #54 and its kind: the last item goes to owner and thief.
TEST_P(LifoRaceTest, LastItemHasOneTakerWhoeverComesFirst) {
  Ring ring(Options(GetParam(), 2));
  FillOpen(&ring, 7, 7);
  std::uint64_t stolen = 0;
  BeforeSwap() = [&] { EXPECT_NE(ring.Steal(&stolen), Taken::kItem); };
  // The owner has lowered tail already, so a thief that starts now finds nothing.
  EXPECT_EQ(PopOne(&ring), 7u);

  FillOpen(&ring, 8, 8);
  std::uint64_t popped = 0;
  BeforeSwap() = [&] { popped = PopOne(&ring); };
  // The thief started before the owner and loses the swap.
  EXPECT_EQ(ring.Steal(&stolen), Taken::kLost);
  EXPECT_EQ(popped, 8u);

  FillOpen(&ring, 9, 9);
  // A thief that has read tail before the owner lowered it comes first.
  std::uint64_t word = 0;
  BeforeSwap() = [&] {
    BeforeSwap() = [&] { EXPECT_EQ(ring.Pop(&word), Taken::kItem); };
    EXPECT_EQ(ring.Steal(&stolen), Taken::kLost);
  };
  EXPECT_EQ(ring.Steal(&stolen), Taken::kLost);
  EXPECT_EQ(word, 9u);
}

// The thief has read everything; the owner pops and pushes another item in its place, and that is
// public as well. A prototype of the split ring without versions took the stale item here.
TEST_P(LifoRaceTest, StaleThiefDoesNotTakeTheItemThatReplacedItsOwn) {
  Ring ring(Options(GetParam(), 4));
  FillOpen(&ring, 1, 2);
  BeforeSwap() = [&] {
    EXPECT_EQ(PopOne(&ring), 2u);
    EXPECT_EQ(PopOne(&ring), 1u);
    ASSERT_TRUE(ring.Push(3));
    ASSERT_TRUE(ring.Push(4));
    // Another thief has them made public, and goes away.
    BeforeSwap() = nullptr;
    std::uint64_t word = 0;
    BeforeBarrier() = nullptr;
    EXPECT_EQ(ring.Steal(&word), Taken::kItem);
    EXPECT_EQ(word, 3u);
  };
  std::uint64_t stolen = 0;
  EXPECT_EQ(ring.Steal(&stolen), Taken::kLost);
  EXPECT_EQ(StealOne(&ring), 4u);
}

// The same for a batch: its later items are replaced, while the oldest stays. crossbeam #148: the
// owner pops below the end of a batch that a thief is about to claim.
TEST(SplitRaceTest, BatchWhoseLaterItemsWerePoppedFails) {
  Ring ring(Options(RingMode::kSplit, 8));
  FillOpen(&ring, 1, 6);
  std::vector<std::uint64_t> popped;
  BeforeSwap() = [&] {
    for (int i = 0; i < 4; ++i) popped.push_back(PopOne(&ring));
    for (std::uint64_t i = 13; i <= 16; ++i) ASSERT_TRUE(ring.Push(i));
  };
  std::vector<std::uint64_t> words(3);
  std::int64_t taken = 0;
  EXPECT_EQ(ring.StealUpTo(3, words.data(), &taken), Taken::kLost);
  EXPECT_EQ(popped, (std::vector<std::uint64_t>{6, 5, 4, 3}));
  for (const std::uint64_t expected : {1u, 2u, 13u, 14u, 15u, 16u}) {
    EXPECT_EQ(StealOne(&ring), expected);
  }
}

// With fences the owner pops items behind top without a swap, so a batch is never more than one.
TEST(FencedRaceTest, StealsOneAtATime) {
  Ring ring(Options(RingMode::kFenced, 8));
  FillOpen(&ring, 1, 6);
  std::vector<std::uint64_t> words(3);
  std::int64_t taken = 0;
  EXPECT_EQ(ring.StealUpTo(3, words.data(), &taken), Taken::kItem);
  EXPECT_EQ(taken, 1);
}

// A split ring that was asked does as much, until its owner has popped some without being robbed.
TEST(SplitRaceTest, AHotDequeYieldsOneItemAtATimeAndCools) {
  RingOptions options = Options(RingMode::kSplit, 8);
  options.hot_pops = 2;
  Ring ring(options);
  FillOpen(&ring, 1, 8);
  EXPECT_EQ(PopOne(&ring), 8u);
  std::vector<std::uint64_t> words(4);
  std::int64_t taken = 0;
  EXPECT_EQ(ring.StealUpTo(4, words.data(), &taken), Taken::kItem);
  EXPECT_EQ(taken, 1);
  for (std::uint64_t i = 7; i >= 6; --i) EXPECT_EQ(PopOne(&ring), i);
  // Of 2 to 5 the older half is public, so that nobody opens the deque for more.
  BeforeBarrier() = [] { FAIL() << "a public item needs no barrier"; };
  EXPECT_EQ(StealOne(&ring), 2u);
  EXPECT_EQ(StealOne(&ring), 3u);
  BeforeBarrier() = nullptr;
}

// RUSTSEC-2021-0093: the buffer is replaced while a thief is between its reads and its swap.
TEST_P(RaceTest, GrowthBetweenReadAndSwapLosesNothing) {
  Ring ring(Options(GetParam(), 2));
  FillOpen(&ring, 1, 2);
  BeforeSwap() = [&] { ASSERT_TRUE(ring.Push(3)); };
  EXPECT_EQ(StealOne(&ring), 1u);
  EXPECT_EQ(ring.Capacity(), 4);
  EXPECT_EQ(StealOne(&ring), 2u);
  EXPECT_EQ(StealOne(&ring), 3u);
}

// And replaced by a smaller and, later, again by the larger one, which now holds other items.
TEST_P(RaceTest, ShrinkingAndGrowingBetweenReadAndSwapLosesNothing) {
  Ring ring(Options(GetParam(), 2));
  const auto take = [&] {
    std::uint64_t word = 0;
    return GetParam() == RingMode::kFifo ? ring.PopOldest(1, &word) == 1
                                         : ring.Pop(&word) == Taken::kItem;
  };
  FillOpen(&ring, 1, 3);
  ASSERT_EQ(ring.Capacity(), 4);
  std::uint64_t stolen = 0;
  BeforeSwap() = [&] {
    while (take()) {
    }
    while (ring.Capacity() > 2) EXPECT_FALSE(take());
    for (std::uint64_t i = 11; i <= 13; ++i) ASSERT_TRUE(ring.Push(i));
    ASSERT_EQ(ring.Capacity(), 4);
  };
  EXPECT_EQ(ring.Steal(&stolen), Taken::kLost);
  for (const std::uint64_t expected : {11u, 12u, 13u}) EXPECT_EQ(StealOne(&ring), expected);
}

// ssbl/concurrent-deque #2, charm #1345: the slot is read after the swap. Here the ring wraps over
// the thief's slot before its swap: what it read is dropped.
TEST_P(RaceTest, SlotOverwrittenBeforeTheSwapIsNotReturned) {
  Ring ring(Options(GetParam(), 2));
  FillOpen(&ring, 1, 2);
  BeforeSwap() = [&] {
    EXPECT_EQ(StealOne(&ring), 1u);
    ASSERT_TRUE(ring.Push(3));  // into the slot of item 1
  };
  std::uint64_t stolen = 0;
  EXPECT_EQ(ring.Steal(&stolen), Taken::kLost);
  EXPECT_EQ(ring.Capacity(), 2);
  EXPECT_EQ(StealOne(&ring), 2u);
  EXPECT_EQ(StealOne(&ring), 3u);
}

// The owner comes back to life while a thief runs the barrier: its pops see the raised limit, and
// the first changes the word, so that the opening fails.
TEST(SplitRaceTest, OwnerThatPopsDuringAnOpeningWins) {
  Ring ring(Options(RingMode::kSplit, 8));
  for (std::uint64_t i = 1; i <= 3; ++i) ASSERT_TRUE(ring.Push(i));
  std::vector<std::uint64_t> popped;
  BeforeBarrier() = [&] {
    popped.push_back(PopOne(&ring));
    popped.push_back(PopOne(&ring));
  };
  std::uint64_t stolen = 0;
  EXPECT_EQ(ring.Steal(&stolen), Taken::kItem);
  EXPECT_EQ(popped, (std::vector<std::uint64_t>{3, 2}));
  EXPECT_EQ(stolen, 1u);
  std::uint64_t word = 0;
  EXPECT_EQ(ring.Pop(&word), Taken::kEmpty);
}

// Empties the deque, shrinks nothing, fills it again: the opening was for another deque.
TEST(SplitRaceTest, OpeningOfADequeThatWasEmptiedAndFilledTakesNothingTwice) {
  Ring ring(Options(RingMode::kSplit, 8));
  ASSERT_TRUE(ring.Push(1));
  std::vector<std::uint64_t> taken;
  BeforeBarrier() = [&] {
    taken.push_back(PopOne(&ring));
    for (std::uint64_t i = 2; i <= 4; ++i) ASSERT_TRUE(ring.Push(i));
    BeforeSwap() = [&] { taken.push_back(PopOne(&ring)); };
  };
  std::uint64_t word = 0;
  while (ring.Steal(&word) != Taken::kEmpty) taken.push_back(word);
  while (ring.Pop(&word) == Taken::kItem) taken.push_back(word);
  EXPECT_EQ(taken.size(), 4u);
  EXPECT_EQ(std::accumulate(taken.begin(), taken.end(), std::uint64_t{0}), 10u);
}

// TooManyCooks #243, sledge #393: comparisons of indices that wrap.
TEST_P(RaceTest, IndicesWrap) {
  for (std::int64_t before = 0; before <= 5; ++before) {
    RingOptions options = Options(GetParam(), 4);
    options.first_index = (std::int64_t{1} << 48) - before;
    Ring ring(options);
    std::uint64_t pushed = 0;
    std::uint64_t stolen = 0;
    for (int round = 0; round < 4; ++round) {
      for (int i = 0; i < 3; ++i) ASSERT_TRUE(ring.Push(++pushed));
      EXPECT_EQ(ring.Size(), 3);
      for (int i = 0; i < 3; ++i) EXPECT_EQ(StealOne(&ring), ++stolen);
      EXPECT_EQ(ring.Size(), 0);
      std::uint64_t word = 0;
      EXPECT_EQ(ring.Steal(&word), Taken::kEmpty);
      if (GetParam() == RingMode::kFifo) continue;
      for (int i = 0; i < 5; ++i) ASSERT_TRUE(ring.Push(pushed + 1 + static_cast<unsigned>(i)));
      EXPECT_EQ(StealOne(&ring), pushed + 1);
      for (int i = 4; i > 0; --i) EXPECT_EQ(PopOne(&ring), pushed + 1 + static_cast<unsigned>(i));
      EXPECT_EQ(ring.Pop(&word), Taken::kEmpty);
    }
  }
}

using Nested = NestedSplit<std::uint64_t, ScriptedAtomics>;

class NestedRaceTest : public testing::TestWithParam<bool> {
 protected:
  static NestedOptions Options() {
    NestedOptions options;
    options.asymmetric = GetParam();
    options.capacity = 8;
    options.patience = 0;
    return options;
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, NestedRaceTest, testing::Bool(),
                         [](const auto& mode) { return mode.param ? "Split" : "Fenced"; });

TEST_P(NestedRaceTest, JobGoesToOwnerOrThief) {
  Nested stack(Options());
  ASSERT_NE(stack.Push(0, 10), Offered::kFull);
  ASSERT_NE(stack.Push(1, 11), Offered::kFull);
  std::uint64_t job = 0;
  EXPECT_EQ(stack.Steal(&job), Taken::kItem);
  EXPECT_EQ(job, 10u);
  EXPECT_TRUE(stack.Pop(1));
  EXPECT_FALSE(stack.Pop(0));
  EXPECT_EQ(stack.Depth(), 1);
  stack.Restore(0);
  EXPECT_EQ(stack.Depth(), 0);
  EXPECT_EQ(stack.Steal(&job), Taken::kEmpty);
}

// The stolen index is used again; a thief that was late takes nothing, or the new job.
TEST_P(NestedRaceTest, ThiefThatIsLateForAnIndexTakesItsNewJobOrNone) {
  Nested stack(Options());
  ASSERT_NE(stack.Push(0, 10), Offered::kFull);
  std::uint64_t late = 0;
  std::uint64_t job = 0;
  BeforeSwap() = [&] {
    EXPECT_EQ(stack.Steal(&job), Taken::kItem);
    EXPECT_FALSE(stack.Pop(0));
    stack.Restore(0);
    ASSERT_NE(stack.Push(0, 20), Offered::kFull);
  };
  const Taken outcome = stack.Steal(&late);
  EXPECT_EQ(job, 10u);
  if (outcome == Taken::kItem) {
    EXPECT_EQ(late, 20u);
    EXPECT_FALSE(stack.Pop(0));
  } else {
    EXPECT_TRUE(stack.Pop(0));
  }
}

TEST_P(NestedRaceTest, LastJobHasOneTaker) {
  Nested stack(Options());
  ASSERT_NE(stack.Push(0, 10), Offered::kFull);
  std::uint64_t job = 0;
  // Opens the stack, so that the next thief's swap takes the job.
  ASSERT_EQ(stack.Steal(&job), Taken::kItem);
  ASSERT_FALSE(stack.Pop(0));
  stack.Restore(0);
  ASSERT_EQ(stack.Steal(&job), Taken::kEmpty);
  ASSERT_NE(stack.Push(0, 11), Offered::kFull);
  BeforeSwap() = [&] { EXPECT_TRUE(stack.Pop(0)); };
  EXPECT_NE(stack.Steal(&job), Taken::kItem);
  EXPECT_EQ(stack.Depth(), 0);
}

TEST(NestedRaceTest2, RefusesWhatIsDeeperThanItsCapacity) {
  NestedOptions options;
  options.capacity = 1;
  Nested stack(options);
  EXPECT_EQ(stack.Push(0, 1), Offered::kQuiet);
  EXPECT_EQ(stack.Push(1, 2), Offered::kFull);
  EXPECT_TRUE(stack.Pop(0));
}

}  // namespace
}  // namespace weft::deque_internal

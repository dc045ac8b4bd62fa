// Question: does the split ring hand each item to one taker, complete, in every behaviour that the
// C++ memory model allows, and is each of its memory orders and barriers needed for that?
// Method: tools/model runs the production code in small scenarios, exhaustively; then again with
// each order weakened and each barrier left out, one at a time: some scenario must fail.
// Bounds: two or three threads, up to four items, thieves without patience, rings of 1 to 4 slots.
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "deque/internal/ring_options.h"
#include "deque/internal/ring_word.h"
#include "deque/internal/split_ring.h"
#include "deque/model_items.h"
#include "gtest/gtest.h"
#include "tools/model/model.h"
#include "tools/model/testing.h"

namespace weft::deque_internal {
namespace {

using Ring = SplitRing<std::uint64_t, model::Atomics>;

// A ring, its items, and what owner and thieves do with them.
class World {
 public:
  explicit World(RingMode mode, std::int64_t capacity = 4) : ring_(Options(mode, capacity)) {}

  void Push(std::uint64_t item) { ring_.Push(items_.Make(item)); }
  void Pop(int times = 1) {
    for (; times > 0; --times) (void)TryPop();
  }
  void Steal(int times = 1) {
    for (; times > 0; --times) {
      std::uint64_t item = 0;
      if (ring_.Steal(&item) == Taken::kItem) items_.Take(item);
    }
  }
  void PushTwo(std::uint64_t first) {
    (void)ring_.PushAll(
        2, [&](std::int64_t i) { return items_.Make(first + static_cast<std::uint64_t>(i)); });
  }
  void StealBatch(std::int64_t limit) {
    std::uint64_t words[4];
    std::int64_t count = 0;
    if (ring_.StealUpTo(limit, words, &count) != Taken::kItem) return;
    for (std::int64_t i = 0; i < count; ++i) items_.Take(words[i]);
  }
  // For the owner of a FIFO ring.
  void PopAll() {
    std::uint64_t words[4];
    const std::int64_t count = ring_.PopOldest(4, words);
    for (std::int64_t i = 0; i < count; ++i) items_.Take(words[i]);
  }
  // After the thieves were joined: the owner takes the rest, and nothing is missing.
  void Finish(std::uint64_t last) {
    while (TryPop()) {
    }
    items_.ExpectTaken(1, last);
  }
  std::int64_t Capacity() const { return ring_.Capacity(); }

 private:
  static RingOptions Options(RingMode mode, std::int64_t capacity) {
    RingOptions options;
    options.mode = mode;
    options.capacity = capacity;
    options.patience = 0;
    options.attempts = 2;
    options.max_shared = 2;
    options.hot_pops = 2;
    return options;
  }
  bool TryPop() {
    std::uint64_t item = 0;
    const bool taken = mode() == RingMode::kFifo ? ring_.PopOldest(1, &item) == 1
                                                 : ring_.Pop(&item) == Taken::kItem;
    if (taken) items_.Take(item);
    return taken;
  }
  RingMode mode() const { return ring_.options().mode; }

  ModelItems items_;
  Ring ring_;
};

// The owner has one item or more when thieves come.
void OwnerPopsBesideOneThief(RingMode mode) {
  World world(mode);
  world.Push(1);
  world.Push(2);
  model::Thread thief([&] { world.Steal(); });
  world.Pop(2);
  thief.Join();
  world.Finish(2);
}

void LastItem(RingMode mode) {
  World world(mode);
  world.Push(1);
  model::Thread thief([&] { world.Steal(); });
  world.Pop();
  world.Push(2);
  thief.Join();
  world.Finish(2);
}

// Two thieves, of which neither has to ask.
void TwoThieves(RingMode mode) {
  World world(mode);
  world.Push(1);
  world.Steal();
  world.Push(2);
  model::Thread first([&] { world.Steal(); });
  model::Thread second([&] { world.Steal(); });
  world.Pop();
  first.Join();
  second.Join();
  world.Finish(2);
}

// A thief that came too early has asked, and comes again.
void HungryThief(RingMode mode) {
  World world(mode);
  model::Thread thief([&] { world.Steal(2); });
  world.Push(1);
  world.Push(2);
  world.Pop();
  thief.Join();
  world.Finish(2);
}

// Several items in one step.
void BatchIsPushedBesideAThief(RingMode mode) {
  World world(mode);
  world.Push(1);
  world.Steal();  // a split ring is open now
  model::Thread thief([&] { world.Steal(); });
  world.PushTwo(2);
  thief.Join();
  world.Finish(3);
}

// The second item goes to the place of the first.
void SlotIsUsedAgain(RingMode mode) {
  World world(mode, 1);
  world.Push(1);
  model::Thread thief([&] { world.Steal(); });
  world.Pop();
  world.Push(2);
  thief.Join();
  world.Finish(2);
}

// As above, by a thief that took the first item, so that it had its place no more.
void SlotIsFreedByAThief(RingMode mode) {
  World world(mode, 1);
  world.Push(1);
  world.Steal();  // a split ring is open now
  world.Push(2);
  model::Thread thief([&] { world.Steal(); });
  world.Push(3);
  thief.Join();
  world.Finish(3);
}

void GrowsUnderAThief(RingMode mode) {
  World world(mode, 1);
  world.Push(1);
  model::Thread thief([&] { world.Steal(2); });
  world.Push(2);
  world.Push(3);
  thief.Join();
  world.Finish(3);
}

void ShrinksUnderAThief(RingMode mode) {
  World world(mode, 1);
  world.Push(1);
  world.Push(2);
  world.Pop(2);
  world.Pop();  // empty: was needed
  model::Thread thief([&] { world.Steal(2); });
  world.Pop();  // empty: shrinks
  world.Push(3);
  thief.Join();
  world.Finish(2);
}

// The thief may see the buffer to which the ring has shrunk, which was made while it ran.
void ShrinksToABufferThatIsNew(RingMode mode) {
  World world(mode, 1);
  model::Thread thief([&] { world.Steal(); });
  for (std::uint64_t i = 1; i <= 3; ++i) world.Push(i);
  world.Pop(5);
  thief.Join();
  world.Finish(3);
}

// What was public is taken back, with fresh indices, while thieves are at it.
void OwnerTakesBack(RingMode mode) {
  World world(mode);
  for (std::uint64_t i = 1; i <= 4; ++i) world.Push(i);
  model::Thread thief([&] {
    world.StealBatch(2);
    world.Steal();
  });
  world.Pop(3);
  thief.Join();
  world.Finish(4);
}

// A split ring gets hot by the first pop, or cools again before the thief comes.
void OwnerPopsWhatStaysPublic(RingMode mode) {
  World world(mode);
  for (std::uint64_t i = 1; i <= 3; ++i) world.Push(i);
  model::Thread thief([&] { world.Steal(2); });
  world.Pop(3);
  thief.Join();
  world.Finish(3);
}

// A hot deque becomes empty, and has an item again.
void HotDequeIsEmptied(RingMode mode) {
  World world(mode);
  world.Push(1);
  world.Push(2);
  world.Push(3);
  world.Steal();  // a split ring is open now
  world.Pop();    // and hot
  model::Thread thief([&] { world.Steal(2); });
  world.Pop(2);
  world.Push(4);
  thief.Join();
  world.Finish(4);
}

void BatchBesideTheOwner(RingMode mode) {
  World world(mode);
  for (std::uint64_t i = 1; i <= 3; ++i) world.Push(i);
  model::Thread thief([&] { world.StealBatch(2); });
  world.Pop(2);
  world.Push(4);
  thief.Join();
  world.Finish(4);
}

// The owner of a FIFO ring takes all that it finds, beside a thief.
void OwnerTakesABatch(RingMode mode) {
  World world(mode);
  for (std::uint64_t i = 1; i <= 3; ++i) world.Push(i);
  model::Thread thief([&] { world.Steal(2); });
  world.PopAll();
  world.Push(4);
  thief.Join();
  world.Finish(4);
}

std::string NameOf(RingMode mode) {
  return mode == RingMode::kSplit ? "Split" : mode == RingMode::kFenced ? "Fenced" : "Fifo";
}

std::vector<model::Scenario> Scenarios(RingMode mode) {
  const auto of = [mode](const char* name, void (*body)(RingMode), int load_buffering = 0) {
    model::Options options;
    options.load_buffering = load_buffering;
    return model::Scenario{NameOf(mode) + "." + name, [=] { body(mode); }, options};
  };
  std::vector<model::Scenario> scenarios = {
      of("LastItem", LastItem),
      of("OwnerPopsBesideOneThief", OwnerPopsBesideOneThief),
      of("HungryThief", HungryThief),
      of("SlotIsUsedAgain", SlotIsUsedAgain),
      of("SlotIsFreedByAThief", SlotIsFreedByAThief, 1),
      of("GrowsUnderAThief", GrowsUnderAThief),
      of("ShrinksUnderAThief", ShrinksUnderAThief),
      of("OwnerTakesBack", OwnerTakesBack),
      of("OwnerPopsWhatStaysPublic", OwnerPopsWhatStaysPublic),
      of("HotDequeIsEmptied", HotDequeIsEmptied),
      of("BatchBesideTheOwner", BatchBesideTheOwner),
      of("BatchIsPushedBesideAThief", BatchIsPushedBesideAThief),
      of("TwoThieves", TwoThieves)};
  if (mode == RingMode::kFifo) scenarios.push_back(of("OwnerTakesABatch", OwnerTakesABatch));
  // Takes half a million executions of a split ring, and is about buffers, which are alike in all.
  if (mode != RingMode::kSplit) {
    scenarios.push_back(of("ShrinksToABufferThatIsNew", ShrinksToABufferThatIsNew));
  }
  return scenarios;
}

class DequeModelTest : public testing::TestWithParam<RingMode> {};
INSTANTIATE_TEST_SUITE_P(Modes, DequeModelTest,
                         testing::Values(RingMode::kSplit, RingMode::kFenced, RingMode::kFifo),
                         [](const auto& mode) { return NameOf(mode.param); });

TEST_P(DequeModelTest, EachItemHasOneTaker) { model::ExpectHolds(Scenarios(GetParam())); }

TEST(DequeMutantsTest, EachOrderIsNeeded) {
  std::vector<model::Scenario> scenarios;
  for (const RingMode mode : {RingMode::kFifo, RingMode::kFenced, RingMode::kSplit}) {
    const std::vector<model::Scenario> of_mode = Scenarios(mode);
    scenarios.insert(scenarios.end(), of_mode.begin(), of_mode.end());
  }
  model::ExpectMutantsCaught({"deque/internal/"}, scenarios);
}

}  // namespace
}  // namespace weft::deque_internal

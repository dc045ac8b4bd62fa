// Question: does the segmented queue hand each item to one thief, complete and in order, and free
// each block once, when nobody needs it any more, in every behaviour that the C++ memory model
// allows; and is each of its orders needed for that?
// Method: as deque_model_test.cc. The checker also finds accesses to a block that was deleted.
// Bounds: two or three threads, blocks of one and of three slots, up to four items.
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "deque/internal/ring_word.h"
#include "deque/internal/segmented_queue.h"
#include "deque/model_items.h"
#include "gtest/gtest.h"
#include "tools/model/model.h"
#include "tools/model/testing.h"

namespace weft::deque_internal {
namespace {

// A queue with blocks of kLap - 1 slots, and its items.
template <std::uint64_t kLap>
class Lane {
 public:
  void Push(std::uint64_t item) { queue_.Push(items_.Make(item)); }

  // Takes up to `limit` items in one attempt; returns the last, or 0.
  std::uint64_t Steal(std::uint64_t limit = 1) {
    std::uint64_t words[4];
    std::uint64_t count = 0;
    if (queue_.StealUpTo(limit, words, &count) != Taken::kItem) return 0;
    for (std::uint64_t i = 0; i < count; ++i) items_.Take(words[i]);
    return words[count - 1];
  }

  void Finish(std::uint64_t last) {
    while (Steal() != 0) {
    }
    items_.ExpectTaken(1, last);
  }

 private:
  ModelItems items_;
  SegmentedQueue<std::uint64_t, model::Atomics, kLap> queue_;
};

template <std::uint64_t kLap>
void ProducerAndThief() {
  Lane<kLap> lane;
  model::Thread thief([&] {
    const std::uint64_t first = lane.Steal();
    const std::uint64_t second = lane.Steal();
    model::Assert(second == 0 || first < second, "out of order");
  });
  lane.Push(1);
  lane.Push(2);
  thief.Join();
  lane.Finish(2);
}

template <std::uint64_t kLap>
void TwoProducers() {
  Lane<kLap> lane;
  model::Thread other([&] { lane.Push(2); });
  lane.Push(1);
  other.Join();
  lane.Finish(2);
}

template <std::uint64_t kLap>
void TwoThieves() {
  Lane<kLap> lane;
  lane.Push(1);
  lane.Push(2);
  model::Thread first([&] { lane.Steal(); });
  model::Thread second([&] { lane.Steal(); });
  first.Join();
  second.Join();
  lane.Finish(2);
}

// Each thief empties a part of the block that one of them deletes.
void ThievesShareABlock() {
  Lane<4> lane;
  for (std::uint64_t i = 1; i <= 3; ++i) lane.Push(i);
  model::Thread thief([&] { lane.Steal(3); });
  lane.Steal();
  lane.Steal();
  thief.Join();
  lane.Finish(3);
}

// Two producers and a thief, over three blocks.
void ProducersAndThief() {
  Lane<2> lane;
  model::Thread other([&] { lane.Push(2); });
  model::Thread thief([&] { lane.Steal(); });
  lane.Push(1);
  other.Join();
  thief.Join();
  lane.Finish(2);
}

// The second thief finds the next block through the first, which has not yet seen the item of the
// producer that made that block.
void SecondThiefEntersANewBlock() {
  Lane<2> lane;
  model::Thread first([&] { lane.Steal(); });
  model::Thread second([&] { lane.Steal(); });
  lane.Push(1);
  lane.Push(2);
  first.Join();
  second.Join();
  lane.Finish(2);
}

// A batch ends a block while the next one is filled.
void BatchEndsABlock() {
  Lane<4> lane;
  lane.Push(1);
  lane.Push(2);
  model::Thread thief([&] {
    lane.Steal(2);
    lane.Steal(2);
  });
  lane.Push(3);
  thief.Join();
  lane.Finish(3);
}

std::vector<model::Scenario> Scenarios() {
  return {{"ProducerAndThief, blocks of 1", ProducerAndThief<2>, {}},
          {"TwoProducers, blocks of 1", TwoProducers<2>, {}},
          {"TwoThieves, blocks of 1", TwoThieves<2>, {}},
          {"ProducerAndThief, blocks of 3", ProducerAndThief<4>, {}},
          {"TwoThieves, blocks of 3", TwoThieves<4>, {}},
          {"ThievesShareABlock", ThievesShareABlock, {}},
          {"ProducersAndThief", ProducersAndThief, {}},
          {"SecondThiefEntersANewBlock", SecondThiefEntersANewBlock, {}},
          {"BatchEndsABlock", BatchEndsABlock, {}}};
}

TEST(InjectorModelTest, EachItemHasOneTaker) { model::ExpectHolds(Scenarios()); }

TEST(InjectorModelTest, EachOrderIsNeeded) {
  model::ExpectMutantsCaught({"deque/internal/"}, Scenarios());
}

}  // namespace
}  // namespace weft::deque_internal

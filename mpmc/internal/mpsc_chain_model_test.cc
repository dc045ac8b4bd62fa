// Goal: the intrusive queue for many producers and one consumer keeps its contract in every
// behaviour that the C++ memory model allows, and each memory order is needed for it.
// Method: the body that ships, over tools/model, with two or three nodes, some of them pushed again
// as soon as they are popped, explored exhaustively. The contents of a node are plain memory.
#include <vector>

#include "gtest/gtest.h"
#include "mpmc/internal/mpsc_chain.h"
#include "mpmc/pop_result.h"
#include "tools/model/model.h"
#include "tools/model/testing.h"

namespace weft::mpmc_internal {
namespace {

using Chain = MpscChain<model::Atomics>;

struct Node : Chain::Link {
  explicit Node(int v) : value(v) {}
  model::Plain<int> value;
};

Node* PopOne(Chain& chain) {
  for (;;) {
    const Chain::Popped popped = chain.TryPop();
    if (popped.link != nullptr) return static_cast<Node*>(popped.link);
    model::Atomics::Yield();
  }
}

void NodesOfTwoProducersArrive() {
  Chain chain;
  Node one(0);
  Node two(0);
  model::Thread first([&] {
    one.value.Write(1);
    chain.Push(&one);
  });
  model::Thread second([&] {
    two.value.Write(2);
    chain.Push(&two);
  });
  Node* const a = PopOne(chain);
  Node* const b = PopOne(chain);
  model::Assert(a != b, "a node came twice");
  model::Assert(a->value.Read() + b->value.Read() == 3, "contents");
  model::Assert(chain.TryPop().outcome == PopOutcome::kEmpty, "a node came from nowhere");
  first.Join();
  second.Join();
}

void NodesOfOneProducerArriveInOrder() {
  Chain chain;
  Node one(1);
  Node two(2);
  model::Thread producer([&] {
    chain.Push(&one);
    chain.Push(&two);
  });
  model::Assert(PopOne(chain) == &one, "order");
  model::Assert(PopOne(chain) == &two, "order");
  producer.Join();
}

// The consumer pushes what it has popped, or uses its memory for something else, at once.
void PoppedNodeIsTheConsumersAlone() {
  Chain chain;
  Node one(1);
  Node two(2);
  chain.Push(&one);
  model::Thread producer([&] { chain.Push(&two); });
  Node* const first = PopOne(chain);
  model::Assert(first == &one, "order");
  first->value.Write(3);
  chain.Push(first);
  Node* const second = PopOne(chain);
  Node* const third = PopOne(chain);
  model::Assert(second != third, "a node came twice");
  model::Assert(second->value.Read() + third->value.Read() == 5, "contents");
  producer.Join();
}

void PoppedNodeMayBeDestroyed() {
  Chain chain;
  model::Thread first([&] { chain.Push(new Node(1)); });
  model::Thread second([&] { chain.Push(new Node(2)); });
  delete PopOne(chain);
  delete PopOne(chain);
  first.Join();
  second.Join();
}

void EmptyIsExactAndBusyIsNotEmpty() {
  Chain chain;
  Node one(1);
  Node two(2);
  chain.Push(&one);
  model::Thread producer([&] { chain.Push(&two); });
  const Chain::Popped popped = chain.TryPop();
  model::Assert(popped.outcome != PopOutcome::kEmpty, "'empty' was said of a queue that was not");
  producer.Join();
  if (popped.link == nullptr) model::Assert(PopOne(chain) == &one, "order");
  model::Assert(PopOne(chain) == &two, "order");
  model::Assert(chain.TryPop().outcome == PopOutcome::kEmpty, "a node came from nowhere");
}

const std::vector<model::Scenario> kScenarios = {
    {"NodesOfTwoProducersArrive", NodesOfTwoProducersArrive, {}},
    {"NodesOfOneProducerArriveInOrder", NodesOfOneProducerArriveInOrder, {}},
    {"PoppedNodeIsTheConsumersAlone", PoppedNodeIsTheConsumersAlone, {}},
    {"PoppedNodeMayBeDestroyed", PoppedNodeMayBeDestroyed, {}},
    {"EmptyIsExactAndBusyIsNotEmpty", EmptyIsExactAndBusyIsNotEmpty, {}},
};

TEST(MpscChainModelTest, HoldsInEveryBehaviour) { model::ExpectHolds(kScenarios); }

TEST(MpscChainMutantTest, EveryMutantIsCaught) {
  model::ExpectMutantsCaught({"mpmc/internal/"}, kScenarios);
}

}  // namespace
}  // namespace weft::mpmc_internal

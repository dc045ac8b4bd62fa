// Goal: the queue for one producer and one consumer keeps its contract in every behaviour that the
// C++ memory model allows, and each memory order is needed for it.
// Method: the body that ships, over tools/model, with capacities 1 to 3 and a few values, explored
// exhaustively; a capacity of 3 needs two blocks. The values are plain memory: a missing edge is a
// data race.
#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "gtest/gtest.h"
#include "mpmc/bulk_result.h"
#include "mpmc/internal/model_value.h"
#include "mpmc/internal/spsc_ring.h"
#include "mpmc/pop_result.h"
#include "mpmc/push_result.h"
#include "tools/model/model.h"
#include "tools/model/testing.h"

namespace weft::mpmc_internal {
namespace {

using Value = ModelValue;
using Ring = SpscRing<Value, model::Atomics, /*kBlockValues=*/2>;
using LargeValueRing = SpscRing<Value, model::Atomics, /*kBlockValues=*/1>;

template <std::size_t kCapacity, typename R = Ring>
void ValuesCrossInOrder() {
  R ring(kCapacity);
  model::Thread producer([&] {
    for (int i = 1; i <= 3; ++i) {
      while (!ring.TryPush(Value(i)).ok()) model::Atomics::Yield();
    }
    ring.Close();
  });
  for (int i = 1; i <= 3; ++i) {
    while (ring.Front() == nullptr) model::Atomics::Yield();
    model::Assert(ring.TryPop()->Read() == i, "order");
  }
  while (!ring.IsDrained()) model::Atomics::Yield();
  producer.Join();
}

void PreparedValuesCrossInPlace() {
  Ring ring(1);
  model::Thread producer([&] {
    for (int i = 1; i <= 2; ++i) {
      while (ring.TryPrepare(i) == nullptr) model::Atomics::Yield();
      ring.PublishPrepared();
    }
  });
  for (int i = 1; i <= 2; ++i) {
    while (ring.Front() == nullptr) model::Atomics::Yield();
    model::Assert(ring.Front()->Read() == i, "order");
    ring.PopFront(1);
  }
  producer.Join();
}

void BulkCrossesTheWrap() {
  Ring ring(2);
  model::Thread producer([&] {
    std::array<Value, 3> values{Value(1), Value(2), Value(3)};
    std::span<Value> left(values);
    while (!left.empty()) {
      const std::size_t count = ring.TryPushBulk(left).count;
      if (count == 0) model::Atomics::Yield();
      left = left.subspan(count);
    }
  });
  int next = 1;
  while (next <= 3) {
    std::array<Value, 2> out{Value(0), Value(0)};
    const std::size_t count = ring.TryPopBulk(out).count;
    for (std::size_t i = 0; i < count; ++i) model::Assert(out[i].Read() == next++, "order");
    if (count == 0) model::Atomics::Yield();
  }
  producer.Join();
}

void ClosedMeansDrainedForGood() {
  Ring ring(2);
  model::Plain<int> before(0);
  model::Thread producer([&] {
    model::Assert(ring.TryPush(Value(1)).ok(), "room");
    before.Write(42);
    ring.Close();
    model::Assert(ring.TryPush(Value(2)).outcome() == PushOutcome::kClosed, "refused");
  });
  int popped = 0;
  for (;;) {
    const PopResult<Value> result = ring.TryPop();
    if (result.ok()) {
      model::Assert(result->Read() == ++popped, "order");
    } else if (result.outcome() == PopOutcome::kClosed) {
      break;
    } else {
      model::Atomics::Yield();
    }
  }
  model::Assert(popped == 1 && before.Read() == 42, "drained");
  producer.Join();
}

void AbandonedQueueRefusesWhenItIsFull() {
  Ring ring(1);
  model::Plain<int> before(0);
  model::Thread consumer([&] {
    ring.TryPop();
    before.Write(42);
    ring.Abandon();
  });
  for (;;) {
    const PushOutcome outcome = ring.TryPush(Value(1)).outcome();
    if (outcome == PushOutcome::kClosed) break;
    if (outcome == PushOutcome::kFull) model::Atomics::Yield();
  }
  model::Assert(before.Read() == 42, "not visible");
  consumer.Join();
}

// Somebody who is told by the size what has happened sees it.
void SizeIsNeverBelowZeroNorAboveTheCapacity() {
  Ring ring(2);
  model::Assert(ring.TryPush(Value(1)).ok(), "room");
  model::Thread other([&] {
    model::Assert(ring.TryPush(Value(2)).ok(), "room");
    ring.ReleaseConsumer();
    ring.TryPop();
  });
  const std::size_t size = ring.SizeHint();
  model::Assert(size == 1 || size == 2, "more than was ever inside, or less");
  other.Join();
}

const std::vector<model::Scenario> kScenarios = {
    {"ValuesCrossOneSlot", ValuesCrossInOrder<1>, {}},
    {"ValuesCrossTwoSlots", ValuesCrossInOrder<2>, {}},
    {"ValuesCrossTwoBlocks", ValuesCrossInOrder<3>, {}},
    {"LargeValuesCrossTwoBlocks", ValuesCrossInOrder<2, LargeValueRing>, {}},
    {"PreparedValuesCrossInPlace", PreparedValuesCrossInPlace, {}},
    {"BulkCrossesTheWrap", BulkCrossesTheWrap, {}},
    {"ClosedMeansDrainedForGood", ClosedMeansDrainedForGood, {}},
    {"AbandonedQueueRefusesWhenItIsFull", AbandonedQueueRefusesWhenItIsFull, {}},
    {"SizeIsNeverBelowZeroNorAboveTheCapacity", SizeIsNeverBelowZeroNorAboveTheCapacity, {}},
};

TEST(SpscRingModelTest, HoldsInEveryBehaviour) { model::ExpectHolds(kScenarios); }

TEST(SpscRingMutantTest, EveryMutantIsCaught) {
  model::ExpectMutantsCaught({"mpmc/internal/"}, kScenarios);
}

}  // namespace
}  // namespace weft::mpmc_internal

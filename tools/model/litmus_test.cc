// The litmus tests of memory models: what C++20 allows is found, what it forbids is not.
//
// A test is a program; an outcome is what its loads and read-modify-writes read, in the order of
// the text. Each expectation is the exact set of outcomes.

#include <atomic>
#include <set>
#include <string>

#include "gtest/gtest.h"
#include "tools/model/testing/explored.h"
#include "tools/model/testing/reference.h"

namespace weft::model_testing {
namespace {

constexpr std::memory_order kRlx = std::memory_order_relaxed;
constexpr std::memory_order kAcq = std::memory_order_acquire;
constexpr std::memory_order kRel = std::memory_order_release;
constexpr std::memory_order kAcqRel = std::memory_order_acq_rel;
constexpr std::memory_order kSc = std::memory_order_seq_cst;
enum Location { x, y, z };

Step R(Location location, std::memory_order order = kRlx) {
  Step step;
  step.op = Op::kLoad;
  step.location = location;
  step.order = order;
  return step;
}
Step W(Location location, int value, std::memory_order order = kRlx) {
  Step step;
  step.op = Op::kStore;
  step.location = location;
  step.value = value;
  step.order = order;
  return step;
}
Step X(Location location, int value, std::memory_order order = kRlx) {
  Step step = W(location, value, order);
  step.op = Op::kExchange;
  return step;
}
Step Cas(Location location, int expected, int value, std::memory_order order = kRlx) {
  Step step = W(location, value, order);
  step.op = Op::kCompare;
  step.expected = expected;
  return step;
}
Step F(std::memory_order order) {
  Step step;
  step.op = Op::kFence;
  step.order = order;
  return step;
}
Step L() {
  Step step;
  step.op = Op::kLight;
  return step;
}
Step H() {
  Step step;
  step.op = Op::kHeavy;
  return step;
}

using Outcomes = std::set<std::string>;

Outcomes OutcomesOf(const Program& program) {
  const Explored found = ExploreProgram(program);
  EXPECT_EQ(found.failure, "");
  for (const auto& [execution, times] : found.executions) {
    EXPECT_EQ(times, 1) << "repeated: " << execution << "\n" << Print(program);
  }
  return found.outcomes;
}

// Whether `outcome` is possible; the executions are also those of the brute-force enumerator.
bool IsAllowed(const Program& program, const std::string& outcome) {
  const Explored found = ExploreProgram(program);
  EXPECT_EQ(found.failure, "");
  Outcomes executions;
  for (const auto& [execution, times] : found.executions) executions.insert(execution);
  EXPECT_EQ(executions, ConsistentExecutions(program)) << Print(program);
  return found.outcomes.count(outcome) != 0;
}

int CountOf(const Program& program) { return ExploreProgram(program).count; }

const Outcomes kAll = {"0 0", "0 1", "1 0", "1 1"};
const Outcomes kNot00 = {"0 1", "1 0", "1 1"};
const Outcomes kNot11 = {"0 0", "0 1", "1 0"};
const Outcomes kNot10 = {"0 0", "0 1", "1 1"};

// ---- Store buffering: both threads miss the other's store. ----

Program StoreBuffering(std::memory_order store, std::memory_order load) {
  return {{W(x, 1, store), R(y, load)}, {W(y, 1, store), R(x, load)}};
}
Program StoreBuffering(const Step& first, const Step& second) {
  return {{W(x, 1), first, R(y)}, {W(y, 1), second, R(x)}};
}

TEST(Litmus, StoreBufferingNeedsSequentialConsistency) {
  EXPECT_EQ(OutcomesOf(StoreBuffering(kRlx, kRlx)), kAll);
  EXPECT_EQ(OutcomesOf(StoreBuffering(kRel, kAcq)), kAll);
  EXPECT_EQ(OutcomesOf(StoreBuffering(kSc, kAcq)), kAll);
  EXPECT_EQ(OutcomesOf(StoreBuffering(kRel, kSc)), kAll);
  EXPECT_EQ(OutcomesOf(StoreBuffering(kSc, kSc)), kNot00);
  EXPECT_EQ(CountOf(StoreBuffering(kRlx, kRlx)), 4);
  EXPECT_EQ(CountOf(StoreBuffering(kSc, kSc)), 3);
}

TEST(Litmus, StoreBufferingByFencesNeedsTwoSequentiallyConsistentOnes) {
  EXPECT_EQ(OutcomesOf(StoreBuffering(F(kSc), F(kSc))), kNot00);
  EXPECT_EQ(OutcomesOf(StoreBuffering(F(kSc), F(kAcqRel))), kAll);
  EXPECT_EQ(OutcomesOf(StoreBuffering(F(kAcqRel), F(kAcqRel))), kAll);
}

TEST(Litmus, StoreBufferingBetweenAFenceAndAccesses) {
  EXPECT_EQ(OutcomesOf({{W(x, 1, kSc), R(y, kSc)}, {W(y, 1), F(kSc), R(x)}}), kNot00);
  EXPECT_EQ(OutcomesOf({{W(x, 1, kSc), R(y, kAcq)}, {W(y, 1), F(kSc), R(x)}}), kAll);
  EXPECT_EQ(OutcomesOf({{W(x, 1, kRel), R(y, kSc)}, {W(y, 1), F(kSc), R(x)}}), kAll);
}

TEST(Litmus, AReadModifyWriteIsNoFence) {
  EXPECT_TRUE(
      IsAllowed({{X(x, 1, kAcqRel), R(y, kAcq)}, {X(y, 1, kAcqRel), R(x, kAcq)}}, "0 0 0 0"));
  EXPECT_TRUE(IsAllowed({{X(x, 1, kSc), R(y)}, {X(y, 1, kSc), R(x)}}, "0 0 0 0"));
  EXPECT_FALSE(IsAllowed({{X(x, 1, kSc), R(y, kSc)}, {X(y, 1, kSc), R(x, kSc)}}, "0 0 0 0"));
  // Both on one word: then they are ordered.
  EXPECT_FALSE(
      IsAllowed({{W(x, 1), X(z, 1, kAcqRel), R(y)}, {W(y, 1), X(z, 2, kAcqRel), R(x)}}, "0 0 0 0"));
}

TEST(Litmus, AsymmetricBarriersOrderAPairThatHasAHeavyOne) {
  EXPECT_EQ(OutcomesOf(StoreBuffering(L(), H())), kNot00);  // A1
  EXPECT_EQ(OutcomesOf(StoreBuffering(H(), H())), kNot00);  // A2
  EXPECT_EQ(OutcomesOf(StoreBuffering(L(), L())), kAll);    // A3
  EXPECT_EQ(OutcomesOf(StoreBuffering(H(), F(kRlx))), kAll);
  // The axioms promise nothing about other fences.
  EXPECT_EQ(OutcomesOf(StoreBuffering(L(), F(kSc))), kAll);
  EXPECT_EQ(OutcomesOf(StoreBuffering(H(), F(kSc))), kAll);
}

TEST(Litmus, AHeavyBarrierOrdersTwoLightOnesOnlyByItself) {
  // Independent reads with light barriers: nobody orders the writers.
  const Program light = {{W(x, 1)}, {W(y, 1)}, {R(x), L(), R(y)}, {R(y), L(), R(x)}};
  EXPECT_TRUE(IsAllowed(light, "1 0 1 0"));
  const Program one_heavy = {{W(x, 1)}, {W(y, 1)}, {R(x), L(), R(y)}, {R(y), H(), R(x)}};
  EXPECT_FALSE(IsAllowed(one_heavy, "1 0 1 0"));
}

// ---- Message passing: the flag is seen, the message is not. ----

Program MessagePassing(std::memory_order store, std::memory_order load) {
  return {{W(x, 1), W(y, 1, store)}, {R(y, load), R(x)}};
}

TEST(Litmus, MessagePassingNeedsReleaseAndAcquire) {
  EXPECT_EQ(OutcomesOf(MessagePassing(kRlx, kRlx)), kAll);
  EXPECT_EQ(OutcomesOf(MessagePassing(kRel, kRlx)), kAll);
  EXPECT_EQ(OutcomesOf(MessagePassing(kRlx, kAcq)), kAll);
  EXPECT_EQ(OutcomesOf(MessagePassing(kRel, kAcq)), kNot10);
  EXPECT_EQ(OutcomesOf(MessagePassing(kSc, kSc)), kNot10);
  EXPECT_EQ(CountOf(MessagePassing(kRlx, kRlx)), 4);
  EXPECT_EQ(CountOf(MessagePassing(kRel, kAcq)), 3);
}

TEST(Litmus, MessagePassingByFences) {
  EXPECT_EQ(OutcomesOf({{W(x, 1), F(kRel), W(y, 1)}, {R(y), F(kAcq), R(x)}}), kNot10);
  EXPECT_EQ(OutcomesOf({{W(x, 1), F(kRel), W(y, 1)}, {R(y, kAcq), R(x)}}), kNot10);
  EXPECT_EQ(OutcomesOf({{W(x, 1), W(y, 1, kRel)}, {R(y), F(kAcq), R(x)}}), kNot10);
  EXPECT_EQ(OutcomesOf({{W(x, 1), F(kSc), W(y, 1)}, {R(y), F(kSc), R(x)}}), kNot10);
  // A fence on the wrong side of its access.
  EXPECT_EQ(OutcomesOf({{F(kRel), W(x, 1), W(y, 1)}, {R(y), F(kAcq), R(x)}}), kAll);
  EXPECT_EQ(OutcomesOf({{W(x, 1), F(kRel), W(y, 1)}, {R(y), R(x), F(kAcq)}}), kAll);
  EXPECT_EQ(OutcomesOf({{W(x, 1), F(kAcq), W(y, 1)}, {R(y), F(kAcq), R(x)}}), kAll);
}

TEST(Litmus, AReleaseSequenceGoesOnThroughReadModifyWritesOnly) {
  // The third thread reads what the relaxed exchange wrote upon the release store.
  const Program through = {{W(x, 1), W(y, 1, kRel)}, {X(y, 2)}, {R(y, kAcq), R(x)}};
  EXPECT_FALSE(IsAllowed(through, "1 2 0"));
  EXPECT_TRUE(IsAllowed(through, "0 2 0"));
  // C++20: a later plain store of the releasing thread does not belong to it any more.
  EXPECT_TRUE(IsAllowed({{W(x, 1), W(y, 1, kRel), W(y, 2)}, {R(y, kAcq), R(x)}}, "2 0"));
  EXPECT_TRUE(IsAllowed({{W(x, 1), W(y, 1, kRel)}, {R(y), W(y, 2)}, {R(y, kAcq), R(x)}}, "1 2 0"));
  // Nor what a fence would head.
  EXPECT_FALSE(IsAllowed({{W(x, 1), F(kRel), W(y, 1)}, {X(y, 2)}, {R(y, kAcq), R(x)}}, "1 2 0"));
}

// ---- Load buffering: both threads see the other's later store. ----

TEST(Litmus, LoadBufferingIsLeftOutUnlessAskedFor) {
  EXPECT_EQ(OutcomesOf({{R(x), W(y, 1)}, {R(y), W(x, 1)}}), kNot11);
}

Outcomes BufferedOutcomesOf(const Program& program, int load_buffering = 1) {
  const Explored found = ExploreProgram(program, load_buffering);
  EXPECT_EQ(found.failure, "");
  for (const auto& [execution, times] : found.executions) {
    EXPECT_EQ(times, 1) << "repeated: " << execution << "\n" << Print(program);
  }
  return found.outcomes;
}

TEST(Litmus, LoadBufferingNeedsNoOrderOnOneSide) {
  const auto program = [](std::memory_order load, std::memory_order store) {
    return Program{{R(x, load), W(y, 1, store)}, {R(y, load), W(x, 1, store)}};
  };
  EXPECT_EQ(BufferedOutcomesOf(program(kRlx, kRlx)), kAll);
  EXPECT_EQ(BufferedOutcomesOf(program(kAcq, kRlx)), kAll);
  // The standard allows this, too, but the checker reads only relaxed stores early.
  EXPECT_EQ(BufferedOutcomesOf(program(kRlx, kRel)), kNot11);
  EXPECT_EQ(BufferedOutcomesOf(program(kAcq, kRel)), kNot11);
  EXPECT_EQ(BufferedOutcomesOf(program(kSc, kSc)), kNot11);
  EXPECT_EQ(ExploreProgram(program(kRlx, kRlx), 1).count, 4);
}

// The first thread's store, read early by nobody, may stand before the store of 2 that it has heard
// of: then its load of x has nothing to read, and the other thread must go on without it.
TEST(Litmus, Regression_LoadThatAnEarlyReadStoreLeavesNothingToReadIsNoEvent) {
  EXPECT_EQ(
      BufferedOutcomesOf({{R(y, kAcq), R(x), W(x, 1)}, {W(x, 2), W(y, 1, kRel), W(y, 2)}, {R(x)}}),
      OutcomesOf({{R(y, kAcq), R(x), W(x, 1)}, {W(x, 2), W(y, 1, kRel), W(y, 2)}, {R(x)}}));
}

// ---- Independent reads of independent writes: the readers disagree on the order. ----

Program IndependentReads(std::memory_order store, std::memory_order first,
                         std::memory_order second) {
  return {
      {W(x, 1, store)}, {W(y, 1, store)}, {R(x, first), R(y, second)}, {R(y, first), R(x, second)}};
}

TEST(Litmus, IndependentReadsMayDisagreeUnlessSequentiallyConsistent) {
  EXPECT_TRUE(IsAllowed(IndependentReads(kRlx, kRlx, kRlx), "1 0 1 0"));
  EXPECT_TRUE(IsAllowed(IndependentReads(kRel, kAcq, kAcq), "1 0 1 0"));
  EXPECT_TRUE(IsAllowed(IndependentReads(kSc, kAcq, kAcq), "1 0 1 0"));
  EXPECT_FALSE(IsAllowed(IndependentReads(kSc, kSc, kSc), "1 0 1 0"));
  EXPECT_FALSE(IsAllowed(IndependentReads(kRlx, kSc, kSc), "1 0 1 0"));
  EXPECT_EQ(CountOf(IndependentReads(kRlx, kRlx, kRlx)), 16);
  EXPECT_EQ(CountOf(IndependentReads(kSc, kSc, kSc)), 15);
}

// P0668: since C++20 an acquire load that reads a seq_cst store does not put the store before what
// follows the load.
TEST(Litmus, IndependentReadsWithAnAcquireLoadFirstMayDisagree) {
  EXPECT_TRUE(IsAllowed(IndependentReads(kSc, kAcq, kSc), "1 0 1 0"));
}

TEST(Litmus, IndependentReadsAgreeAcrossSequentiallyConsistentFences) {
  const auto program = [](const Step& fence) {
    return Program{{W(x, 1)}, {W(y, 1)}, {R(x), fence, R(y)}, {R(y), fence, R(x)}};
  };
  EXPECT_FALSE(IsAllowed(program(F(kSc)), "1 0 1 0"));
  EXPECT_TRUE(IsAllowed(program(F(kAcqRel)), "1 0 1 0"));
}

// ---- Mixtures of sequentially consistent and weaker operations. ----

// P0668, Z6.U: forbidden until C++17, which Power and Arm do not keep; allowed since C++20.
TEST(Litmus, Z6UIsAllowed) {
  const auto program = [](std::memory_order order) {
    return Program{{W(x, 1, kSc), W(y, 1, order)}, {X(y, 2, kSc), R(y)}, {W(y, 3, kSc), R(x, kSc)}};
  };
  EXPECT_TRUE(IsAllowed(program(kRel), "1 3 0"));
  EXPECT_FALSE(IsAllowed(program(kSc), "1 3 0"));
}

// Read-to-write causality: a fence orders what its thread has seen, too.
TEST(Litmus, FencesAreCumulative) {
  const Program program = {{W(x, 1)}, {R(x), F(kSc), R(y)}, {W(y, 1), F(kSc), R(x)}};
  EXPECT_FALSE(IsAllowed(program, "1 0 0"));
  const Program weaker = {{W(x, 1)}, {R(x), F(kAcqRel), R(y)}, {W(y, 1), F(kSc), R(x)}};
  EXPECT_TRUE(IsAllowed(weaker, "1 0 0"));
}

// W+RWC: forbidden since C++20, because happens-before leads into the fence.
TEST(Litmus, AFenceOrdersWhatHappensBeforeIt) {
  const auto program = [](std::memory_order store, std::memory_order load) {
    return Program{{W(x, 1), W(y, 1, store)}, {R(y, load), F(kSc), R(z)}, {W(z, 1), F(kSc), R(x)}};
  };
  EXPECT_FALSE(IsAllowed(program(kRel, kAcq), "1 0 0"));
  EXPECT_TRUE(IsAllowed(program(kRlx, kAcq), "1 0 0"));
}

// Fences stand in one order, but they do not all synchronise in it.
TEST(Litmus, AFenceBehindAStoreReleasesNothing) {
  const Program program = {{W(z, 1), W(x, 1), F(kSc), R(y)}, {W(y, 1), F(kSc), R(x), R(z)}};
  EXPECT_FALSE(IsAllowed(program, "0 0 1"));
  // y was missed, so the fences are ordered, and with them z.
  EXPECT_FALSE(IsAllowed(program, "0 1 0"));
  // y was seen, so nothing orders the store of z before its load.
  EXPECT_TRUE(IsAllowed(program, "1 1 0"));
}

// ---- 2+2W: two threads write two words in opposite orders, and both first writes stay. ----

Outcomes FinalValues(const Program& program) { return ExploreProgram(program).final_values; }

TEST(Litmus, TwoPlusTwoWrites) {
  const auto program = [](std::memory_order order) {
    return Program{{W(x, 1, order), W(y, 2, order)}, {W(y, 1, order), W(x, 2, order)}};
  };
  const Outcomes all = {"1 1 0", "1 2 0", "2 1 0", "2 2 0"};
  const Outcomes strong = {"1 2 0", "2 1 0", "2 2 0"};
  EXPECT_EQ(FinalValues(program(kRlx)), all);
  EXPECT_EQ(FinalValues(program(kRel)), all);
  EXPECT_EQ(FinalValues(program(kSc)), strong);
  EXPECT_EQ(FinalValues({{W(x, 1), F(kSc), W(y, 2)}, {W(y, 1), F(kSc), W(x, 2)}}), strong);
  EXPECT_EQ(FinalValues({{W(x, 1), F(kAcqRel), W(y, 2)}, {W(y, 1), F(kAcqRel), W(x, 2)}}), all);
  EXPECT_EQ(CountOf(program(kRlx)), 4);
  EXPECT_EQ(CountOf(program(kSc)), 3);
}

// ---- Coherence: one word has one order, whatever the orders. ----

TEST(Litmus, ReadsOfOneThreadDoNotGoBack) {
  EXPECT_EQ(OutcomesOf({{W(x, 1), W(x, 2)}, {R(x), R(x)}}),
            (Outcomes{"0 0", "0 1", "0 2", "1 1", "1 2", "2 2"}));
}

TEST(Litmus, ReadersAgreeOnTheOrderOfWrites) {
  EXPECT_FALSE(IsAllowed({{W(x, 1)}, {W(x, 2)}, {R(x), R(x)}, {R(x), R(x)}}, "1 2 2 1"));
}

TEST(Litmus, AThreadReadsItsOwnWriteOrALaterOne) {
  EXPECT_EQ(OutcomesOf({{W(x, 1), R(x)}, {W(x, 2)}}), (Outcomes{"1", "2"}));
}

TEST(Litmus, AThreadDoesNotReadItsOwnLaterWrite) {
  EXPECT_EQ(OutcomesOf({{R(x), W(x, 1)}, {W(x, 2)}}), (Outcomes{"0", "2"}));
  // Nor a write that it then writes before.
  EXPECT_FALSE(IsAllowed({{R(x), W(x, 1)}, {W(x, 2), R(x), R(x)}}, "2 1 2"));
}

TEST(Litmus, WritesOfOneThreadKeepTheirOrder) {
  EXPECT_EQ(FinalValues({{W(x, 1), W(x, 2)}}), (Outcomes{"2 0 0"}));
}

// ---- Three threads in a chain. ----

TEST(Litmus, WriteToReadCausality) {
  const auto program = [](std::memory_order store, std::memory_order load) {
    return Program{{W(x, 1)}, {R(x), W(y, 1, store)}, {R(y, load), R(x)}};
  };
  EXPECT_TRUE(IsAllowed(program(kRlx, kRlx), "1 1 0"));
  EXPECT_TRUE(IsAllowed(program(kRel, kRlx), "1 1 0"));
  EXPECT_FALSE(IsAllowed(program(kRel, kAcq), "1 1 0"));
}

TEST(Litmus, SynchronisationIsTransitive) {  // ISA2
  const auto program = [](std::memory_order last) {
    return Program{{W(x, 1), W(y, 1, kRel)}, {R(y, kAcq), W(z, 1, kRel)}, {R(z, last), R(x)}};
  };
  EXPECT_FALSE(IsAllowed(program(kAcq), "1 1 0"));
  EXPECT_TRUE(IsAllowed(program(kRlx), "1 1 0"));
}

// ---- Read-modify-writes. ----

TEST(Litmus, NoTwoReadModifyWritesReadOneWrite) {
  EXPECT_EQ(OutcomesOf({{X(x, 1)}, {X(x, 2)}}), (Outcomes{"0 1", "2 0"}));
  EXPECT_EQ(CountOf({{X(x, 1)}, {X(x, 2)}, {X(x, 3)}}), 6);
  EXPECT_EQ(CountOf({{X(x, 1), X(x, 2)}, {X(x, 3), X(x, 1)}, {X(x, 2), X(x, 3)}}), 90);
}

TEST(Litmus, OneOfTwoCasSucceeds) {
  EXPECT_EQ(OutcomesOf({{Cas(x, 0, 1)}, {Cas(x, 0, 2)}}), (Outcomes{"0 1", "2 0"}));
}

}  // namespace
}  // namespace weft::model_testing

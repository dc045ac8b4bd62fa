// Mutants: which there are, which are caught, and what a list of equivalents may say.

#include <atomic>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest-spi.h"
#include "gtest/gtest.h"
#include "tools/model/model.h"
#include "tools/model/testing.h"

namespace weft::model {
namespace {

using ::testing::HasSubstr;

// ---- Code under test: one of each call that has mutants ----

struct Mailbox {
  Plain<int> data{0};
  Atomic<int> flag{0};
  Atomic<int> hint{0};

  void Put() {
    data.Write(1);
    flag.store(1, std::memory_order_release);
  }
  bool Take() {
    if (flag.load(std::memory_order_acquire) == 0) return false;
    Assert(data.Read() == 1, "data");
    return true;
  }
  // Stronger than anybody needs.
  int Hint() { return hint.load(std::memory_order_acquire); }
};

void PutAndTake() {
  Mailbox box;
  Thread other([&box] { box.Put(); });
  (void)box.Take();
  other.Join();
}

void PutTakeAndHint() {
  Mailbox box;
  Thread other([&box] { box.Put(); });
  (void)box.Hint();
  other.Join();
}

const MutantOptions kHere = {{"mutants_test.cc"}, {}};

std::set<std::string> NamesOf(const MutantReport& report) {
  std::set<std::string> names;
  for (const Mutant& mutant : report.mutants) names.insert(mutant.name);
  return names;
}

TEST(Mutants, OfNeededOrdersAreCaught) {
  const MutantReport report = RunMutants(kHere, {{"message", PutAndTake, {}}});
  EXPECT_TRUE(report.ok()) << report;
  EXPECT_EQ(NamesOf(report), (std::set<std::string>{
                                 "mutants_test.cc:Put:store release -> relaxed",
                                 "mutants_test.cc:Take:load acquire -> relaxed",
                             }));
  for (const Mutant& mutant : report.mutants) {
    EXPECT_EQ(mutant.caught_by, "message");
    EXPECT_THAT(mutant.failure, HasSubstr("data race"));
  }
  std::ostringstream table;
  table << report;
  EXPECT_THAT(table.str(), HasSubstr("2 mutants, 0 not caught"));
}

TEST(Mutants, ThatSurviveFailTheRun) {
  const MutantReport report =
      RunMutants(kHere, {{"message", PutAndTake, {}}, {"hint", PutTakeAndHint, {}}});
  EXPECT_FALSE(report.ok());
  EXPECT_THAT(report.failure, HasSubstr("survives: mutants_test.cc:Hint:load acquire -> relaxed"));
}

TEST(Mutants, ListedAsEquivalentMaySurvive) {
  MutantOptions options = kHere;
  options.equivalent["mutants_test.cc:Hint:load acquire -> relaxed"] = "only a hint";
  const MutantReport report =
      RunMutants(options, {{"message", PutAndTake, {}}, {"hint", PutTakeAndHint, {}}});
  EXPECT_TRUE(report.ok()) << report;
}

TEST(Mutants, ListedAsEquivalentMustExistAndSurvive) {
  MutantOptions options = kHere;
  options.equivalent["mutants_test.cc:Gone:load acquire -> relaxed"] = "not there any more";
  options.equivalent["mutants_test.cc:Take:load acquire -> relaxed"] = "wrong";
  const MutantReport report = RunMutants(options, {{"message", PutAndTake, {}}});
  EXPECT_THAT(report.failure, HasSubstr("there is no such mutant: mutants_test.cc:Gone:load"));
  EXPECT_THAT(report.failure,
              HasSubstr("but 'message' catches it: mutants_test.cc:Take:load acquire -> relaxed"));
}

TEST(Mutants, NeedCodeThatPassesUnchanged) {
  const MutantReport report =
      RunMutants(kHere, {{"broken", [] { Assert(false, "broken from the start"); }, {}}});
  EXPECT_THAT(report.failure, HasSubstr("the unchanged code in scenario 'broken'"));
  EXPECT_THAT(report.failure, HasSubstr("broken from the start"));
}

TEST(Mutants, OfTestFilesAreNotMadeUnlessNamed) {
  const MutantReport report = RunMutants({}, {{"message", PutAndTake, {}}});
  EXPECT_THAT(report.failure, HasSubstr("no mutant"));
}

// ---- Fences, barriers, re-checks, both orders of a CAS ----

struct Dekker {
  Atomic<int> mine{0};
  Atomic<int> theirs{0};

  bool EnterLight() {
    mine.store(1, std::memory_order_relaxed);
    Atomics::LightBarrier();
    return theirs.load(std::memory_order_relaxed) == 0;
  }
  bool EnterHeavy() {
    theirs.store(1, std::memory_order_relaxed);
    Atomics::HeavyBarrier();
    return mine.load(std::memory_order_relaxed) == 0;
  }
  bool EnterFence() {
    theirs.store(1, std::memory_order_relaxed);
    Atomics::Fence(std::memory_order_seq_cst);
    return mine.load(std::memory_order_relaxed) == 0;
  }
  bool EnterFenceToo() {
    mine.store(1, std::memory_order_relaxed);
    Atomics::Fence(std::memory_order_seq_cst);
    return theirs.load(std::memory_order_relaxed) == 0;
  }
};

void Exclude(bool (Dekker::*left)(), bool (Dekker::*right)()) {
  Dekker dekker;
  bool entered = false;
  Thread other([&] { entered = (dekker.*right)(); });
  const bool both = (dekker.*left)();
  other.Join();
  Assert(!both || !entered, "both have entered");
}

TEST(Mutants, LeaveOutBarriersAndFencesAndWeakenFences) {
  const MutantReport report = RunMutants(
      kHere, {{"asymmetric", [] { Exclude(&Dekker::EnterLight, &Dekker::EnterHeavy); }, {}},
              {"fences", [] { Exclude(&Dekker::EnterFenceToo, &Dekker::EnterFence); }, {}}});
  EXPECT_TRUE(report.ok()) << report;
  EXPECT_EQ(NamesOf(report), (std::set<std::string>{
                                 "mutants_test.cc:EnterLight:light barrier left out",
                                 "mutants_test.cc:EnterHeavy:heavy barrier left out",
                                 "mutants_test.cc:EnterFence:fence seq_cst -> acq_rel",
                                 "mutants_test.cc:EnterFence:fence left out",
                                 "mutants_test.cc:EnterFenceToo:fence seq_cst -> acq_rel",
                                 "mutants_test.cc:EnterFenceToo:fence left out",
                             }));
}

TEST(Mutants, TracesSayWhichWritesWereMissed) {
  const Result result = Explore({}, [] { Exclude(&Dekker::EnterLight, &Dekker::EnterFence); });
  EXPECT_EQ(result.failure.substr(0, 17), "both have entered");
  EXPECT_THAT(result.trace, HasSubstr("because 1.3 reads from its initial value and misses 0.1, "
                                      "which does not happen before it\n"));
}

// A slot that two threads claim; the winner of the claim looks again whether it was closed.
struct Slot {
  Atomic<int> state{0};
  Atomic<int> closed{0};
  Plain<int> data{0};

  bool Claim(int value) {
    int expected = 0;
    if (!state.compare_exchange_strong(expected, 1, std::memory_order_acq_rel,
                                       std::memory_order_acquire)) {
      if (expected == 2) Assert(data.Read() != 0, "full");
      return false;
    }
    if (Atomics::Recheck(closed.load(std::memory_order_relaxed) != 0)) return false;
    data.Write(value);
    state.store(2, std::memory_order_release);
    return true;
  }
};

TEST(Mutants, ChangeBothOrdersOfACasAndRechecks) {
  MutantOptions options = kHere;
  options.equivalent["mutants_test.cc:Claim:CAS acq_rel -> acquire"] = "nobody acquires a claim";
  options.equivalent["mutants_test.cc:Claim:CAS acq_rel -> release"] = "nothing is released before";
  const MutantReport report =
      RunMutants(options, {{"two claim",
                            [] {
                              Slot slot;
                              Thread other([&] { (void)slot.Claim(1); });
                              (void)slot.Claim(2);
                              other.Join();
                            },
                            {}},
                           {"closed",
                            [] {
                              Slot slot;
                              slot.closed.store(1, std::memory_order_relaxed);
                              Assert(!slot.Claim(1), "claimed although closed");
                            },
                            {}}});
  EXPECT_TRUE(report.ok()) << report;
  EXPECT_EQ(NamesOf(report), (std::set<std::string>{
                                 "mutants_test.cc:Claim:CAS acq_rel -> acquire",
                                 "mutants_test.cc:Claim:CAS acq_rel -> release",
                                 "mutants_test.cc:Claim:CAS failure acquire -> relaxed",
                                 "mutants_test.cc:Claim:re-check answers false",
                                 "mutants_test.cc:Claim:store release -> relaxed",
                             }));
}

// ---- As tests (testing.h) ----

TEST(ModelTesting, ScenariosThatHoldAndCaughtMutantsPass) {
  ExpectHolds({{"message", PutAndTake, {}}});
  ExpectMutantsCaught({"mutants_test.cc"}, {{"message", PutAndTake, {}}});
}

TEST(ModelTesting, AScenarioThatFailsSaysHowToRunItAgain) {
  EXPECT_NONFATAL_FAILURE(ExpectHolds({{"message", PutAndTake, {}},
                                       {"late", [] { Assert(Choose(2) == 0, "one"); }, {}}}),
                          "again: WEFT_MODEL_SCENARIO='late' WEFT_MODEL_REPLAY='0c1'");
}

TEST(ModelTesting, SpuriousWakesAreAskedForAll) {
  EXPECT_NONFATAL_FAILURE(
      ExpectHoldsWithSpuriousWakes({{"sleeper",
                                     [] {
                                       const Atomic<uint64_t> word{0};
                                       Assert(!Atomics::FutexWait(word, 0, true), "woken");
                                     },
                                     {}}}),
      "sleeper, woken for no reason: failed: woken");
}

TEST(ModelTesting, ASurvivorFailsTheTest) {
  EXPECT_NONFATAL_FAILURE(ExpectMutantsCaught({"mutants_test.cc"}, {{"hint", PutTakeAndHint, {}}}),
                          "survives: mutants_test.cc:Hint:load acquire -> relaxed");
}

}  // namespace
}  // namespace weft::model

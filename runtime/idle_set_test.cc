// Question: does the idle set pick the right worker, ration its wakes, and keep the reactor
// watched? Method: one thread plays all workers, step by step.
#include "runtime/internal/idle_set.h"

#include <vector>

#include "gtest/gtest.h"

namespace weft::runtime_internal {
namespace {

bool NoWork(Sight) { return false; }
bool SomeWork(Sight) { return true; }
// Only what others keep.
bool KeptWork(Sight sight) { return sight == Sight::kAll; }
bool NothingKept() { return false; }
bool SomethingKept() { return true; }
void NobodyIsTold() { FAIL() << "there is nothing to tell the poller"; }

// A searcher that becomes idle.
template <typename F>
IdleRole GoIdle(IdleSet* idle, Idler* idler, F has_work, Patrol patrol = Patrol::kNotNeeded) {
  return idle->GoIdle(idler, patrol, has_work, NobodyIsTold);
}

// A worker that searches in vain and becomes idle.
IdleRole Idle(IdleSet* idle, Idler* idler, Patrol patrol = Patrol::kNotNeeded) {
  idle->BeginSearch();
  return GoIdle(idle, idler, NoWork, patrol);
}

// A searcher that finds work, and sees more; whom it wakes.
Idler* FindWork(IdleSet* idle) { return idle->EndSearch(SomeWork).idler; }

TEST(IdleSetTest, NobodyIsPickedWhileAllAreBusy) {
  IdleSet idle(3);
  EXPECT_TRUE(idle.AllAreBusy());
  EXPECT_EQ(idle.PickOne().idler, nullptr);
}

TEST(IdleSetTest, TheFirstIdleWorkerPollsAndTheOthersSleep) {
  IdleSet idle(3);
  Idler a, b, c;
  EXPECT_EQ(Idle(&idle, &a), IdleRole::kPoller);
  EXPECT_EQ(Idle(&idle, &b), IdleRole::kSleeper);
  EXPECT_EQ(Idle(&idle, &c), IdleRole::kSleeper);
  EXPECT_FALSE(idle.AllAreBusy());
  EXPECT_EQ(idle.Stop().size(), 3u);
  idle.LeavePolling(&a);
}

TEST(IdleSetTest, WorkerThatSeesWorkAtItsSecondLookSearchesOn) {
  IdleSet idle(3);
  Idler a, b;
  idle.BeginSearch();
  EXPECT_EQ(GoIdle(&idle, &a, SomeWork), IdleRole::kSearcher);
  EXPECT_EQ(GoIdle(&idle, &a, NoWork), IdleRole::kPoller);
  idle.BeginSearch();
  EXPECT_EQ(GoIdle(&idle, &b, SomeWork), IdleRole::kSearcher);
  // It searches, so nobody else is woken.
  EXPECT_EQ(idle.PickOne().idler, nullptr);
  EXPECT_EQ(FindWork(&idle), &a);
  idle.LeavePolling(&a);
}

TEST(IdleSetTest, SleeperThatIsPickedBeforeItsSecondLookFindsItsToken) {
  IdleSet idle(3);
  Idler poller, sleeper;
  Idle(&idle, &poller);
  idle.BeginSearch();
  const auto picks_then_sees_work = [&idle, &sleeper](Sight) {
    EXPECT_EQ(idle.PickOne().idler, &sleeper);
    return true;
  };
  EXPECT_EQ(GoIdle(&idle, &sleeper, picks_then_sees_work), IdleRole::kSleeper);
  idle.LeavePolling(&poller);
}

TEST(IdleSetTest, SleepersArePickedBeforeThePollerAndTheLatestFirst) {
  IdleSet idle(3);
  Idler poller, first, second;
  Idle(&idle, &poller);
  Idle(&idle, &first);
  Idle(&idle, &second);
  const Pick pick = idle.PickOne();
  EXPECT_EQ(pick.idler, &second);
  EXPECT_EQ(pick.role, IdleRole::kSleeper);
  EXPECT_EQ(FindWork(&idle), &first);
  const Pick last = idle.EndSearch(SomeWork);
  EXPECT_EQ(last.idler, &poller);
  EXPECT_EQ(last.role, IdleRole::kPoller);
  EXPECT_TRUE(idle.IsPicked(poller));
  idle.LeavePolling(&poller);
}

TEST(IdleSetTest, NobodyIsPickedWhileSomebodySearches) {
  IdleSet idle(3);
  Idler poller, sleeper;
  Idle(&idle, &poller);
  Idle(&idle, &sleeper);
  EXPECT_EQ(idle.PickOne().idler, &sleeper);
  // The sleeper searches now; it, and nobody else, is responsible for what is added meanwhile.
  EXPECT_EQ(idle.PickOne().idler, nullptr);
  EXPECT_EQ(idle.EndSearch(NoWork).idler, nullptr);
  EXPECT_EQ(idle.PickOne().idler, &poller);
  idle.LeavePolling(&poller);
}

TEST(IdleSetTest, OnlyTheLastSearcherWakesTheNextOne) {
  IdleSet idle(3);
  Idler poller;
  Idle(&idle, &poller);
  EXPECT_EQ(idle.BeginSearch(), 0);
  EXPECT_EQ(idle.BeginSearch(), 1);
  EXPECT_EQ(FindWork(&idle), nullptr);
  EXPECT_EQ(FindWork(&idle), &poller);
  idle.LeavePolling(&poller);
}

TEST(IdleSetTest, TheLastSearcherHasNothingToDoIfNobodyIsIdle) {
  IdleSet idle(3);
  idle.BeginSearch();
  EXPECT_FALSE(idle.AllAreBusy());
  EXPECT_EQ(FindWork(&idle), nullptr);
}

TEST(IdleSetTest, PollerIsPickedOnce) {
  IdleSet idle(3);
  Idler poller;
  Idle(&idle, &poller);
  EXPECT_EQ(idle.PickOne().idler, &poller);
  EXPECT_EQ(idle.PickOne().idler, nullptr);
  idle.LeavePolling(&poller);
  EXPECT_EQ(FindWork(&idle), nullptr);
  // A poller of a second time has not been picked.
  EXPECT_EQ(Idle(&idle, &poller), IdleRole::kPoller);
  EXPECT_FALSE(idle.IsPicked(poller));
  idle.LeavePolling(&poller);
}

TEST(IdleSetTest, WhoFindsWorkWhileNobodyPollsWakesASleeperForIt) {
  IdleSet idle(3);
  Idler poller, sleeper;
  Idle(&idle, &poller);
  Idle(&idle, &sleeper);
  idle.LeavePolling(&poller);
  EXPECT_EQ(idle.EndSearch(NoWork).idler, &sleeper);
  EXPECT_EQ(GoIdle(&idle, &sleeper, NoWork), IdleRole::kPoller);
  idle.LeavePolling(&sleeper);
}

TEST(IdleSetTest, WhatIsKeptWakesSomebodyUnlessThereIsAPatrol) {
  IdleSet idle(3);
  Idler a, b;
  EXPECT_EQ(idle.PickOneForKept().idler, nullptr);
  Idle(&idle, &a);
  EXPECT_FALSE(idle.IsPatrolled());
  EXPECT_EQ(idle.PickOneForKept().idler, &a);
  idle.LeavePolling(&a);
  EXPECT_EQ(GoIdle(&idle, &a, KeptWork, Patrol::kNeeded), IdleRole::kPoller);
  EXPECT_TRUE(idle.IsPatrolled());
  EXPECT_FALSE(idle.AllAreBusy());
  EXPECT_EQ(idle.PickOneForKept().idler, nullptr);
  // Who comes later leaves it to the patrol too.
  idle.BeginSearch();
  EXPECT_EQ(GoIdle(&idle, &b, KeptWork), IdleRole::kSleeper);
  EXPECT_EQ(idle.PickOneForKept().idler, nullptr);
  // And so does the last searcher.
  EXPECT_EQ(idle.PickOne().idler, &b);
  EXPECT_EQ(idle.EndSearch(KeptWork).idler, nullptr);
  idle.LeavePolling(&a);
}

TEST(IdleSetTest, WhatIsKeptIsInSightWithoutAPatrol) {
  IdleSet idle(3);
  Idler a, b;
  idle.BeginSearch();
  EXPECT_EQ(GoIdle(&idle, &a, KeptWork), IdleRole::kSearcher);
  EXPECT_EQ(GoIdle(&idle, &a, NoWork), IdleRole::kPoller);
  idle.BeginSearch();
  EXPECT_EQ(idle.EndSearch(KeptWork).idler, &a);
  idle.LeavePolling(&a);
}

TEST(IdleSetTest, PatrolDoesNotKeepFromWakingForTheRest) {
  IdleSet idle(2);
  Idler a;
  Idle(&idle, &a, Patrol::kNeeded);
  EXPECT_EQ(idle.PickOne().idler, &a);
  EXPECT_FALSE(idle.IsPatrolled());
  idle.LeavePolling(&a);
}

TEST(IdleSetTest, PatrolEndsWhenItsPollerLeaves) {
  IdleSet idle(3);
  Idler a, b;
  Idle(&idle, &a, Patrol::kNeeded);
  Idle(&idle, &b);
  idle.LeavePolling(&a);
  EXPECT_FALSE(idle.IsPatrolled());
  // Nobody polls: whoever finds work wakes the sleeper.
  EXPECT_EQ(FindWork(&idle), &b);
  EXPECT_EQ(GoIdle(&idle, &b, NoWork), IdleRole::kPoller);
  EXPECT_FALSE(idle.IsPatrolled());
  idle.LeavePolling(&b);
}

TEST(IdleSetTest, SleeperThatNeedsAPatrolTellsThePollerOnce) {
  IdleSet idle(4);
  Idler poller, a, b;
  Idle(&idle, &poller);
  int told = 0;
  const auto tell = [&told] { ++told; };
  idle.BeginSearch();
  EXPECT_EQ(idle.GoIdle(&a, Patrol::kNeeded, KeptWork, tell), IdleRole::kSleeper);
  EXPECT_TRUE(idle.IsPatrolled());
  EXPECT_EQ(told, 1);
  idle.BeginSearch();
  EXPECT_EQ(idle.GoIdle(&b, Patrol::kNeeded, KeptWork, tell), IdleRole::kSleeper);
  EXPECT_EQ(told, 1);
  (void)idle.Stop();
  idle.LeavePolling(&poller);
}

TEST(IdleSetTest, SleeperThatNeedsAPatrolSearchesOnIfThePollerIsLeaving) {
  IdleSet idle(4);
  Idler poller, a;
  Idle(&idle, &poller);
  EXPECT_EQ(idle.PickOne().idler, &poller);
  idle.BeginSearch();
  EXPECT_EQ(GoIdle(&idle, &a, KeptWork, Patrol::kNeeded), IdleRole::kSearcher);
  EXPECT_FALSE(idle.IsPatrolled());
  idle.LeavePolling(&poller);
}

TEST(IdleSetTest, PollerEndsThePatrolUnlessSomethingIsKept) {
  IdleSet idle(2);
  Idler a;
  Idle(&idle, &a, Patrol::kNeeded);
  EXPECT_FALSE(idle.EndPatrol(a, SomethingKept));
  EXPECT_TRUE(idle.IsPatrolled());
  EXPECT_TRUE(idle.EndPatrol(a, NothingKept));
  EXPECT_FALSE(idle.IsPatrolled());
  EXPECT_EQ(idle.PickOneForKept().idler, &a);
  // Picked meanwhile, it puts no patrol on.
  EXPECT_FALSE(idle.EndPatrol(a, SomethingKept));
  EXPECT_FALSE(idle.IsPatrolled());
  idle.LeavePolling(&a);
}

TEST(IdleSetTest, TheLastWorkerNeedsNoPatrol) {
  IdleSet idle(2);
  Idler a, b;
  Idle(&idle, &a);
  EXPECT_EQ(Idle(&idle, &b, Patrol::kNeeded), IdleRole::kSleeper);
  EXPECT_FALSE(idle.IsPatrolled());
  (void)idle.Stop();
  idle.LeavePolling(&a);
}

TEST(IdleSetTest, StopPicksAllAndLetsNobodyIn) {
  IdleSet idle(3);
  Idler poller, sleeper, busy;
  Idle(&idle, &poller);
  Idle(&idle, &sleeper);
  const std::vector<Pick> picks = idle.Stop();
  ASSERT_EQ(picks.size(), 2u);
  EXPECT_EQ(picks[0].idler, &sleeper);
  EXPECT_EQ(picks[1].idler, &poller);
  idle.LeavePolling(&poller);
  EXPECT_EQ(GoIdle(&idle, &poller, NoWork), IdleRole::kStopped);
  EXPECT_EQ(GoIdle(&idle, &sleeper, NoWork), IdleRole::kStopped);
  EXPECT_EQ(Idle(&idle, &busy), IdleRole::kStopped);
}

}  // namespace
}  // namespace weft::runtime_internal

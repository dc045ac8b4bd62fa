// Question: does the idle set pick the right worker, ration its wakes, and keep the reactor
// watched? Method: one thread plays all workers, step by step.
#include "runtime/internal/idle_set.h"

#include <vector>

#include "gtest/gtest.h"

namespace weft::runtime_internal {
namespace {

bool NoWork() { return false; }
bool SomeWork() { return true; }

// A worker that searches in vain and becomes idle.
IdleRole Idle(IdleSet* idle, Idler* idler) {
  idle->BeginSearch();
  return idle->GoIdle(idler, NoWork);
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
  EXPECT_EQ(idle.GoIdle(&a, SomeWork), IdleRole::kSearcher);
  EXPECT_EQ(idle.GoIdle(&a, NoWork), IdleRole::kPoller);
  idle.BeginSearch();
  EXPECT_EQ(idle.GoIdle(&b, SomeWork), IdleRole::kSearcher);
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
  const auto picks_then_sees_work = [&idle, &sleeper] {
    EXPECT_EQ(idle.PickOne().idler, &sleeper);
    return true;
  };
  EXPECT_EQ(idle.GoIdle(&sleeper, picks_then_sees_work), IdleRole::kSleeper);
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
  EXPECT_EQ(idle.GoIdle(&sleeper, NoWork), IdleRole::kPoller);
  idle.LeavePolling(&sleeper);
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
  EXPECT_EQ(idle.GoIdle(&poller, NoWork), IdleRole::kStopped);
  EXPECT_EQ(idle.GoIdle(&sleeper, NoWork), IdleRole::kStopped);
  EXPECT_EQ(Idle(&idle, &busy), IdleRole::kStopped);
}

}  // namespace
}  // namespace weft::runtime_internal

// Question: does the idle set pick the right worker, ration its wakes, and keep the reactor
// watched? Method: one thread plays all workers, step by step.
#include "runtime/internal/idle_set.h"

#include <vector>

#include "gtest/gtest.h"

namespace weft::runtime_internal {
namespace {

// A worker that searches in vain and becomes idle.
IdleRole GoIdle(IdleSet* idle, Idler* idler) {
  idle->BeginSearch();
  return idle->Enter(idler);
}

TEST(IdleSetTest, NobodyIsPickedWhileAllAreBusy) {
  IdleSet idle;
  EXPECT_EQ(idle.PickOne().idler, nullptr);
}

TEST(IdleSetTest, TheFirstIdleWorkerPollsAndTheOthersSleep) {
  IdleSet idle;
  Idler a, b, c;
  EXPECT_TRUE(idle.NobodyPolls());
  EXPECT_EQ(GoIdle(&idle, &a), IdleRole::kPoller);
  EXPECT_FALSE(idle.NobodyPolls());
  EXPECT_EQ(GoIdle(&idle, &b), IdleRole::kSleeper);
  EXPECT_EQ(GoIdle(&idle, &c), IdleRole::kSleeper);
  idle.LeavePolling(&a);
  EXPECT_TRUE(idle.LeaveSleepers(&b));
  EXPECT_TRUE(idle.LeaveSleepers(&c));
}

TEST(IdleSetTest, SleepersArePickedBeforeThePollerAndTheLatestFirst) {
  IdleSet idle;
  Idler poller, first, second;
  GoIdle(&idle, &poller);
  GoIdle(&idle, &first);
  GoIdle(&idle, &second);
  Pick pick = idle.PickOne();
  EXPECT_EQ(pick.idler, &second);
  EXPECT_EQ(pick.role, IdleRole::kSleeper);
  EXPECT_TRUE(idle.EndSearch());  // it found the work
  EXPECT_EQ(idle.PickOne().idler, &first);
  EXPECT_TRUE(idle.EndSearch());
  pick = idle.PickOne();
  EXPECT_EQ(pick.idler, &poller);
  EXPECT_EQ(pick.role, IdleRole::kPoller);
  EXPECT_TRUE(idle.IsPicked(poller));
  idle.LeavePolling(&poller);
}

TEST(IdleSetTest, NobodyIsPickedWhileSomebodySearches) {
  IdleSet idle;
  Idler poller, sleeper;
  GoIdle(&idle, &poller);
  GoIdle(&idle, &sleeper);
  EXPECT_EQ(idle.PickOne().idler, &sleeper);
  // The sleeper searches now; it, and nobody else, is responsible for what is added meanwhile.
  EXPECT_EQ(idle.PickOne().idler, nullptr);
  EXPECT_TRUE(idle.EndSearch());
  EXPECT_EQ(idle.PickOne().idler, &poller);
  idle.LeavePolling(&poller);
}

TEST(IdleSetTest, OnlyTheLastSearcherIsToldSo) {
  IdleSet idle;
  idle.BeginSearch();
  idle.BeginSearch();
  EXPECT_FALSE(idle.EndSearch());
  EXPECT_TRUE(idle.EndSearch());
}

TEST(IdleSetTest, SleeperThatWasPickedCannotLeave) {
  IdleSet idle;
  Idler poller, sleeper;
  GoIdle(&idle, &poller);
  GoIdle(&idle, &sleeper);
  EXPECT_EQ(idle.PickOne().idler, &sleeper);
  EXPECT_FALSE(idle.LeaveSleepers(&sleeper));
  idle.LeavePolling(&poller);
}

TEST(IdleSetTest, PollerIsPickedOnce) {
  IdleSet idle;
  Idler poller;
  GoIdle(&idle, &poller);
  EXPECT_EQ(idle.PickOne().idler, &poller);
  EXPECT_EQ(idle.PickOne().idler, nullptr);
  idle.LeavePolling(&poller);
  EXPECT_TRUE(idle.EndSearch());
  // A poller of a second time has not been picked.
  EXPECT_EQ(GoIdle(&idle, &poller), IdleRole::kPoller);
  EXPECT_FALSE(idle.IsPicked(poller));
  idle.LeavePolling(&poller);
}

TEST(IdleSetTest, RoleIsVacantOncePollerLeaves) {
  IdleSet idle;
  Idler poller, sleeper;
  GoIdle(&idle, &poller);
  GoIdle(&idle, &sleeper);
  idle.LeavePolling(&poller);
  EXPECT_TRUE(idle.NobodyPolls());
  EXPECT_TRUE(idle.EndSearch());  // the former poller found work and must wake the sleeper
  EXPECT_EQ(idle.PickOne().idler, &sleeper);
  EXPECT_EQ(idle.Enter(&sleeper), IdleRole::kPoller);
  idle.LeavePolling(&sleeper);
}

TEST(IdleSetTest, StopPicksAllAndLetsNobodyIn) {
  IdleSet idle;
  Idler poller, sleeper, busy;
  GoIdle(&idle, &poller);
  GoIdle(&idle, &sleeper);
  const std::vector<Pick> picks = idle.Stop();
  ASSERT_EQ(picks.size(), 2u);
  EXPECT_EQ(picks[0].idler, &sleeper);
  EXPECT_EQ(picks[1].idler, &poller);
  idle.LeavePolling(&poller);
  EXPECT_EQ(idle.Enter(&poller), IdleRole::kStopped);
  EXPECT_EQ(idle.Enter(&sleeper), IdleRole::kStopped);
  EXPECT_EQ(GoIdle(&idle, &busy), IdleRole::kStopped);
}

}  // namespace
}  // namespace weft::runtime_internal

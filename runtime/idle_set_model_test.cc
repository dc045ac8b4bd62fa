// Question: is no wake-up lost, and nothing that a stuck worker keeps left without a patrol, in any
// behaviour that the C++ memory model allows, and is each order, barrier and second look needed?
// Method: the body that ships, over tools/model, in scenarios of two or three threads that are
// explored exhaustively, with asymmetric barriers and with fences; each mutant must fail one of
// them.
#include "runtime/idle_set_model_test.h"

#include <vector>

#include "base/barrier_pair.h"
#include "gtest/gtest.h"
#include "runtime/internal/idle_set.h"
#include "runtime/internal/model_barriers.h"
#include "tools/model/model.h"
#include "tools/model/testing.h"

namespace weft::runtime_internal {
namespace {

template <void (Workers::*add)()>
void PushMeetsAWorkerThatGoesIdle(BarrierKind kind) {
  Workers workers(kind);
  workers.SearchAtFirst();
  model::Thread worker([&] { workers.GoIdle(0); });
  (workers.*add)();
  worker.Join();
  workers.ExpectSomebodyAwake();
}

void PushMeetsASecondWorkerThatGoesIdle(BarrierKind kind) {
  Workers workers(kind);
  workers.SleepAtFirst(0);
  workers.SearchAtFirst();
  model::Thread worker([&] { workers.GoIdle(1); });
  workers.Add();
  worker.Join();
  workers.ExpectSomebodyAwake();
}

void PushMeetsTwoWorkersThatGoIdle(BarrierKind kind) {
  Workers workers(kind);
  workers.SearchAtFirst();
  workers.SearchAtFirst();
  model::Thread first([&] { workers.GoIdle(0); });
  model::Thread second([&] { workers.GoIdle(1); });
  workers.Add();
  first.Join();
  second.Join();
  workers.ExpectSomebodyAwake();
}

// The last worker that goes idle runs no heavy barrier.
void PushFromOutsideMeetsTheOnlyWorker(BarrierKind kind) {
  Workers workers(kind, 1);
  workers.SearchAtFirst();
  model::Thread worker([&] { workers.GoIdle(0); });
  workers.AddFromOutside();
  worker.Join();
  workers.ExpectSomebodyAwake();
}

void PushFromOutsideMeetsTheLastWorkerThatGoesIdle(BarrierKind kind) {
  Workers workers(kind, 2);
  workers.SleepAtFirst(0);
  workers.SearchAtFirst();
  model::Thread worker([&] { workers.GoIdle(1); });
  workers.AddFromOutside();
  worker.Join();
  workers.ExpectSomebodyAwake();
}

// Worker 0 is woken, and adds work, while worker 1 goes idle: as the last one, or not.
void WokenWorkerPushesBesideOneThatGoesIdle(BarrierKind kind) {
  Workers workers(kind, 2);
  workers.SleepAtFirst(0);
  workers.SearchAtFirst();
  model::Thread worker([&] { workers.GoIdle(1); });
  workers.WakeThenAdd();
  worker.Join();
  workers.ExpectSomebodyAwakeForAnyWork();
}

// Two workers go idle, one after the other has added work.
void PushOfAWorkerThatThenGoesIdle(BarrierKind kind) {
  Workers workers(kind, 2);
  workers.SearchAtFirst();
  workers.SearchAtFirst();
  model::Thread worker([&] { workers.GoIdle(1); });
  workers.Add();
  workers.GoIdle(0);
  worker.Join();
  workers.ExpectSomebodyAwake();
}

void PushMeetsTheLastSearcher(BarrierKind kind) {
  Workers workers(kind);
  workers.SleepAtFirst(0);
  workers.SearchAtFirst();
  model::Thread searcher([&] { workers.EndSearch(); });
  workers.Add();
  searcher.Join();
  workers.ExpectSomebodyAwake();
}

void PushMeetsTwoSearchers(BarrierKind kind) {
  Workers workers(kind);
  workers.SleepAtFirst(0);
  workers.SearchAtFirst();
  workers.SearchAtFirst();
  model::Thread finds([&] { workers.EndSearch(); });
  model::Thread idles([&] { workers.GoIdle(1); });
  workers.Add();
  finds.Join();
  idles.Join();
  workers.ExpectSomebodyAwake();
}

// The poller and another searcher get work: somebody must take over the watch.
void PollerLeavesBesideASearcher(BarrierKind kind) {
  Workers workers(kind);
  workers.SleepAtFirst(0);
  workers.SleepAtFirst(1);
  workers.SearchAtFirst();
  model::Thread searcher([&] { workers.EndSearch(); });
  workers.LeavePolling(0);
  searcher.Join();
  model::Assert(workers.IsAwake(1), "nobody watches the reactor");
}

void KeptMeetsAWorkerThatGoesIdle(BarrierKind kind) {
  Workers workers(kind);
  workers.SearchAtFirst();
  model::Thread worker([&] { workers.GoIdle(0); });
  workers.Keep();
  worker.Join();
  workers.ExpectSomebodyAwakeOrAPatrol();
}

void KeptMeetsAWorkerThatGoesOnPatrol(BarrierKind kind) {
  Workers workers(kind);
  workers.SearchAtFirst();
  model::Thread worker([&] { workers.GoIdle(0, Patrol::kNeeded); });
  workers.Keep();
  worker.Join();
  workers.ExpectSomebodyAwakeOrAPatrol();
}

// Who publishes must look again. (runtime_stress_test has found that, with ThreadSanitizer.)
template <Patrol patrol>
void PublishedMeetsAPollerThatWakesByItself(BarrierKind kind) {
  Workers workers(kind);
  workers.SleepAtFirst(0);
  model::Thread poller([&] { workers.WakeAndGoIdle(0, patrol); });
  workers.KeepAndPublish();
  poller.Join();
  workers.ExpectSomebodyAwakeForAnyWork();
  workers.ExpectSomebodyAwakeOrAPatrol();
}

template <void (Workers::*add)()>
void PushMeetsAWorkerThatGoesOnPatrol(BarrierKind kind) {
  Workers workers(kind);
  workers.SearchAtFirst();
  model::Thread worker([&] { workers.GoIdle(0, Patrol::kNeeded); });
  (workers.*add)();
  worker.Join();
  workers.ExpectSomebodyAwake();
}

// The poller is picked before the patrol, while it begins or ends, or after that.
void PushMeetsASleeperThatBeginsAPatrol(BarrierKind kind) {
  Workers workers(kind);
  workers.SleepAtFirst(0);
  model::Thread sleeper([&] {
    workers.Search();
    workers.GoIdle(1, Patrol::kNeeded);
  });
  workers.Add();
  sleeper.Join();
  workers.ExpectSomebodyAwake();
  (void)workers.IsPatrolled();
}
void PushMeetsAPatrolThatGoesOn(BarrierKind kind) {
  Workers workers(kind);
  workers.SleepAtFirst(0, Patrol::kNeeded);
  workers.KeepAtFirst();
  model::Thread poller([&] { workers.EndPatrol(0); });
  workers.Add();
  poller.Join();
  workers.ExpectSomebodyAwake();
  (void)workers.IsPatrolled();
}

void KeptMeetsTheEndOfAPatrol(BarrierKind kind) {
  Workers workers(kind);
  workers.SleepAtFirst(0, Patrol::kNeeded);
  model::Thread poller([&] { workers.EndPatrol(0); });
  workers.Keep();
  poller.Join();
  workers.ExpectSomebodyAwakeOrAPatrol();
}

// Worker 1 leaves what is kept to the patrol, which ends.
void KeptMeetsASleeperAndTheEndOfAPatrol(BarrierKind kind) {
  Workers workers(kind);
  workers.SleepAtFirst(0, Patrol::kNeeded);
  workers.SearchAtFirst();
  model::Thread poller([&] { workers.EndPatrol(0); });
  model::Thread sleeper([&] { workers.GoIdle(1); });
  workers.Keep();
  poller.Join();
  sleeper.Join();
  workers.ExpectSomebodyAwakeOrAPatrol();
}

// Worker 1 asks for a patrol of a poller that does not know whether it still makes one.
void KeptMeetsThePatrolThatASleeperBegins(BarrierKind kind) {
  Workers workers(kind);
  workers.SleepAtFirst(0);
  workers.SearchAtFirst();
  model::Thread poller([&] { workers.EndPatrol(0); });
  model::Thread sleeper([&] { workers.GoIdle(1, Patrol::kNeeded); });
  workers.Keep();
  poller.Join();
  sleeper.Join();
  workers.ExpectSomebodyAwakeOrAPatrol();
}

// The poller finds some other work: the sleeper must take over.
void KeptMeetsAPollerThatLeavesItsPatrol(BarrierKind kind) {
  Workers workers(kind);
  workers.SleepAtFirst(0, Patrol::kNeeded);
  workers.SleepAtFirst(1);
  model::Thread poller([&] { workers.LeavePolling(0); });
  workers.Keep();
  poller.Join();
  workers.ExpectSomebodyAwakeOrAPatrol();
  model::Assert(workers.IsAwake(1), "nobody watches the reactor");
}

// The same, or worker 1, which goes idle and may become the poller.
void KeptMeetsAWorkerThatGoesIdleWhileAPatrolEnds(BarrierKind kind) {
  Workers workers(kind);
  workers.SleepAtFirst(0, Patrol::kNeeded);
  workers.SearchAtFirst();
  model::Thread poller([&] { workers.LeavePolling(0); });
  model::Thread idles([&] { workers.GoIdle(1); });
  workers.Keep();
  poller.Join();
  idles.Join();
  workers.ExpectSomebodyAwakeOrAPatrol();
}

// Worker 1 finds some other work while the patrol ends.
void KeptMeetsTheLastSearcherWhileAPatrolEnds(BarrierKind kind) {
  Workers workers(kind);
  workers.SleepAtFirst(0, Patrol::kNeeded);
  workers.SearchAtFirst();
  model::Thread poller([&] { workers.EndPatrol(0); });
  model::Thread searcher([&] { workers.EndSearch(); });
  workers.Keep();
  poller.Join();
  searcher.Join();
  workers.ExpectSomebodyAwakeOrAPatrol();
}

std::vector<model::Scenario> Scenarios() {
  return WithBothBarriers(
      {{"PushMeetsAWorkerThatGoesIdle", PushMeetsAWorkerThatGoesIdle<&Workers::Add>},
       {"ForkMeetsAWorkerThatGoesIdle", PushMeetsAWorkerThatGoesIdle<&Workers::AddFork>},
       {"ForkMeetsAWorkerThatGoesOnPatrol", PushMeetsAWorkerThatGoesOnPatrol<&Workers::AddFork>},
       {"PushMeetsASecondWorkerThatGoesIdle", PushMeetsASecondWorkerThatGoesIdle},
       {"PushMeetsTwoWorkersThatGoIdle", PushMeetsTwoWorkersThatGoIdle},
       {"PushMeetsTheLastSearcher", PushMeetsTheLastSearcher},
       {"PushMeetsTwoSearchers", PushMeetsTwoSearchers},
       {"PushFromOutsideMeetsTheOnlyWorker", PushFromOutsideMeetsTheOnlyWorker},
       {"PushFromOutsideMeetsTheLastWorkerThatGoesIdle",
        PushFromOutsideMeetsTheLastWorkerThatGoesIdle},
       {"WokenWorkerPushesBesideOneThatGoesIdle", WokenWorkerPushesBesideOneThatGoesIdle},
       {"PushOfAWorkerThatThenGoesIdle", PushOfAWorkerThatThenGoesIdle},
       {"PollerLeavesBesideASearcher", PollerLeavesBesideASearcher},
       {"KeptMeetsAWorkerThatGoesIdle", KeptMeetsAWorkerThatGoesIdle},
       {"KeptMeetsAWorkerThatGoesOnPatrol", KeptMeetsAWorkerThatGoesOnPatrol},
       {"PublishedMeetsAPollerThatWakesByItself",
        PublishedMeetsAPollerThatWakesByItself<Patrol::kNotNeeded>},
       {"PublishedMeetsAPollerThatGoesOnPatrol",
        PublishedMeetsAPollerThatWakesByItself<Patrol::kNeeded>},
       {"PushMeetsAWorkerThatGoesOnPatrol", PushMeetsAWorkerThatGoesOnPatrol<&Workers::Add>},
       {"PushMeetsASleeperThatBeginsAPatrol", PushMeetsASleeperThatBeginsAPatrol},
       {"PushMeetsAPatrolThatGoesOn", PushMeetsAPatrolThatGoesOn},
       {"KeptMeetsTheEndOfAPatrol", KeptMeetsTheEndOfAPatrol},
       {"KeptMeetsASleeperAndTheEndOfAPatrol", KeptMeetsASleeperAndTheEndOfAPatrol},
       {"KeptMeetsThePatrolThatASleeperBegins", KeptMeetsThePatrolThatASleeperBegins},
       {"KeptMeetsAPollerThatLeavesItsPatrol", KeptMeetsAPollerThatLeavesItsPatrol},
       {"KeptMeetsAWorkerThatGoesIdleWhileAPatrolEnds",
        KeptMeetsAWorkerThatGoesIdleWhileAPatrolEnds},
       {"KeptMeetsTheLastSearcherWhileAPatrolEnds", KeptMeetsTheLastSearcherWhileAPatrolEnds}});
}

TEST(IdleSetModelTest, HoldsInEveryBehaviour) { model::ExpectHolds(Scenarios()); }

TEST(IdleSetModelTest, EveryMutantIsCaught) {
  model::ExpectMutantsCaught({"runtime/internal/", "future/fork_queue.h"}, Scenarios());
}

}  // namespace
}  // namespace weft::runtime_internal

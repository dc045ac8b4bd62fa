// Question: is no wake-up lost, and nothing that a stuck worker keeps left without a patrol, in any
// behaviour that the C++ memory model allows, and is each order, barrier and second look needed?
// Method: the body that ships, over tools/model, in scenarios of two or three threads that are
// explored exhaustively, with asymmetric barriers and with fences; each mutant must fail one of
// them.
#include <atomic>
#include <vector>

#include "base/barrier_pair.h"
#include "future/fork_queue.h"
#include "gtest/gtest.h"
#include "runtime/internal/idle_set.h"
#include "runtime/internal/model_barriers.h"
#include "tools/model/model.h"
#include "tools/model/testing.h"

namespace weft::runtime_internal {
namespace {

// Up to three workers, a queue of which it only matters whether it is empty, and a place where a
// busy worker, who is stuck from then on, keeps something to itself.
class Workers {
 public:
  // `count`: with those that are busy all the time.
  explicit Workers(BarrierKind kind, int count = 4)
      : idle_(count, kind), fork_wants_(&idle_.state(), kind) {}
  ~Workers() { (void)idle_.Stop(); }

  // Before the threads begin: a worker that is idle, and one that searches.
  void SleepAtFirst(int worker, Patrol patrol = Patrol::kNotNeeded) {
    idle_.BeginSearch();
    const auto no_work = [](Sight) { return false; };
    NoteRole(worker, idle_.GoIdle(&idlers_[worker], patrol, no_work, [] {}));
  }
  void KeepAtFirst() { kept_.store(1, std::memory_order_relaxed); }
  void SearchAtFirst() { Search(); }

  void Search() { idle_.BeginSearch(); }
  void Add() {
    work_.store(1, std::memory_order_relaxed);
    Wake(idle_.PickOne());
  }
  void AddFork() {
    work_.store(1, std::memory_order_relaxed);
    if (fork_wants_.AreThere()) Wake(idle_.PickOne());
  }
  void AddFromOutside() {
    work_.store(1, std::memory_order_relaxed);
    Wake(idle_.PickOneFromOutside());
  }
  // Plays a thread from outside that wakes a worker, and then worker 0, if it was that one: it adds
  // work as workers do.
  void WakeThenAdd() {
    if (idle_.PickOneFromOutside().idler != &idlers_[0]) return;
    idle_.LeavePolling(&idlers_[0]);
    EndSearch();
    Add();
  }
  void Keep() {
    kept_.store(1, std::memory_order_relaxed);
    Wake(idle_.PickOneForKept());
  }
  void GoIdle(int worker, Patrol patrol = Patrol::kNotNeeded) {
    const auto has_work = [this](Sight sight) { return HasWork(sight); };
    const IdleRole role = idle_.GoIdle(&idlers_[worker], patrol, has_work, [] {});
    NoteRole(worker, role);
    if (role == IdleRole::kSearcher) is_awake_[worker].store(1, std::memory_order_relaxed);
  }
  // A searcher has found some other work, and does not come back soon.
  void EndSearch() {
    Wake(idle_.EndSearch([this](Sight sight) { return HasWork(sight); }));
  }
  // A round of the poller has found nothing.
  void EndPatrol(int worker) {
    (void)idle_.EndPatrol(idlers_[worker], [this] { return HasKept(); });
  }
  // A timer is due, and keeps the poller busy.
  void LeavePolling(int worker) {
    NoteRole(worker, IdleRole::kSearcher);
    idle_.LeavePolling(&idlers_[worker]);
    EndSearch();
  }

  // After all threads were joined.
  bool IsAwake(int worker) const { return is_awake_[worker].load(std::memory_order_relaxed) != 0; }
  void ExpectSomebodyAwakeForAnyWork() const {
    if (HasWork(Sight::kPublic)) ExpectSomebodyAwake();
  }
  // For what is kept, a patrol will do: its next round is after all that was done here.
  void ExpectSomebodyAwakeOrAPatrol() {
    if (!IsPatrolled()) ExpectSomebodyAwake();
  }
  bool IsPatrolled() {
    if (!idle_.IsPatrolled()) return false;
    bool has_poller = false;
    for (int i = 0; i < 3; ++i) {
      const bool polls = polls_[i].load(std::memory_order_relaxed) != 0;
      has_poller = has_poller || (polls && !idle_.IsPicked(idlers_[i]));
    }
    model::Assert(has_poller, "nobody makes the rounds of the patrol");
    return true;
  }
  void ExpectSomebodyAwake() const {
    model::Assert(IsAwake(0) || IsAwake(1) || IsAwake(2), "nobody is awake for the work");
  }

 private:
  bool HasKept() const { return kept_.load(std::memory_order_relaxed) != 0; }
  bool HasWork(Sight sight) const {
    return work_.load(std::memory_order_relaxed) != 0 || (sight == Sight::kAll && HasKept());
  }
  void NoteRole(int worker, IdleRole role) {
    polls_[worker].store(role == IdleRole::kPoller, std::memory_order_relaxed);
  }
  void Wake(const Pick& pick) {
    if (pick.idler != nullptr) is_awake_[pick.idler - idlers_].store(1, std::memory_order_relaxed);
  }

  BasicIdleSet<model::Atomics> idle_;
  const BasicForkWants<model::Atomics> fork_wants_;
  Idler idlers_[3];
  model::Atomic<int> is_awake_[3];
  model::Atomic<int> polls_[3];
  model::Atomic<int> work_{0};
  model::Atomic<int> kept_{0};
};

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

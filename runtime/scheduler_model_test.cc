// Question: is no wake-up lost, no lock held twice, no task forgotten by a drain, in any behaviour
// that the C++ memory model allows, and is each order, barrier and second look needed for that?
// Method: the bodies that ship, over tools/model, in scenarios of two or three threads that are
// explored exhaustively, with asymmetric barriers and with fences; each mutant must fail one of
// them.
#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/internal/barrier_pair.h"
#include "runtime/internal/biased_lock.h"
#include "runtime/internal/idle_set.h"
#include "runtime/internal/task_ledger.h"
#include "tools/model/model.h"
#include "tools/model/testing.h"

namespace weft::runtime_internal {
namespace {

// ---- IdleSet --------------------------------------------------------------------------------

// Up to three workers, and a queue of which it only matters whether it is empty.
class Workers {
 public:
  // `count`: with those that are busy all the time.
  explicit Workers(BarrierKind kind, int count = 4) : idle_(count, kind) {}
  ~Workers() { (void)idle_.Stop(); }

  // Before the threads begin: a worker that is idle, and one that searches.
  void SleepAtFirst(int worker) {
    idle_.BeginSearch();
    (void)idle_.GoIdle(&idlers_[worker], [] { return false; });
  }
  void SearchAtFirst() { idle_.BeginSearch(); }

  void Add() {
    work_.store(1, std::memory_order_relaxed);
    Wake(idle_.PickOne());
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
  void GoIdle(int worker) {
    const IdleRole role = idle_.GoIdle(&idlers_[worker], [this] { return HasWork(); });
    if (role == IdleRole::kSearcher) is_awake_[worker].store(1, std::memory_order_relaxed);
  }
  // A searcher has found some other work, and does not come back soon.
  void EndSearch() {
    Wake(idle_.EndSearch([this] { return HasWork(); }));
  }
  // A timer is due, and keeps the poller busy.
  void LeavePolling(int worker) {
    idle_.LeavePolling(&idlers_[worker]);
    EndSearch();
  }

  // After all threads were joined.
  bool IsAwake(int worker) const { return is_awake_[worker].load(std::memory_order_relaxed) != 0; }
  void ExpectSomebodyAwakeForAnyWork() const {
    if (HasWork()) ExpectSomebodyAwake();
  }
  void ExpectSomebodyAwake() const {
    model::Assert(IsAwake(0) || IsAwake(1) || IsAwake(2), "nobody is awake for the work");
  }

 private:
  bool HasWork() const { return work_.load(std::memory_order_relaxed) != 0; }
  void Wake(const Pick& pick) {
    if (pick.idler != nullptr) is_awake_[pick.idler - idlers_].store(1, std::memory_order_relaxed);
  }

  BasicIdleSet<model::Atomics> idle_;
  Idler idlers_[3];
  model::Atomic<int> is_awake_[3];
  model::Atomic<int> work_{0};
};

void PushMeetsAWorkerThatGoesIdle(BarrierKind kind) {
  Workers workers(kind);
  workers.SearchAtFirst();
  model::Thread worker([&] { workers.GoIdle(0); });
  workers.Add();
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

// ---- BiasedLock -----------------------------------------------------------------------------

using Lock = BiasedLock<model::Atomics>;

void OwnerAdds(Lock& lock, model::Plain<int>& sum) {
  const OwnersHold hold(lock);
  sum.Write(sum.Read() + 1);
}

bool RaiderAdds(Lock& lock, model::Plain<int>& sum) {
  if (!lock.TryLock()) return false;
  sum.Write(sum.Read() + 1);
  lock.Unlock();
  return true;
}

void OwnerAndRaider(BarrierKind kind) {
  Lock lock(kind);
  model::Plain<int> sum{0};
  bool raided = false;
  model::Thread raider([&] { raided = RaiderAdds(lock, sum); });
  OwnerAdds(lock, sum);
  OwnerAdds(lock, sum);
  raider.Join();
  model::Assert(raided && sum.Read() == 3, "sum");
}

void TwoRaiders(BarrierKind kind) {
  Lock lock(kind);
  model::Plain<int> sum{0};
  bool raided[2];
  model::Thread first([&] { raided[0] = RaiderAdds(lock, sum); });
  model::Thread second([&] { raided[1] = RaiderAdds(lock, sum); });
  OwnerAdds(lock, sum);
  first.Join();
  second.Join();
  model::Assert(raided[0] || raided[1], "both raiders found the other");
  model::Assert(sum.Read() == 1 + raided[0] + raided[1], "sum");
}

// ---- TaskTally -----------------------------------------------------------------------------

using Own = TaskTally<model::Atomics, TallyWriters::kOne>;
using Shared = TaskTally<model::Atomics, TallyWriters::kMany>;

// Reads all ends, then all spawns.
template <typename... Tallies>
bool SeesNoTasks(const Tallies&... tallies) {
  const uint64_t ended = (... + tallies.ended());
  return ended == (... + tallies.spawned());
}

// One worker spawns a task and ends its own; the other one runs the child.
template <typename Tally>
void ChildRunsElsewhere(BarrierKind) {
  Tally outside, first, second;
  model::Atomic<int> queue{0};
  model::Plain<int> result{0};
  outside.AddSpawn();
  model::Thread parent([&] {
    first.AddSpawn();
    queue.store(1, std::memory_order_release);
    first.AddEnd();
  });
  model::Thread child([&] {
    if (queue.load(std::memory_order_acquire) == 0) return;
    result.Write(1);
    second.AddEnd();
  });
  if (SeesNoTasks(outside, first, second)) {
    model::Assert(result.Read() == 1, "a task runs, and is not seen");
  }
  parent.Join();
  child.Join();
}

// ---------------------------------------------------------------------------------------------

// Each scenario with both kinds of barriers. By the part that they are about, so that a barrier is
// shown to be needed by each of its users.
std::vector<model::Scenario> WithBothBarriers(
    const std::vector<std::pair<const char*, void (*)(BarrierKind)>>& bodies) {
  std::vector<model::Scenario> scenarios;
  for (const auto& [name, body] : bodies) {
    for (const BarrierKind kind : {BarrierKind::kAsymmetric, BarrierKind::kFences}) {
      const char* const suffix = kind == BarrierKind::kFences ? ".Fences" : "";
      scenarios.push_back({name + std::string(suffix), [body = body, kind] { body(kind); }, {}});
    }
  }
  return scenarios;
}

std::vector<model::Scenario> IdleSetScenarios() {
  return WithBothBarriers(
      {{"PushMeetsAWorkerThatGoesIdle", PushMeetsAWorkerThatGoesIdle},
       {"PushMeetsASecondWorkerThatGoesIdle", PushMeetsASecondWorkerThatGoesIdle},
       {"PushMeetsTwoWorkersThatGoIdle", PushMeetsTwoWorkersThatGoIdle},
       {"PushMeetsTheLastSearcher", PushMeetsTheLastSearcher},
       {"PushMeetsTwoSearchers", PushMeetsTwoSearchers},
       {"PushFromOutsideMeetsTheOnlyWorker", PushFromOutsideMeetsTheOnlyWorker},
       {"PushFromOutsideMeetsTheLastWorkerThatGoesIdle",
        PushFromOutsideMeetsTheLastWorkerThatGoesIdle},
       {"WokenWorkerPushesBesideOneThatGoesIdle", WokenWorkerPushesBesideOneThatGoesIdle},
       {"PushOfAWorkerThatThenGoesIdle", PushOfAWorkerThatThenGoesIdle},
       {"PollerLeavesBesideASearcher", PollerLeavesBesideASearcher}});
}
std::vector<model::Scenario> BiasedLockScenarios() {
  return WithBothBarriers({{"OwnerAndRaider", OwnerAndRaider}, {"TwoRaiders", TwoRaiders}});
}
std::vector<model::Scenario> TaskLedgerScenarios() {
  return WithBothBarriers({{"ChildRunsElsewhere", ChildRunsElsewhere<Own>},
                           {"SharedTally", ChildRunsElsewhere<Shared>}});
}

TEST(IdleSetModelTest, HoldsInEveryBehaviour) { model::ExpectHolds(IdleSetScenarios()); }
TEST(BiasedLockModelTest, HoldsInEveryBehaviour) { model::ExpectHolds(BiasedLockScenarios()); }
TEST(TaskLedgerModelTest, HoldsInEveryBehaviour) { model::ExpectHolds(TaskLedgerScenarios()); }

TEST(IdleSetModelTest, EveryMutantIsCaught) {
  model::ExpectMutantsCaught({"runtime/internal/"}, IdleSetScenarios());
}
TEST(BiasedLockModelTest, EveryMutantIsCaught) {
  model::ExpectMutantsCaught({"runtime/internal/"}, BiasedLockScenarios());
}
TEST(TaskLedgerModelTest, EveryMutantIsCaught) {
  model::ExpectMutantsCaught({"runtime/internal/"}, TaskLedgerScenarios());
}

}  // namespace
}  // namespace weft::runtime_internal

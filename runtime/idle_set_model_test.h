// runtime/idle_set_model_test.h — the workers of idle_set_model_test: what they do to an idle set,
// and what must be true when all threads have ended.
#ifndef WEFT_RUNTIME_IDLE_SET_MODEL_TEST_H_
#define WEFT_RUNTIME_IDLE_SET_MODEL_TEST_H_

#include <atomic>

#include "base/barrier_pair.h"
#include "future/fork_queue.h"
#include "runtime/internal/idle_set.h"
#include "tools/model/model.h"

namespace weft::runtime_internal {

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
  // Keeps something, and makes it public for the poller, who is picked for it. One who has woken by
  // itself before it was told is not told.
  void KeepAndPublish() {
    kept_.store(1, std::memory_order_relaxed);
    const Pick pick = idle_.PickOneForKept();
    if (pick.idler == nullptr) return;
    work_.store(1, std::memory_order_relaxed);
    kept_.store(0, std::memory_order_relaxed);
    if (idle_.IsPicked(*pick.idler)) Wake(pick);
    Wake(idle_.PickOne());
  }
  // The poller wakes by itself, finds nothing, and goes idle again.
  void WakeAndGoIdle(int worker, Patrol patrol) {
    idle_.LeavePolling(&idlers_[worker]);
    GoIdle(worker, patrol);
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

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_IDLE_SET_MODEL_TEST_H_

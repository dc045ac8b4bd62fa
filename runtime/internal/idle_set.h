// runtime/internal/idle_set.h — which workers are idle or searching, and who is woken for new work.
//
// A worker is busy, searching (it has run out of work and looks at the others' queues) or idle. An
// idle worker is the poller (at most one: it waits in the reactor, until the next timer at most) or
// a sleeper (it is parked). Wakes are rationed: whoever adds work wakes one idle worker only if
// nobody is searching; the last searcher to find work wakes the next one if more is in sight.
//
// No wake-up is lost. What each side does:
//   An adder             pushes the work;        light (1);  reads {searchers, idle};
//                        if both are positive:   fence (2);  reads them again.
//   An outsider          pushes the work;        fence (1);  and so on.
//   A worker going idle  --searchers, ++idle;    heavy (1);  looks at all queues.
//   The last one         the same;               fence (1);  looks at all queues.
//   The last searcher    --searchers;            fence (2);  looks at all queues, if one is idle.
//
//   If the adder sees idle workers and no searcher, it wakes one. Let it not wake anybody.
//   - A worker that goes idle after the value that the adder read sees the work, by (1).
//   - Let a worker have gone idle before that value, and still be idle. Then the adder saw it, and
//     by its second read a searcher. That one later takes itself out. If it does so by going idle,
//     it is of the first kind. If it finds work, and is the last, it sees the adder's work by (2),
//     unless somebody else has taken that, and wakes an idle worker. If it is not the last, the
//     last one does this.
//   So while work is queued and a worker idle, somebody is awake who will look for work, or was
//   woken for it.
//
// What an owner keeps to itself (own_tasks.h) is for others only once it is stuck in a run. While
// the set is patrolled nobody is woken for that: the poller makes rounds (onlooker.h), in which it
// looks at all owners, and searches when it finds one that is stuck.
//   An adder of such     pushes it;             light (1);  reads {searchers, patrol, idle};
//                        without a patrol goes on as above.
//   A worker going idle  looks at what is kept only if its own change finds or makes no patrol.
//   The last searcher    the same.
//   The patrol's end     takes the patrol off;  heavy (1);  looks at all that is kept, and is put
//                        off if there is some.
//   Let the adder see a patrol that ends later. If its poller ended it, that one sees the work by
//   (1). Else the poller has left as a searcher. If somebody has polled since then, he went idle
//   after the value that the adder read, and patrols, or sees the work by (1). If nobody has, the
//   last searcher wakes a sleeper.
//
// A worker that goes idle when all others are idle needs no heavy barrier. Outsiders, threads that
// are no workers, run a fence. What another worker did before it went idle happens before this
// one's change of the state, by the mutex; and before another worker does anything afterwards, it
// is taken out of the set, by the mutex again: it sees that this one is idle. So does a patrol that
// ends when all are idle, which needs no barrier at all.
//
// The reactor and the timers are watched: if a worker is idle, there is a poller or a searcher. The
// first worker that goes idle becomes the poller; a poller leaves as a searcher; the last searcher
// goes idle, or, when it finds work and nobody polls, wakes a sleeper.
//
// Happens-before edge:
//   (3) a poller's leave, its end of search (release) -> the last searcher's, and its fence
//       (acquire): it sees that nobody polls.
#ifndef WEFT_RUNTIME_INTERNAL_IDLE_SET_H_
#define WEFT_RUNTIME_INTERNAL_IDLE_SET_H_

#include <atomic>
#include <concepts>
#include <cstdint>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/atomics.h"
#include "base/barrier_pair.h"
#include "base/cache_line.h"
#include "base/check.h"
#include "base/intrusive_list.h"
#include "base/mutex.h"
#include "future/run_next.h"

namespace weft::runtime_internal {

template <typename Atomics>
class BasicIdleSet;

// What the set knows of one worker. The links and the flag are guarded by the set's mutex.
class Idler : public IntrusiveListNode<Idler> {
 private:
  template <typename Atomics>
  friend class BasicIdleSet;
  bool is_picked_ = false;  // the poller's only: it was told to stop waiting
};

// What a worker does that has found no work.
enum class IdleRole : unsigned char {
  kSleeper,   // parks until it is picked
  kPoller,    // waits in the reactor until something happens or it is picked
  kSearcher,  // searches again: there is work in sight
  kStopped,   // ends, as all workers do
};

// Whether a worker that goes idle has seen that others keep tasks, and make progress.
enum class Patrol : unsigned char { kNotNeeded, kNeeded };

// What a look for work is to see.
enum class Sight : unsigned char {
  kAll,
  kPublic,  // without what owners keep to themselves
};

// An idle worker that was picked to look for work. It counts as searching from now on; the caller
// wakes it: a sleeper by its parker, the poller by the reactor.
struct Pick {
  Idler* idler = nullptr;  // null: nobody to wake
  IdleRole role = IdleRole::kSleeper;
};

// See the head of the file. Thread-safe. Changes of the state are relaxed but for edge (3): the
// barriers order them with the queues.
template <typename Atomics>
class BasicIdleSet {
 public:
  explicit BasicIdleSet(int workers, BarrierKind kind = BestBarriers<Atomics>())
      : workers_(static_cast<uint64_t>(workers)), barriers_(kind) {}

  // A busy worker begins to search. Returns how many search already.
  int BeginSearch() { return static_cast<int>(Searchers(Add(kOneSearcher))); }

  // A searcher has found work. If it was the last one, `has_work(sight)` looks at all queues, and
  // somebody is picked if there is work in sight or nobody polls.
  template <std::predicate<Sight> F>
  [[nodiscard]] Pick EndSearch(F has_work) {
    const uint64_t before = state_.fetch_add(-kOneSearcher, std::memory_order_release);  // (3)
    if (Searchers(before) > 1 || Idle(before) == 0) return {};
    Atomics::Fence(std::memory_order_seq_cst);  // (2)
    return Atomics::Recheck(has_work(SightIn(before))) || Atomics::Recheck(NobodyPolls())
               ? PickOne()
               : Pick();
  }

  // A searcher has found nothing, and becomes idle unless the set is stopped. `has_work(sight)`
  // looks at all queues once more. Unless the answer is kStopped, the caller counts as searching
  // again: at once for kSearcher; else when it was picked, or called LeavePolling().
  // `wake_poller()` is called if a poller that waits is to begin a patrol.
  template <std::predicate<Sight> F, std::invocable G>
  [[nodiscard]] IdleRole GoIdle(Idler* idler, Patrol patrol, F has_work, G wake_poller) {
    const Entry entry = Enter(idler, patrol);
    if (entry.role == IdleRole::kStopped) return entry.role;
    if (entry.tells_poller) wake_poller();
    if (Idle(entry.state) == workers_) {
      Atomics::Fence(std::memory_order_seq_cst);  // (1)
    } else {
      barriers_.Heavy();  // (1)
    }
    if (!Atomics::Recheck(has_work(SightIn(entry.state)))) return entry.role;
    if (entry.role == IdleRole::kPoller) {
      LeavePolling(idler);
      return IdleRole::kSearcher;
    }
    // A sleeper that was picked meanwhile finds its token when it parks.
    return LeaveSleepers(idler) ? IdleRole::kSearcher : IdleRole::kSleeper;
  }

  // Whether the poller is to look, now and then, at what owners keep.
  bool IsPatrolled() const { return IsPatrolled(state_.load(std::memory_order_relaxed)); }

  // The poller, in a patrol, has seen for a while that nobody keeps anything. `has_kept()` looks
  // once more. False: the patrol goes on, because somebody does.
  template <std::predicate F>
  bool EndPatrol(const Idler& poller, F has_kept) {
    if (!TakePatrolOff(poller)) barriers_.Heavy();  // (1)
    if (!Atomics::Recheck(has_kept())) return true;
    PutPatrolOn(poller);
    return false;
  }

  // The poller gives up its role and searches.
  void LeavePolling(Idler* idler);

  // Whether the poller was told to stop waiting.
  bool IsPicked(const Idler& poller) {
    MutexLock lock(&mutex_);
    return poller.is_picked_;
  }

  // Whether all workers are busy, as far as this thread knows: nobody would take what is offered.
  bool AllAreBusy() const { return state_.load(std::memory_order_relaxed) == 0; }

  // Whether a worker is idle: a hint, but for who has called PickOne() just now, which has the
  // barrier (1).
  bool SomebodyIsIdle() const { return Idle(state_.load(std::memory_order_relaxed)) > 0; }

  // A worker has added work for all: picks the worker to wake for it, if that is needed. Sleepers
  // go first, the one that slept last before the others.
  Pick PickOne() { return MayPick() ? PickOneOf(state_.load(std::memory_order_relaxed)) : Pick(); }

  // What PickOne() does first: whether a worker is idle, for work that was added just now. False:
  // nobody is to be woken.
  bool MayPick() const {
    barriers_.Light();                                        // (1)
    return Idle(state_.load(std::memory_order_relaxed)) > 0;  // (1)
  }

  // The same two for what the worker keeps to itself.
  Pick PickOneForKept() { return MayPickForKept() ? PickOne() : Pick(); }
  bool MayPickForKept() const {
    barriers_.Light();                                                               // (1)
    return BasicRunNext<Atomics>::IsWanted(state_.load(std::memory_order_relaxed));  // (1)
  }
  // The word that this reads: as signed, its lower half is positive when there are idle workers and
  // no patrol, which is its highest bit. For forks that were added, an owner reads it itself, as
  // MayPick() does (BasicForkWants).
  const auto& state() const { return state_; }

  // PickOne() for a thread that is no worker.
  Pick PickOneFromOutside() {
    Atomics::Fence(std::memory_order_seq_cst);  // (1)
    return PickOne();
  }

  // From now on nobody becomes idle. Returns all who are.
  std::vector<Pick> Stop();

 private:
  using Mutex = typename Atomics::Mutex;
  using MutexLock = typename Atomics::MutexLock;

  // {searchers:32 | patrol:1 | idle:31}. If there is a patrol, there is a poller, and nobody has
  // picked it.
  static constexpr uint64_t kOneIdle = 1;
  static constexpr uint64_t kPatrol = uint64_t{1} << 31;
  static constexpr uint64_t kOneSearcher = uint64_t{1} << 32;

  static uint64_t Searchers(uint64_t state) { return state >> 32; }
  static bool IsPatrolled(uint64_t state) { return (state & kPatrol) != 0; }
  static uint64_t Idle(uint64_t state) { return state & (kPatrol - 1); }
  static Sight SightIn(uint64_t state) { return IsPatrolled(state) ? Sight::kPublic : Sight::kAll; }

  struct Entry {
    IdleRole role;
    bool tells_poller;  // a patrol began that the poller, another worker, does not know of
    uint64_t state;     // then
  };

  // Becomes idle.
  Entry Enter(Idler* idler, Patrol patrol);
  bool MayPatrol(const Idler& poller) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return poller_ == &poller && !poller.is_picked_;
  }
  // Returns whether all workers are idle.
  bool TakePatrolOff(const Idler& poller);
  void PutPatrolOn(const Idler& poller);
  // Under the mutex, what the poller's end as such is for the state: it becomes a searcher.
  uint64_t PollerLeaves() const {
    return kOneSearcher - kOneIdle - (state_.load(std::memory_order_relaxed) & kPatrol);
  }
  // A sleeper changes its mind and searches. False: it was picked meanwhile.
  bool LeaveSleepers(Idler* idler);
  // Whether no worker has the poller's role. For the last searcher. Edge (3).
  bool NobodyPolls() const { return !has_poller_.load(std::memory_order_relaxed); }

  uint64_t Add(uint64_t change) { return state_.fetch_add(change, std::memory_order_relaxed); }

  [[gnu::noinline]] Pick PickOneOf(uint64_t state);
  Pick PickLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Written by all; `patrol` and `idle` change only under the mutex.
  alignas(kCacheLineSize) typename Atomics::template Atomic<uint64_t> state_{0};
  const uint64_t workers_;
  const BarrierPair<Atomics> barriers_;

  alignas(kCacheLineSize) Mutex mutex_;
  IntrusiveList<Idler> sleepers_ ABSL_GUARDED_BY(mutex_);
  Idler* poller_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool is_stopped_ ABSL_GUARDED_BY(mutex_) = false;
  // Written under the mutex: poller_ != nullptr.
  typename Atomics::template Atomic<bool> has_poller_{false};
};

using IdleSet = BasicIdleSet<StdAtomics>;

template <typename Atomics>
auto BasicIdleSet<Atomics>::Enter(Idler* idler, Patrol patrol) -> Entry {
  MutexLock lock(&mutex_);
  if (is_stopped_) return {IdleRole::kStopped, false, Add(-kOneSearcher)};
  const uint64_t before = state_.load(std::memory_order_relaxed);
  // Nobody keeps anything when all are idle.
  const bool is_last = Idle(before) + 1 == workers_;
  bool begins_patrol = patrol == Patrol::kNeeded && !IsPatrolled(before) && !is_last;
  IdleRole role = IdleRole::kSleeper;
  if (poller_ == nullptr) {
    role = IdleRole::kPoller;
    poller_ = idler;
    has_poller_.store(true, std::memory_order_relaxed);
    idler->is_picked_ = false;
  } else {
    begins_patrol = begins_patrol && MayPatrol(*poller_);
    sleepers_.PushFront(idler);
  }
  const uint64_t change = kOneIdle - kOneSearcher + (begins_patrol ? kPatrol : 0);
  return {role, begins_patrol && role == IdleRole::kSleeper, Add(change) + change};  // (1)
}

template <typename Atomics>
bool BasicIdleSet<Atomics>::LeaveSleepers(Idler* idler) {
  MutexLock lock(&mutex_);
  if (!idler->IsLinked()) return false;
  idler->Unlink();
  Add(kOneSearcher - kOneIdle);
  return true;
}

template <typename Atomics>
void BasicIdleSet<Atomics>::LeavePolling(Idler* idler) {
  MutexLock lock(&mutex_);
  WEFT_DCHECK(poller_ == idler) << "IdleSet::LeavePolling(): the caller is not the poller";
  poller_ = nullptr;
  has_poller_.store(false, std::memory_order_relaxed);
  // Who was picked counts as a searcher already.
  if (!idler->is_picked_) Add(PollerLeaves());
}

template <typename Atomics>
bool BasicIdleSet<Atomics>::TakePatrolOff(const Idler& poller) {
  MutexLock lock(&mutex_);
  if (MayPatrol(poller) && IsPatrolled()) Add(-kPatrol);  // (1)
  return Idle(state_.load(std::memory_order_relaxed)) == workers_;
}

template <typename Atomics>
void BasicIdleSet<Atomics>::PutPatrolOn(const Idler& poller) {
  MutexLock lock(&mutex_);
  if (MayPatrol(poller) && !IsPatrolled()) Add(kPatrol);
}

template <typename Atomics>
Pick BasicIdleSet<Atomics>::PickOneOf(uint64_t state) {
  if (Searchers(state) > 0) {
    Atomics::Fence(std::memory_order_seq_cst);       // (2)
    state = state_.load(std::memory_order_relaxed);  // (2)
    if (Searchers(state) > 0 || Idle(state) == 0) return {};
  }
  MutexLock lock(&mutex_);
  return PickLocked();
}

template <typename Atomics>
Pick BasicIdleSet<Atomics>::PickLocked() {
  if (Idler* const sleeper = sleepers_.PopFront()) {
    Add(kOneSearcher - kOneIdle);
    return {sleeper, IdleRole::kSleeper};
  }
  if (poller_ == nullptr || poller_->is_picked_) return {};
  poller_->is_picked_ = true;
  Add(PollerLeaves());
  return {poller_, IdleRole::kPoller};
}

template <typename Atomics>
std::vector<Pick> BasicIdleSet<Atomics>::Stop() {
  std::vector<Pick> picks;
  MutexLock lock(&mutex_);
  is_stopped_ = true;
  for (Pick pick = PickLocked(); pick.idler != nullptr; pick = PickLocked()) picks.push_back(pick);
  return picks;
}

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_IDLE_SET_H_

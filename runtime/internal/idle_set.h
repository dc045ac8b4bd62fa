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
// A worker that goes idle when all others are idle needs no heavy barrier. Outsiders, threads that
// are no workers, run a fence. What another worker did before it went idle happens before this
// one's change of the state, by the mutex; and before another worker does anything afterwards, it
// is taken out of the set, by the mutex again: it sees that this one is idle.
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
#include "base/cache_line.h"
#include "base/check.h"
#include "base/intrusive_list.h"
#include "base/mutex.h"
#include "runtime/internal/barrier_pair.h"

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
      : all_idle_(kOneIdle * static_cast<uint64_t>(workers)), barriers_(kind) {}

  // A busy worker begins to search. Returns how many search already.
  int BeginSearch() { return static_cast<int>(Searchers(Add(kOneSearcher))); }

  // A searcher has found work. If it was the last one, `has_work()` looks at all queues, and
  // somebody is picked if there is work in sight or nobody polls.
  template <std::predicate F>
  [[nodiscard]] Pick EndSearch(F has_work) {
    const uint64_t before = state_.fetch_add(-kOneSearcher, std::memory_order_release);  // (3)
    if (Searchers(before) > 1 || Idle(before) == 0) return {};
    Atomics::Fence(std::memory_order_seq_cst);  // (2)
    return Atomics::Recheck(has_work()) || Atomics::Recheck(NobodyPolls()) ? PickOne() : Pick();
  }

  // A searcher has found nothing, and becomes idle unless the set is stopped. `has_work()` looks at
  // all queues once more. Unless the answer is kStopped, the caller counts as searching again: at
  // once for kSearcher; else when it was picked, or called LeavePolling().
  template <std::predicate F>
  [[nodiscard]] IdleRole GoIdle(Idler* idler, F has_work) {
    const auto [role, is_last] = Enter(idler);
    if (role == IdleRole::kStopped) return role;
    if (is_last) {
      Atomics::Fence(std::memory_order_seq_cst);  // (1)
    } else {
      barriers_.Heavy();  // (1)
    }
    if (!Atomics::Recheck(has_work())) return role;
    if (role == IdleRole::kPoller) {
      LeavePolling(idler);
      return IdleRole::kSearcher;
    }
    // A sleeper that was picked meanwhile finds its token when it parks.
    return LeaveSleepers(idler) ? IdleRole::kSearcher : IdleRole::kSleeper;
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

  // Whether a worker is idle. For who has called PickOne() just now, which has the barrier (1).
  bool SomebodyIsIdle() const { return Idle(state_.load(std::memory_order_relaxed)) > 0; }

  // A worker has added work: picks the worker to wake for it, if that is needed. Sleepers go first,
  // the one that slept last before the others.
  Pick PickOne() { return MayPick() ? PickOneOf(state_.load(std::memory_order_relaxed)) : Pick(); }

  // What PickOne() does first: whether a worker is idle, for work that was added just now. False:
  // nobody is to be woken.
  bool MayPick() const {
    barriers_.Light();                                        // (1)
    return Idle(state_.load(std::memory_order_relaxed)) > 0;  // (1)
  }

  // The same for a thread that is no worker.
  Pick PickOneFromOutside() {
    Atomics::Fence(std::memory_order_seq_cst);  // (1)
    return PickOne();
  }

  // From now on nobody becomes idle. Returns all who are.
  std::vector<Pick> Stop();

 private:
  using Mutex = typename Atomics::Mutex;
  using MutexLock = typename Atomics::MutexLock;

  // {searchers:32 | idle:32}
  static constexpr uint64_t kOneIdle = 1;
  static constexpr uint64_t kOneSearcher = uint64_t{1} << 32;

  static uint64_t Searchers(uint64_t state) { return state >> 32; }
  static uint64_t Idle(uint64_t state) { return state & 0xffffffff; }

  struct Entry {
    IdleRole role;
    bool is_last;  // all other workers are idle
  };

  // Becomes idle.
  Entry Enter(Idler* idler);
  // A sleeper changes its mind and searches. False: it was picked meanwhile.
  bool LeaveSleepers(Idler* idler);
  // Whether no worker has the poller's role. For the last searcher. Edge (3).
  bool NobodyPolls() const { return !has_poller_.load(std::memory_order_relaxed); }

  uint64_t Add(uint64_t change) { return state_.fetch_add(change, std::memory_order_relaxed); }

  [[gnu::noinline]] Pick PickOneOf(uint64_t state);
  Pick PickLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Written by all; `idle` changes only under the mutex.
  alignas(kCacheLineSize) typename Atomics::template Atomic<uint64_t> state_{0};
  const uint64_t all_idle_;  // the state when all workers are
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
auto BasicIdleSet<Atomics>::Enter(Idler* idler) -> Entry {
  MutexLock lock(&mutex_);
  if (is_stopped_) {
    Add(-kOneSearcher);
    return {IdleRole::kStopped, false};
  }
  IdleRole role = IdleRole::kSleeper;
  if (poller_ == nullptr) {
    role = IdleRole::kPoller;
    poller_ = idler;
    has_poller_.store(true, std::memory_order_relaxed);
    idler->is_picked_ = false;
  } else {
    sleepers_.PushFront(idler);
  }
  const uint64_t change = kOneIdle - kOneSearcher;
  return {role, Add(change) + change == all_idle_};  // (1)
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
  if (!idler->is_picked_) Add(kOneSearcher - kOneIdle);
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
  Pick pick;
  if (Idler* const sleeper = sleepers_.PopFront()) {
    pick = {sleeper, IdleRole::kSleeper};
  } else if (poller_ != nullptr && !poller_->is_picked_) {
    poller_->is_picked_ = true;
    pick = {poller_, IdleRole::kPoller};
  } else {
    return pick;
  }
  Add(kOneSearcher - kOneIdle);
  return pick;
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

// runtime/internal/idle_set.h — which workers are idle or searching, and who is woken for new work.
//
// A worker is busy, searching (it has run out of work and looks at the others' queues) or idle. An
// idle worker is the poller (at most one: it waits in the reactor, until the next timer at most) or
// a sleeper (it is parked). Wakes are rationed: whoever adds work wakes one idle worker only if
// nobody is searching; the last searcher to find work wakes the next one if more is in sight.
//
// No wake-up is lost. What each side does, and the pairs of sequentially consistent fences:
//   An adder            pushes the work;           fence (1, 2);  reads {searchers, idle}.
//   A worker going idle --searchers, ++idle;       fence (1);     looks at all queues.
//   A last searcher     --searchers;               fence (2);     looks at all queues.
//   If the adder sees an idle worker, and no searcher, it wakes one. If it sees a searcher, that
//   one later takes itself out of `searchers`, after the value that the adder read: so it sees the
//   work when it looks at the queues, and takes it or wakes somebody for it. If the adder sees
//   neither, every worker is busy, and the next one that goes idle changes the word after the adder
//   read it: it sees the work.
//
// The reactor and the timers are watched: if a worker is idle, there is a poller or a searcher. The
// first worker that goes idle becomes the poller; a poller leaves as a searcher; the last searcher
// goes idle, or, when it finds work and nobody polls, wakes a sleeper.
#ifndef WEFT_RUNTIME_INTERNAL_IDLE_SET_H_
#define WEFT_RUNTIME_INTERNAL_IDLE_SET_H_

#include <atomic>
#include <cstdint>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/cache_line.h"
#include "base/intrusive_list.h"
#include "base/mutex.h"

namespace weft::runtime_internal {

// What the set knows of one worker. The links and the flag are guarded by the set's mutex.
class Idler : public IntrusiveListNode<Idler> {
 private:
  friend class IdleSet;
  bool is_picked_ = false;  // the poller's only: it was told to stop waiting
};

// How an idle worker waits.
enum class IdleRole : unsigned char {
  kSleeper,  // parked until it is picked
  kPoller,   // waits in the reactor until something happens or it is picked
  kStopped,  // does not wait: the workers end
};

// An idle worker that was picked to look for work. It counts as searching from now on; the caller
// wakes it: a sleeper by its parker, the poller by the reactor.
struct Pick {
  Idler* idler = nullptr;  // null: nobody to wake
  IdleRole role = IdleRole::kSleeper;
};

// See the head of the file. Thread-safe.
class IdleSet {
 public:
  // A busy worker begins to search.
  void BeginSearch() { state_.fetch_add(kOneSearcher, std::memory_order_seq_cst); }  // (2)

  // A searcher has found work. Returns whether it was the last one; then the caller looks at all
  // queues and calls PickOne() if there is work in sight or nobody polls. Edge (2).
  bool EndSearch();

  // A searcher has found nothing and becomes idle, unless the set is stopped. Afterwards the caller
  // looks at all queues once more. Edge (1).
  IdleRole Enter(Idler* idler);

  // A sleeper changes its mind and searches. False: it was picked meanwhile, and its token is on
  // its way.
  bool LeaveSleepers(Idler* idler);

  // The poller gives up its role and searches.
  void LeavePolling(Idler* idler);

  // Whether the poller was told to stop waiting.
  bool IsPicked(const Idler& poller);

  // Whether no worker has the poller's role. For the last searcher. Relaxed: who left the role
  // became a searcher by that and has done EndSearch() since, before the caller's own, which saw
  // it.
  bool NobodyPolls() const { return !has_poller_.load(std::memory_order_relaxed); }

  // Whether a worker is idle. Relaxed: for who has called PickOne() just now, which fences.
  bool SomebodyIsIdle() const { return Idle(state_.load(std::memory_order_relaxed)) > 0; }

  // Work was added: picks the worker to wake for it, if that is needed. Sleepers go first, the one
  // that slept last before the others. Edges (1) and (2).
  Pick PickOne();

  // From now on nobody becomes idle. Returns all who are.
  std::vector<Pick> Stop();

 private:
  // {searchers:32 | idle:32}
  static constexpr uint64_t kOneIdle = 1;
  static constexpr uint64_t kOneSearcher = uint64_t{1} << 32;

  static uint64_t Searchers(uint64_t state) { return state >> 32; }
  static uint64_t Idle(uint64_t state) { return state & 0xffffffff; }

  Pick PickLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Written by all; `idle` changes only under the mutex.
  alignas(kCacheLineSize) std::atomic<uint64_t> state_{0};

  alignas(kCacheLineSize) Mutex mutex_;
  IntrusiveList<Idler> sleepers_ ABSL_GUARDED_BY(mutex_);
  Idler* poller_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool is_stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::atomic<bool> has_poller_{false};  // written under the mutex: poller_ != nullptr
};

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_IDLE_SET_H_

// parker/event_count.h — threads that wait until a condition over somebody else's atomics holds.
//
// The condition is the caller's: "the queue is not empty", "the flag is set". An event count makes
// "look, and sleep if it does not hold" one step, as a condition variable does, but needs no lock
// around the condition: the side that changes it pays a fence and a load when nobody waits.
//
//   waiter                                          notifier
//     while (!Holds()) {                              MakeItHold();
//       EventCount::Key key = events.PrepareWait();   events.NotifyOne();
//       if (Holds()) {
//         events.CancelWait(key);
//         break;
//       }
//       events.CommitWait(key);
//     }
//
// events.Await([&] { return Holds(); }) is that loop.
//
// Three kinds, which differ in what a notify costs while nobody waits:
//   EventCount             a sequentially consistent fence and a load
//   AsymmetricEventCount   a load; each wait costs a system call more (membarrier); for conditions
//                          that change often and are seldom waited for
//   RidingEventCount       nothing, where the condition is one word that the notifier changes by a
//                          read-modify-write anyway (riding_event_count.h)
//
// Guarantees
//   Thread safety    All methods from any thread, except the destructor. A Key is used by the
//                    thread that prepared it.
//   No lost wake     A notification that follows a change ends (or will end) a wait that was
//                    prepared before, unless the waiter sees the change when it looks again. In
//                    other words: if the waiter's look after PrepareWait() misses the change, the
//                    notification finds the waiter.
//   Exactly one      NotifyOne() ends one wait, not more, the oldest or the newest (WakeOrder). If
//                    that waiter cancels, because it found its condition by itself, the
//                    notification goes on to another one. With a deadline or a stop, a notification
//                    that came first wins.
//   Memory ordering  What X did before it notified is visible to Y after the wait that it ended.
//   Progress         Notify while nobody waits: wait-free, never calls the kernel. Otherwise it
//                    takes a lock that waiters hold for a few instructions; one system call for
//                    each waiter that sleeps; as a waiter is taken out when it is notified, the
//                    next notify does not pay for it again.
//   Complexity       O(1) for each waiter notified, prepared or cancelled; no allocation, except a
//                    thread's first wait.
//   Spurious ends    None: a wait ends for a notification, its deadline or its stop. Whether the
//                    condition holds then is another matter: others may have been faster.
//   Lifetime         Nobody waits when it is destroyed (checked).
//
// Example: event_count_example.cc
#ifndef WEFT_PARKER_EVENT_COUNT_H_
#define WEFT_PARKER_EVENT_COUNT_H_

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stop_token>

#include "base/cache_line.h"
#include "base/check.h"
#include "base/instant.h"
#include "parker/internal/announcement.h"
#include "parker/internal/futex.h"
#include "parker/internal/waiter_list.h"
#include "parker/parker.h"

namespace weft {

// Why a wait ended.
enum class WaitResult {
  kNotified,  // by a notification
  kDeadline,  // the deadline came first
  kStop,      // a stop was requested first
};

namespace parker_internal {

// The parker by which this thread waits at event counts unless it brings one of its own.
Parker& ThisThreadsParker();

// The waiters' side, which all kinds have in common.
template <typename Atomics, typename Announcement>
class EventWaits {
 public:
  // One wait: made by PrepareWait(), ended by CancelWait(), CommitWait() or CommitWaitUntil(), or
  // cancelled by its destruction. Neither copied nor moved. A thread may hold keys of several event
  // counts at once, and commits to one.
  class Key {
   public:
    Key(const Key&) = delete;
    Key& operator=(const Key&) = delete;
    ~Key() {
      if (is_open_) events_.CancelWait(*this);
    }

    // What the announcement saw; for a RidingEventCount, the word.
    const typename Announcement::Seen& seen() const { return seen_; }

   private:
    friend class EventWaits;

    Key(EventWaits& events, BasicParker<Atomics>& parker)
        : events_(events), parker_(parker), waiter_(parker), seen_(events.Enter(&waiter_)) {}

    EventWaits& events_;
    BasicParker<Atomics>& parker_;
    Waiter<Atomics> waiter_;
    [[no_unique_address]] const typename Announcement::Seen seen_;
    bool is_open_ = true;
  };

  EventWaits(const EventWaits&) = delete;
  EventWaits& operator=(const EventWaits&) = delete;

  // From here on notifications reach this thread. Look at the condition now, then cancel or commit.
  [[nodiscard]] Key PrepareWait()
    requires std::same_as<Atomics, FutexAtomics>
  {
    return Key(*this, ThisThreadsParker());
  }
  // The same by a parker of one's own: one that spins, counts, or sleeps in a reactor. The wait may
  // spend its tokens and may leave it one, so whoever else parks on it does so in a loop.
  [[nodiscard]] Key PrepareWait(BasicParker<Atomics>& parker) { return Key(*this, parker); }

  // Ends the wait without blocking (but for the lock). A NotifyOne() that had chosen this waiter
  // goes on to another one.
  void CancelWait(Key& key) {
    Close(key);
    if (!Leave(key)) PassOn(key);
  }

  // Blocks until this wait is notified.
  void CommitWait(Key& key) {
    Wait(key, [&] { return key.parker_.ParkUntil(Instant::InfiniteFuture()); });
  }

  // The same, or until `deadline`, or until `stop` is requested.
  WaitResult CommitWaitUntil(Key& key, Instant deadline) {
    return Wait(key, [&] { return key.parker_.ParkUntil(deadline); });
  }
  WaitResult CommitWaitUntil(Key& key, Instant deadline, const std::stop_token& stop) {
    return Wait(key, [&] { return key.parker_.ParkUntil(deadline, stop); });
  }

 protected:
  // The first wait gets the ticket `first_ticket`; `announced...` make the announcement.
  template <typename... Announced>
  EventWaits(WakeOrder order, uint64_t first_ticket, Announced... announced)
      : announcement_(announced...), list_(order, first_ticket) {}
  ~EventWaits() {
    WEFT_CHECK(list_.IsEmpty())
        << "~EventCount(): expected that nobody waits any more, found a waiter; notify and join "
           "the waiting threads first";
  }

  Announcement& announcement() { return announcement_; }

  // Precondition: somebody may wait.
  size_t Notify(size_t count, Notice notice) {
    return list_.NotifyUpTo(count, notice, [this] { WithdrawIfEmpty(); });
  }
  static constexpr size_t kAll = std::numeric_limits<size_t>::max();

 private:
  using Lock = WordLockHolder<Atomics>;

  typename Announcement::Seen Enter(Waiter<Atomics>* waiter);
  // Takes the key's waiter out of the list; false if a notification has done so.
  bool Leave(Key& key);
  void PassOn(Key& key);
  template <typename Park>
  WaitResult Wait(Key& key, Park park);

  static void Close(Key& key) {
    WEFT_CHECK(key.is_open_) << "EventCount: expected a key of a wait that goes on, found one that "
                                "was cancelled or committed; call PrepareWait() for each wait";
    key.is_open_ = false;
  }

  // Under the lock.
  void WithdrawIfEmpty() {
    if (list_.IsEmpty()) announcement_.Withdraw();
  }

  alignas(kCacheLineSize) Announcement announcement_;  // read by every notifier
  alignas(kCacheLineSize) WaiterList<Atomics> list_;
};

// See the head of the file.
template <typename Atomics, template <typename> typename BarrierPair>
class BasicEventCount : public EventWaits<Atomics, FlagAnnouncement<Atomics, BarrierPair>> {
 public:
  explicit BasicEventCount(WakeOrder order = WakeOrder::kOldestFirst) : BasicEventCount(order, 0) {}

  // Waits until `condition()` is true. It is called before each sleep twice, and may do what it
  // waits for, as in Await([&] { return queue.TryPop(&item); }).
  template <std::predicate F>
  void Await(F condition)
    requires std::same_as<Atomics, FutexAtomics>
  {
    AwaitUntil(Instant::InfiniteFuture(), condition);
  }
  // The same by a parker of one's own; see PrepareWait().
  template <std::predicate F>
  void Await(BasicParker<Atomics>& parker, F condition) {
    AwaitUntil(parker, Instant::InfiniteFuture(), condition);
  }
  // The same, or until `deadline`. Returns whether the condition was true; it is tried once more
  // when the deadline has come.
  template <std::predicate F>
  bool AwaitUntil(Instant deadline, F condition)
    requires std::same_as<Atomics, FutexAtomics>
  {
    return AwaitUntil(ThisThreadsParker(), deadline, condition);
  }
  template <std::predicate F>
  bool AwaitUntil(BasicParker<Atomics>& parker, Instant deadline, F condition);

  // The notifiers' side. Each returns how many waits it ended.
  size_t NotifyOne() { return NotifyN(1); }
  // Like NotifyOne() `count` times.
  size_t NotifyN(size_t count) {
    return this->announcement().SomebodyMayWait() ? this->Notify(count, Notice::kOne) : 0;
  }
  // Ends every wait that was prepared before.
  size_t NotifyAll() {
    return this->announcement().SomebodyMayWait() ? this->Notify(this->kAll, Notice::kEvery) : 0;
  }

 protected:
  // For tests of the tickets' wrap.
  BasicEventCount(WakeOrder order, uint64_t first_ticket)
      : EventWaits<Atomics, FlagAnnouncement<Atomics, BarrierPair>>(order, first_ticket) {}
};

template <typename Atomics, typename Announcement>
typename Announcement::Seen EventWaits<Atomics, Announcement>::Enter(Waiter<Atomics>* waiter) {
  const typename Announcement::Seen seen = [&] {
    const Lock holder(list_.lock());
    list_.Add(waiter);
    return announcement_.Announce();
  }();
  announcement_.PassWaitersBarrier();
  return seen;
}

template <typename Atomics, typename Announcement>
bool EventWaits<Atomics, Announcement>::Leave(Key& key) {
  const Lock holder(list_.lock());
  if (key.waiter_.LoadNotice() != Notice::kNone) return false;
  list_.Remove(&key.waiter_);
  WithdrawIfEmpty();
  return true;
}

// The notification was for one waiter, and this one does not need it.
template <typename Atomics, typename Announcement>
void EventWaits<Atomics, Announcement>::PassOn(Key& key) {
  if (key.waiter_.LoadNotice() == Notice::kOne) Notify(1, Notice::kOne);
}

template <typename Atomics, typename Announcement>
template <typename Park>
WaitResult EventWaits<Atomics, Announcement>::Wait(Key& key, Park park) {
  Close(key);
  while (key.waiter_.LoadNotice() == Notice::kNone) {
    const ParkResult result = park();
    // A token says that there may be a notice; it may also be an old one.
    if (result == ParkResult::kToken || !Leave(key)) continue;
    return result == ParkResult::kStop ? WaitResult::kStop : WaitResult::kDeadline;
  }
  return WaitResult::kNotified;
}

template <typename Atomics, template <typename> typename BarrierPair>
template <std::predicate F>
bool BasicEventCount<Atomics, BarrierPair>::AwaitUntil(BasicParker<Atomics>& parker,
                                                       Instant deadline, F condition) {
  while (!condition()) {
    auto key = this->PrepareWait(parker);
    if (Atomics::Recheck(condition())) return true;  // The key cancels itself.
    if (this->CommitWaitUntil(key, deadline) == WaitResult::kDeadline) return condition();
  }
  return true;
}

}  // namespace parker_internal

using EventCount =
    parker_internal::BasicEventCount<parker_internal::FutexAtomics, parker_internal::FencePair>;
using AsymmetricEventCount = parker_internal::BasicEventCount<parker_internal::FutexAtomics,
                                                              parker_internal::AsymmetricPair>;

}  // namespace weft

#endif  // WEFT_PARKER_EVENT_COUNT_H_

// parker/riding_event_count.h — an event count whose notify is free, because it rides on a
// read-modify-write that the notifier does anyway.
//
// Where the condition is one word that notifiers change by a read-modify-write (a ticket counter, a
// number of items, a set of flags), the event count keeps that word, with a bit in it that says
// "somebody waits": the change itself brings the bit back, and no fence is needed.
//
//   waiter                                          notifier
//     RidingEventCount::Key key =                     auto before = items.FetchAdd(
//         items.PrepareWait();                            1, std::memory_order_release);
//     if (key.seen().value > taken) {                 items.NotifyOne(before);
//       items.CancelWait(key);
//     } else {
//       items.CommitWait(key);
//     }
//
// Sound only where the waiter's look is at that very word: key.seen(), or a Load() after
// PrepareWait(). The word's modification order decides: a change before the waiter's bit is seen by
// the look, a change after it brings the bit back. A condition over anything else needs an
// EventCount. If a change is announced by this word and completed elsewhere (a ticket taken here,
// its slot filled later), the waiter that sees the ticket must not sleep, and the notifier calls
// NotifyOne(before) when the slot is filled.
//
// Guarantees: those of event_count.h, except that the look is as said. The word's operations have
// the orders that the caller gives; PrepareWait() acquires.
//
// Example: riding_event_count_test.cc
#ifndef WEFT_PARKER_RIDING_EVENT_COUNT_H_
#define WEFT_PARKER_RIDING_EVENT_COUNT_H_

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>

#include "parker/event_count.h"
#include "parker/internal/futex.h"
#include "parker/internal/waiter_list.h"

namespace weft {

// What the word of a RidingEventCount held.
struct EventWord {
  uint64_t value = 0;        // the caller's 63 bits
  bool has_waiters = false;  // whether somebody waited
};

namespace parker_internal {

// The word, {value:63 | waiters:1}.
//
//   (5) A change (with the caller's order) -> the announcement's fetch_or (acquire).
template <typename Atomics>
class RidingAnnouncement {
 public:
  using Seen = EventWord;

  explicit RidingAnnouncement(uint64_t value = 0) : word_(value << 1) {}

  // Under the lock.
  EventWord Announce() {
    return Unpack(word_.fetch_or(kWaiters, std::memory_order_acquire));
  }  // (5)
  void Withdraw() { word_.fetch_and(~kWaiters, std::memory_order_relaxed); }

  // The word is its own barrier.
  void PassWaitersBarrier() const {}

  static EventWord Unpack(uint64_t word) { return {word >> 1, (word & kWaiters) != 0}; }
  static uint64_t Pack(EventWord word) { return word.value << 1 | (word.has_waiters ? 1 : 0); }

  typename Atomics::template Atomic<uint64_t>& word() { return word_; }

 private:
  static constexpr uint64_t kWaiters = 1;

  typename Atomics::template Atomic<uint64_t> word_;
};

// See the head of the file.
template <typename Atomics>
class BasicRidingEventCount : public EventWaits<Atomics, RidingAnnouncement<Atomics>> {
  using Base = EventWaits<Atomics, RidingAnnouncement<Atomics>>;
  using Announcement = RidingAnnouncement<Atomics>;

 public:
  // The word starts with `value`, which has 63 bits.
  explicit BasicRidingEventCount(uint64_t value = 0, WakeOrder order = WakeOrder::kOldestFirst)
      : Base(order, 0, value) {}

  // ---- The word. Each change returns what was there before; changes keep the waiters' bit, and a
  // value wraps at 63 bits.

  EventWord Load(std::memory_order order) { return Announcement::Unpack(Word().load(order)); }
  EventWord FetchAdd(uint64_t delta, std::memory_order order) {
    return Announcement::Unpack(Word().fetch_add(delta << 1, order));
  }
  EventWord FetchSub(uint64_t delta, std::memory_order order) {
    return Announcement::Unpack(Word().fetch_sub(delta << 1, order));
  }
  EventWord FetchOr(uint64_t bits, std::memory_order order) {
    return Announcement::Unpack(Word().fetch_or(bits << 1, order));
  }
  // Replaces the value of `*expected`, if the whole word is like `*expected`, else loads the word
  // into it. May fail although it is. A change by success is one from `*expected`.
  bool CompareExchangeWeak(EventWord* expected, uint64_t value, std::memory_order success,
                           std::memory_order failure) {
    uint64_t word = Announcement::Pack(*expected);
    const uint64_t desired = Announcement::Pack({value, expected->has_waiters});
    if (Word().compare_exchange_weak(word, desired, success, failure)) return true;
    *expected = Announcement::Unpack(word);
    return false;
  }

  // ---- Waiters, beyond PrepareWait() and its kin

  // Waits until `condition(value)` is true of the word's value, which is loaded with
  // memory_order_acquire, and returns it.
  template <std::predicate<uint64_t> F>
  uint64_t Await(F condition)
    requires std::same_as<Atomics, FutexAtomics>
  {
    return Await(ThisThreadsParker(), condition);
  }
  // The same by a parker of one's own; see PrepareWait().
  template <std::predicate<uint64_t> F>
  uint64_t Await(BasicParker<Atomics>& parker, F condition);

  // ---- Notifiers: after a change, with what the change returned. Each returns how many waits it
  // ended.

  size_t NotifyOne(EventWord before) { return NotifyN(before, 1); }
  size_t NotifyN(EventWord before, size_t count) {
    if (!before.has_waiters) [[likely]]
      return 0;
    return this->Notify(count, Notice::kOne);
  }
  size_t NotifyAll(EventWord before) {
    if (!before.has_waiters) [[likely]]
      return 0;
    return this->Notify(this->kAll, Notice::kEvery);
  }

 private:
  typename Atomics::template Atomic<uint64_t>& Word() { return this->announcement().word(); }
};

template <typename Atomics>
template <std::predicate<uint64_t> F>
uint64_t BasicRidingEventCount<Atomics>::Await(BasicParker<Atomics>& parker, F condition) {
  while (true) {
    const EventWord word = Announcement::Unpack(Word().load(std::memory_order_acquire));  // (5)
    if (condition(word.value)) return word.value;
    typename Base::Key key = this->PrepareWait(parker);
    if (Atomics::Recheck(condition(key.seen().value))) return key.seen().value;
    this->CommitWait(key);
  }
}

}  // namespace parker_internal

using RidingEventCount = parker_internal::BasicRidingEventCount<parker_internal::FutexAtomics>;

}  // namespace weft

#endif  // WEFT_PARKER_RIDING_EVENT_COUNT_H_

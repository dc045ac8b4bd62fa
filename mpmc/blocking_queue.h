// mpmc/blocking_queue.h — a queue whose callers sleep until there is room or a value.
//
// Wraps any queue of this package whose operations are TryPush() or Push(), TryPop() and Close(),
// and adds forms that wait: without limit, until a deadline, until a stop is requested. Use it
// between threads; use channel/ when the waiter is a task; use the queue itself when nobody ever
// waits, since each operation here also looks whether somebody sleeps.
//
//   BlockingQueue<BoundedQueue<Job>> jobs(1000);
//   ... jobs.Push(std::move(job)) ...                 // waits for room
//   while (PopResult<Job> job = jobs.Pop()) Run(*job);  // until closed and drained
//
// Guarantees
//   Those of the wrapped queue: order, exactness, capacity, who may call what (of an SpscQueue, one
//   producer and one consumer). Further:
//   No lost wake     A waiting pop returns when a value is there for it, a waiting push when there
//                    is room for its value, whatever the others do: a waiter that leaves because
//                    of its deadline or stop takes no notification along.
//   Precedence       A value that is there wins over a close; a value, room or a close over a stop;
//                    a stop over a deadline. Also where stop and deadline came before the call.
//   Fairness         Waiters are woken in order of arrival, but a caller that does not wait may be
//                    faster. With a bound in bytes, a large value may wait behind many small ones.
//   Blocks           Push, Pop and their forms with Until or a stop; after a short spin they sleep.
//   Progress         TryX: as the wrapped queue's; then, while nobody sleeps, a fence and a load
//                    (AsymmetricEventCount: a load). Waking a sleeper is a system call.
//   Allocation       None after construction, except a thread's first sleep.
//   Lifetime         Nobody waits when it is destroyed (checked). To end it: Close(), join,
//                    destroy.
//
// Example: blocking_queue_example.cc
#ifndef WEFT_MPMC_BLOCKING_QUEUE_H_
#define WEFT_MPMC_BLOCKING_QUEUE_H_

#include <cstddef>
#include <stop_token>
#include <utility>

#include "base/atomics.h"
#include "base/instant.h"
#include "mpmc/internal/turn_wait.h"
#include "mpmc/pop_result.h"
#include "mpmc/push_result.h"
#include "parker/event_count.h"

namespace weft {
namespace mpmc_internal {

// Whether pushes into a queue may find it full.
template <typename Queue>
concept Bounded =
    requires(Queue& queue, typename Queue::value_type value) { queue.TryPush(std::move(value)); };

// Whether one pop may make room for several pushes, or for none: where room is not counted in
// values.
template <typename Queue>
concept BoundedByWeight = requires { requires Queue::kIsBoundedByWeight; };

// See the top of this file; BlockingQueue below is its public name. `Events` is a kind of event
// count.
template <typename Queue, typename Events, typename Atomics>
class BasicBlockingQueue {
 public:
  using value_type = typename Queue::value_type;
  using T = value_type;

  // The wrapped queue's constructor.
  template <typename... Args>
  explicit BasicBlockingQueue(Args&&... args) : queue_(std::forward<Args>(args)...) {}

  BasicBlockingQueue(const BasicBlockingQueue&) = delete;
  BasicBlockingQueue& operator=(const BasicBlockingQueue&) = delete;

  // As the wrapped queue's TryPush() and TryPop(), for callers that do not wait.
  PushResult<T> TryPush(T value) {
    PushResult<T> result = PushOnce(std::move(value));
    if (result.ok()) not_empty_.NotifyOne();
    return result;
  }
  PopResult<T> TryPop() {
    PopResult<T> result = queue_.TryPop();
    if (result.ok()) NotifyRoom();
    return result;
  }

  // Appends `value` as soon as there is room: kOk, or the value back with what the wrapped queue
  // says apart from kFull (kClosed, kTooLarge), with kDeadline or with kStop.
  PushResult<T> Push(T value) { return PushUntil(std::move(value), Instant::InfiniteFuture()); }
  PushResult<T> Push(T value, const std::stop_token& stop) {
    return PushUntil(std::move(value), Instant::InfiniteFuture(), stop);
  }
  PushResult<T> PushUntil(T value, Instant deadline) {
    return Await(std::move(value),
                 [&](auto& key) { return not_full_.CommitWaitUntil(key, deadline); });
  }
  PushResult<T> PushUntil(T value, Instant deadline, const std::stop_token& stop) {
    return Await(std::move(value),
                 [&](auto& key) { return not_full_.CommitWaitUntil(key, deadline, stop); });
  }

  // Takes the oldest value as soon as there is one, or says kClosed when the queue is closed and
  // drained, kDeadline or kStop.
  PopResult<T> Pop() { return PopUntil(Instant::InfiniteFuture()); }
  PopResult<T> Pop(const std::stop_token& stop) {
    return PopUntil(Instant::InfiniteFuture(), stop);
  }
  PopResult<T> PopUntil(Instant deadline) {
    return Await([&](auto& key) { return not_empty_.CommitWaitUntil(key, deadline); });
  }
  PopResult<T> PopUntil(Instant deadline, const std::stop_token& stop) {
    return Await([&](auto& key) { return not_empty_.CommitWaitUntil(key, deadline, stop); });
  }

  // Closes the wrapped queue and wakes everybody: waiting pushes get their values back with
  // kClosed, pops drain the queue and then say kClosed. May be called again.
  void Close() {
    queue_.Close();
    not_full_.NotifyAll();
    not_empty_.NotifyAll();
  }

  // The wrapped queue's observers.
  const Queue& queue() const { return queue_; }

 private:
  PushResult<T> PushOnce(T&& value) {
    if constexpr (Bounded<Queue>) {
      return queue_.TryPush(std::move(value));
    } else {
      return queue_.Push(std::move(value));
    }
  }

  // While it spins: leaves the producers' cache lines alone where the queue can.
  PopResult<T> PollPop() {
    if constexpr (requires { queue_.PollPop(); }) {
      PopResult<T> result = queue_.PollPop();
      if (result.ok()) NotifyRoom();
      return result;
    } else {
      return TryPop();
    }
  }

  void NotifyRoom() {
    if constexpr (BoundedByWeight<Queue>) {
      not_full_.NotifyAll();
    } else if constexpr (Bounded<Queue>) {
      not_full_.NotifyOne();
    }
  }

  // Tries again and again, with short pauses, then sleeps by `commit`.
  template <typename Commit>
  PushResult<T> Await(T&& first, Commit commit) {
    SpinPhase<Atomics> spin;
    PushResult<T> result = TryPush(std::move(first));
    while (result.outcome() == PushOutcome::kFull) {
      if (!spin.IsSpent()) {
        spin.Once();
        result = TryPush(std::move(result).TakeRejected());
        continue;
      }
      auto key = not_full_.PrepareWait();
      result = TryPush(std::move(result).TakeRejected());
      if (Atomics::Recheck(result.outcome() != PushOutcome::kFull)) break;
      const WaitResult wait = commit(key);
      result = TryPush(std::move(result).TakeRejected());
      if (wait == WaitResult::kNotified || result.outcome() != PushOutcome::kFull) continue;
      return PushResult<T>::Refused(
          wait == WaitResult::kStop ? PushOutcome::kStop : PushOutcome::kDeadline,
          std::move(result).TakeRejected());
    }
    return result;
  }

  template <typename Commit>
  PopResult<T> Await(Commit commit) {
    SpinPhase<Atomics> spin;
    for (;;) {
      PopResult<T> result = TryPop();
      if (result.outcome() != PopOutcome::kEmpty) return result;
      for (; !spin.IsSpent(); spin.Once()) {
        PopResult<T> polled = PollPop();
        if (polled.ok()) return polled;
      }
      auto key = not_empty_.PrepareWait();
      PopResult<T> second = TryPop();
      if (Atomics::Recheck(second.outcome() != PopOutcome::kEmpty)) return second;
      const WaitResult wait = commit(key);
      if (wait == WaitResult::kNotified) continue;
      PopResult<T> last = TryPop();
      if (last.outcome() != PopOutcome::kEmpty) return last;
      return PopResult<T>::None(wait == WaitResult::kStop ? PopOutcome::kStop
                                                          : PopOutcome::kDeadline);
    }
  }

  Queue queue_;
  Events not_empty_;
  Events not_full_;
};

}  // namespace mpmc_internal

// `Events`: EventCount, or AsymmetricEventCount where operations are many and sleeps are few: it
// makes looking for sleepers a load, and each sleep a system call dearer (parker/event_count.h).
template <typename Queue, typename Events = EventCount>
using BlockingQueue = mpmc_internal::BasicBlockingQueue<Queue, Events, StdAtomics>;

}  // namespace weft

#endif  // WEFT_MPMC_BLOCKING_QUEUE_H_

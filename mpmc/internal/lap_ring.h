// mpmc/internal/lap_ring.h — the ring behind the bounded queues, over any atomics.
//
// Tickets and stamps: ring_geometry.h. A push claims a ticket by a compare-and-swap of tail_ and
// owns the slot until it stores the full stamp; a pop claims one by a compare-and-swap of head_ (or
// a store, where there is one consumer) and owns the slot until it stores the free stamp. The usual
// operation touches its own counter and its slot, never the other side's counter.
//
// Happens-before edges (each end names the other; README.md § Design has the arguments):
//   (1) full stamp: Fill() or Abandon() stores it (release) -> a pop loads it (acquire): the value
//       is there.
//   (2) free stamp: Release() stores it (release) -> a push loads it (acquire): the old value is
//       destroyed before its slot is used again.
//   (3) head claim: a pop's write of head_ (release) -> load of head_ (acquire) -> load of tail_:
//       whatever was pushed before a pop that we see claimed is in the tail that we read next. Makes
//       kEmpty exact.
//   (4) tail claim: a push's CAS of tail_ (release) -> load of tail_ (acquire) -> load of head_: the
//       mirror image. Makes kFull exact.
//   (5) close: Close() sets kClosed in tail_ (release) -> whoever sees it (acquire) answers kClosed:
//       what was done before Close() is visible.
// A failed CAS reloads with acquire because its value takes the place of the first load of (3), (4).
#ifndef WEFT_MPMC_INTERNAL_LAP_RING_H_
#define WEFT_MPMC_INTERNAL_LAP_RING_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/atomics.h"
#include "base/cache_line.h"
#include "mpmc/internal/ring_geometry.h"
#include "mpmc/internal/turn_wait.h"
#include "mpmc/pop_result.h"
#include "mpmc/push_result.h"
#include "mpmc/queue_shape.h"

namespace weft::mpmc_internal {

// What an operation does about a slot that another thread has claimed and not finished.
enum class Answer {
  kExact,  // Waits for that thread; kFull and kEmpty are true at some moment during the call.
  kWeak,   // Answers kBusy, also when the queue is full or empty, without asking the other side.
};

// See BoundedQueue for the contract.
template <typename T, typename Atomics, QueueConsumers kConsumers = QueueConsumers::kMany,
          QueueSlots kSlots = QueueSlots::kPacked>
class LapRing {
  static_assert(
      std::is_nothrow_destructible_v<T>,
      "a queue destroys values in slots that it has claimed: T's destructor may not throw");

 public:
  static constexpr std::size_t kMaxCapacity = RingGeometry::kMaxCapacity;

  // `what` names the queue in messages.
  LapRing(std::size_t capacity, const char* what)
      : geometry_(capacity, what), slots_(std::make_unique_for_overwrite<Slot[]>(capacity)) {
    for (std::size_t i = 0; i < capacity; ++i) {
      slots_[i].stamp.store(RingGeometry::FirstTicket(i), std::memory_order_relaxed);
    }
  }

  LapRing(const LapRing&) = delete;
  LapRing& operator=(const LapRing&) = delete;

  ~LapRing() {
    uint64_t ticket;
    while (ClaimPop(Answer::kExact, ticket) == PopOutcome::kOk) Release(ticket);
  }

  // ---- Pushing: claim, then Fill() or Abandon() ----------------------------------------------

  // Claims the next slot. kOk, kFull, kClosed, and kBusy if `answer` is kWeak.
  PushOutcome ClaimPush(Answer answer, uint64_t& ticket) {
    TurnWait<Atomics> wait;
    ticket = tail_.load(std::memory_order_acquire);  // (4), (5)
    for (;;) {
      if (SlotOf(ticket).stamp.load(std::memory_order_acquire) == ticket) {  // (2)
        if (ClaimTail(ticket, geometry_.Next(ticket))) return PushOutcome::kOk;
        continue;
      }
      const PushOutcome outcome = PushMiss(answer, ticket, wait);
      if (outcome != PushOutcome::kOk) return outcome;
    }
  }

  // Claims up to `count` slots that are free now, one behind the other, by one claim; `count` is
  // then their number. Answers like ClaimPush.
  PushOutcome ClaimPushes(Answer answer, uint64_t& ticket, std::size_t& count) {
    TurnWait<Atomics> wait;
    ticket = tail_.load(std::memory_order_acquire);  // (4), (5)
    for (;;) {
      const std::size_t ready = CountReady(ticket, count, 0);
      if (ready > 0) {
        if (!ClaimTail(ticket, geometry_.Advance(ticket, ready))) continue;
        count = ready;
        return PushOutcome::kOk;
      }
      const PushOutcome outcome = PushMiss(answer, ticket, wait);
      if (outcome != PushOutcome::kOk) return outcome;
    }
  }

  // Claims the next slot; if the queue is full, takes the oldest value out of it into `displaced`.
  // kOk or kClosed.
  PushOutcome ClaimPushOverwriting(uint64_t& ticket, std::optional<T>& displaced) {
    static_assert(kConsumers == QueueConsumers::kMany, "a push that overwrites is a consumer too");
    TurnWait<Atomics> wait;
    ticket = tail_.load(std::memory_order_acquire);  // (4), (5)
    for (;;) {
      const uint64_t stamp = SlotOf(ticket).stamp.load(std::memory_order_acquire);  // (1), (2)
      const uint64_t oldest = ticket - geometry_.lap_step();
      if (stamp == ticket || IsFinished(stamp, oldest)) {
        if (!ClaimTail(ticket, geometry_.Next(ticket))) continue;
        if (stamp != ticket) TakeOrAwait(ticket, oldest, displaced);
        return PushOutcome::kOk;
      }
      if ((ticket & RingGeometry::kClosed) != 0) return PushOutcome::kClosed;
      if (!Reload(tail_, ticket)) wait.Once();
    }
  }

  // Constructs the value of a claimed slot and publishes it. If that throws, the slot stays claimed.
  template <typename... Args>
  void Fill(uint64_t ticket, Args&&... args) {
    Slot& slot = SlotOf(ticket);
    ::new (static_cast<void*>(slot.storage)) T(std::forward<Args>(args)...);
    slot.stamp.store(ticket + RingGeometry::kFull, std::memory_order_release);  // (1)
  }

  // Gives a claimed slot up: pops skip it.
  void Abandon(uint64_t ticket) {
    SlotOf(ticket).stamp.store(ticket + RingGeometry::kHole, std::memory_order_release);  // (1)
  }

  // ---- Popping: claim, use ValueOf(), then Release() -----------------------------------------

  // Claims the oldest value. kOk, kEmpty, kClosed (closed and drained), and kBusy if `answer` is
  // kWeak.
  PopOutcome ClaimPop(Answer answer, uint64_t& ticket) {
    TurnWait<Atomics> wait;
    ticket = head_.load(std::memory_order_acquire);  // (3)
    for (;;) {
      const uint64_t stamp = SlotOf(ticket).stamp.load(std::memory_order_acquire);  // (1)
      if (stamp == ticket + RingGeometry::kFull) {
        if (ClaimHead(ticket, geometry_.Next(ticket))) return PopOutcome::kOk;
        continue;
      }
      const PopOutcome outcome = PopMiss(answer, stamp, ticket, wait);
      if (outcome != PopOutcome::kOk) return outcome;
    }
  }

  // Claims up to `count` values that are finished now, one behind the other, by one claim; `count`
  // is then their number. Answers like ClaimPop.
  PopOutcome ClaimPops(Answer answer, uint64_t& ticket, std::size_t& count) {
    TurnWait<Atomics> wait;
    ticket = head_.load(std::memory_order_acquire);  // (3)
    for (;;) {
      const std::size_t ready = CountReady(ticket, count, RingGeometry::kFull);
      if (ready > 0) {
        if (!ClaimHead(ticket, geometry_.Advance(ticket, ready))) continue;
        count = ready;
        return PopOutcome::kOk;
      }
      const uint64_t stamp = SlotOf(ticket).stamp.load(std::memory_order_acquire);  // (1)
      const PopOutcome outcome = PopMiss(answer, stamp, ticket, wait);
      if (outcome != PopOutcome::kOk) return outcome;
    }
  }

  // The value in a slot that a pop has claimed.
  T& ValueOf(uint64_t ticket) { return *SlotOf(ticket).value(); }

  // Destroys the value of a claimed slot and frees the slot.
  void Release(uint64_t ticket) {
    Slot& slot = SlotOf(ticket);
    slot.value()->~T();
    slot.stamp.store(ticket + geometry_.lap_step(), std::memory_order_release);  // (2)
  }

  // The ticket behind `ticket`, inside one claim of several.
  uint64_t Next(uint64_t ticket) const { return geometry_.Next(ticket); }

  // ---- Whole operations on values that move without exceptions --------------------------------

  PushResult<T> Push(Answer answer, T&& value) {
    uint64_t ticket;
    const PushOutcome outcome = ClaimPush(answer, ticket);
    if (outcome != PushOutcome::kOk) return PushResult<T>::Refused(outcome, std::move(value));
    Fill(ticket, std::move(value));
    return PushResult<T>::Ok();
  }

  PopResult<T> Pop(Answer answer) {
    uint64_t ticket;
    const PopOutcome outcome = ClaimPop(answer, ticket);
    if (outcome != PopOutcome::kOk) return PopResult<T>::None(outcome);
    PopResult<T> result(std::move(ValueOf(ticket)));
    Release(ticket);
    return result;
  }

  // ---- Closing and observing ------------------------------------------------------------------

  // Whether this call closed the ring: no push claims a slot after it.
  bool Close() {
    const uint64_t before =
        tail_.fetch_or(RingGeometry::kClosed, std::memory_order_acq_rel);  // (5)
    return (before & RingGeometry::kClosed) == 0;
  }

  bool IsClosed() const {
    return (tail_.load(std::memory_order_acquire) & RingGeometry::kClosed) != 0;  // (5)
  }

  // Tickets claimed by pushes and by pops so far.
  uint64_t PushCount() const { return geometry_.Position(tail_.load(std::memory_order_relaxed)); }
  uint64_t PopCount() const { return geometry_.Position(head_.load(std::memory_order_relaxed)); }

  std::size_t SizeHint() const {
    const uint64_t pops = PopCount();
    const uint64_t pushes = PushCount();
    return pushes < pops ? 0 : std::min<std::size_t>(pushes - pops, capacity());
  }

  std::size_t capacity() const { return geometry_.capacity(); }

 private:
  using Word = typename Atomics::template Atomic<uint64_t>;

  // Larger values share lines only at their ends; padding would cost them memory and gain nothing.
  static constexpr bool kPads =
      kSlots == QueueSlots::kPadded && sizeof(Word) + sizeof(T) <= kCacheLineSize;

  struct alignas(kPads ? kCacheLineSize : std::max(alignof(Word), alignof(T))) Slot {
    Word stamp{0};
    alignas(T) unsigned char storage[sizeof(T)];

    T* value() { return std::launder(reinterpret_cast<T*>(storage)); }
  };

  Slot& SlotOf(uint64_t ticket) { return slots_[geometry_.IndexOf(ticket)]; }

  static bool IsFinished(uint64_t stamp, uint64_t ticket) {
    return stamp == ticket + RingGeometry::kFull || stamp == ticket + RingGeometry::kHole;
  }

  // The CAS of a claim; on failure `ticket` is the counter's value now.
  bool ClaimTail(uint64_t& ticket, uint64_t next) {
    return tail_.compare_exchange_weak(ticket, next, std::memory_order_release,  // (4)
                                       std::memory_order_acquire);               // (4), (5)
  }
  bool ClaimHead(uint64_t& ticket, uint64_t next) {
    if constexpr (kConsumers == QueueConsumers::kOne) {
      head_.store(next, std::memory_order_release);  // (3)
      return true;
    } else {
      return head_.compare_exchange_weak(ticket, next, std::memory_order_release,  // (3)
                                         std::memory_order_acquire);               // (3)
    }
  }

  // The number of slots from that of `ticket` on, up to `limit`, whose stamp is their ticket + `state`.
  std::size_t CountReady(uint64_t ticket, std::size_t limit, uint64_t state) {
    limit = std::min(limit, capacity());
    std::size_t ready = 0;
    while (ready < limit &&
           SlotOf(ticket).stamp.load(std::memory_order_acquire) == ticket + state) {  // (1), (2)
      ticket = geometry_.Next(ticket);
      ++ready;
    }
    return ready;
  }

  // The slot of `ticket` was not free. Says why, or kOk with a `ticket` to look at.
  PushOutcome PushMiss(Answer answer, uint64_t& ticket, TurnWait<Atomics>& wait) {
    if ((ticket & RingGeometry::kClosed) != 0) return PushOutcome::kClosed;
    if (answer == Answer::kExact) {
      const uint64_t head = head_.load(std::memory_order_acquire);
      if (!Atomics::Recheck(head + geometry_.lap_step() > ticket)) return PushOutcome::kFull;
    }
    if (Reload(tail_, ticket)) return PushOutcome::kOk;
    if (answer == Answer::kWeak) return PushOutcome::kBusy;
    wait.Once();
    return PushOutcome::kOk;
  }

  // The slot of `ticket` held no finished value. Says why, or kOk with a `ticket` to look at.
  PopOutcome PopMiss(Answer answer, uint64_t stamp, uint64_t& ticket, TurnWait<Atomics>& wait) {
    if (stamp == ticket + RingGeometry::kHole) {
      SkipHole(ticket);
      return PopOutcome::kOk;
    }
    if (answer == Answer::kExact) {
      const uint64_t tail = tail_.load(std::memory_order_acquire);  // (5)
      if (!Atomics::Recheck(RingGeometry::WithoutFlags(tail) != ticket)) {
        return (tail & RingGeometry::kClosed) != 0 ? PopOutcome::kClosed : PopOutcome::kEmpty;
      }
    }
    if (Reload(head_, ticket)) return PopOutcome::kOk;
    if (answer == Answer::kWeak) return PopOutcome::kBusy;
    wait.Once();
    return PopOutcome::kOk;
  }

  // Claims and frees an abandoned slot, unless another pop is faster; `ticket` is then head_.
  void SkipHole(uint64_t& ticket) {
    const uint64_t hole = ticket;
    if (!ClaimHead(ticket, geometry_.Next(hole))) return;
    SlotOf(hole).stamp.store(hole + geometry_.lap_step(), std::memory_order_release);  // (2)
    ticket = geometry_.Next(hole);
  }

  // The push with `ticket` has claimed a slot that the value of ticket `oldest` still fills. Takes
  // that value out as soon as it is the oldest, unless a pop does.
  void TakeOrAwait(uint64_t ticket, uint64_t oldest, std::optional<T>& displaced) {
    Slot& slot = SlotOf(ticket);
    TurnWait<Atomics> wait;
    for (;;) {
      const uint64_t stamp = slot.stamp.load(std::memory_order_acquire);  // (1), (2)
      if (stamp == ticket) return;
      uint64_t head = head_.load(std::memory_order_relaxed);
      if (head == oldest && ClaimHead(head, geometry_.Next(oldest))) {
        if (stamp == oldest + RingGeometry::kFull) {
          displaced.emplace(std::move(*slot.value()));
          slot.value()->~T();
        }
        return;
      }
      wait.Once();
    }
  }

  // Sets `ticket` to the counter's value now; returns whether that is news.
  static bool Reload(const Word& counter, uint64_t& ticket) {
    const uint64_t now = counter.load(std::memory_order_acquire);  // (3), (4), (5)
    if (now == ticket) return false;
    ticket = now;
    return true;
  }

  RingGeometry geometry_;          // Constant after construction.
  std::unique_ptr<Slot[]> slots_;  // The pointer is constant after construction.

  alignas(kCacheLineSize) Word tail_{0};  // The ticket of the next push, and kClosed.
  alignas(kCacheLineSize) Word head_{0};  // The ticket of the next pop; no flags.
};

}  // namespace weft::mpmc_internal

#endif  // WEFT_MPMC_INTERNAL_LAP_RING_H_

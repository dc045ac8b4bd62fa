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
//       whatever was pushed before a pop that we see claimed is in the tail that we read next.
//       Makes kEmpty exact.
//   (4) tail claim: a push's CAS of tail_ (release) -> load of tail_ (acquire) -> load of head_:
//       the mirror image. Makes kFull exact.
//   (5) close: Close() sets kClosed in tail_ (release) -> whoever sees it (acquire) answers
//       kClosed: what was done before Close() is visible.
// A failed CAS reloads with acquire: its value takes the place of the first load of (3), (4).
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
#include "mpmc/internal/ring_slot.h"
#include "mpmc/internal/turn_wait.h"
#include "mpmc/pop_result.h"
#include "mpmc/push_result.h"
#include "mpmc/queue_shape.h"

namespace weft::mpmc_internal {

// See BoundedQueue for the contract.
template <typename T, typename Atomics, QueueConsumers kConsumers = QueueConsumers::kMany,
          QueueSlots kSlots = QueueSlots::kPacked>
class LapRing {
  static_assert(
      std::is_nothrow_destructible_v<T>,
      "a queue destroys values in slots that it has claimed: T's destructor may not throw");

  using Word = typename Atomics::template Atomic<uint64_t>;
  using Slot = RingSlot<T, Word, kSlots>;

  // Constant; operations copy it, so that it is not read again behind each atomic access.
  struct View {
    RingGeometry geometry;
    Slot* slots;

    Slot* SlotOf(uint64_t ticket) const { return slots + geometry.IndexOf(ticket); }
  };

 public:
  static constexpr std::size_t kMaxCapacity = RingGeometry::kMaxCapacity;

  // `what` names the queue in messages.
  LapRing(std::size_t capacity, const char* what)
      : slots_(std::make_unique_for_overwrite<Slot[]>(capacity)),
        view_{RingGeometry(capacity, what), slots_.get()} {
    for (std::size_t i = 0; i < capacity; ++i) {
      slots_[i].stamp.store(RingGeometry::FirstTicket(i), std::memory_order_relaxed);
    }
  }

  LapRing(const LapRing&) = delete;
  LapRing& operator=(const LapRing&) = delete;
  ~LapRing() {
    for (Claim claim; (claim = ClaimPop<Answer::kExact>()).ok();) Release(claim);
  }

  using Claim = SlotClaim<Slot>;

  // ---- Pushing: claim, then Fill() or Abandon() ----------------------------------------------

  // Claims the next slot. kOk, kFull, kClosed, and kBusy if the answer may be weak.
  template <Answer kAnswer>
  Claim ClaimPush() {
    uint64_t ticket = tail_.load(std::memory_order_acquire);  // (4), (5)
    uint64_t stamp;
    const Claim claim = AttemptPush(ticket, stamp, 1).first;
    if (claim.ok()) return claim;
    if (kAnswer == Answer::kWeak && stamp < ticket && (ticket & RingGeometry::kClosed) == 0) {
      return Claim::Refusal(PushOutcome::kBusy);
    }
    return ClaimPushSlowly<kAnswer>(ticket, stamp, 1).first;
  }

  // Claims up to `limit` slots that are free now, one behind the other, by one claim: the first and
  // their number. Answers like ClaimPush.
  std::pair<Claim, std::size_t> ClaimPushes(std::size_t limit) {
    uint64_t ticket = tail_.load(std::memory_order_acquire);  // (4), (5)
    return ClaimPushSlowly<Answer::kExact>(ticket, ticket, limit);
  }

  // Claims the next slot; if the queue is full, takes the oldest value out of it into `displaced`.
  // kOk or kClosed.
  Claim ClaimPushOverwriting(std::optional<T>& displaced) {
    static_assert(kConsumers == QueueConsumers::kMany, "a push that overwrites is a consumer too");
    TurnWait<Atomics> wait;
    uint64_t ticket = tail_.load(std::memory_order_acquire);  // (4), (5)
    for (;;) {
      // First: kClosed in `oldest` would make the stamp of a hole look like that of a value.
      if ((ticket & RingGeometry::kClosed) != 0) return Claim::Refusal(PushOutcome::kClosed);
      Slot* const slot = view_.SlotOf(ticket);
      const uint64_t stamp = slot->stamp.load(std::memory_order_acquire);  // (1), (2)
      const uint64_t oldest = ticket - view_.geometry.lap_step();
      if (stamp == ticket || IsFinished(stamp, oldest)) {
        if (!ClaimTail(ticket, view_.geometry.Next(ticket))) continue;
        if (stamp != ticket) TakeOrAwait({slot, ticket}, oldest, displaced);
        return {slot, ticket};
      }
      if (!Reload(tail_, ticket)) wait.Once();
    }
  }

  // Constructs the value of a claimed slot and publishes it. If it throws, the slot stays claimed.
  template <typename... Args>
  static void Fill(const Claim& claim, Args&&... args) {
    ::new (static_cast<void*>(claim.slot->storage)) T(std::forward<Args>(args)...);
    claim.slot->stamp.store(claim.ticket() + RingGeometry::kFull,
                            std::memory_order_release);  // (1)
  }

  // Gives a claimed slot up: pops skip it.
  static void Abandon(const Claim& claim) {
    claim.slot->stamp.store(claim.ticket() + RingGeometry::kHole,
                            std::memory_order_release);  // (1)
  }

  // ---- Popping: claim, use ValueOf(), then Release() -----------------------------------------

  // Claims the oldest value. kOk, kEmpty, kClosed (closed and drained), and kBusy if the answer may
  // be weak.
  template <Answer kAnswer>
  Claim ClaimPop() {
    uint64_t ticket = head_.load(std::memory_order_acquire);  // (3)
    uint64_t stamp;
    const Claim claim = AttemptPop(ticket, stamp, 1).first;
    if (claim.ok()) return claim;
    if (kAnswer == Answer::kWeak && stamp <= ticket) return Claim::Refusal(PopOutcome::kBusy);
    return ClaimPopSlowly<kAnswer>(ticket, stamp, 1).first;
  }

  // Claims up to `limit` values that are finished now, by one claim, as ClaimPushes() does slots.
  std::pair<Claim, std::size_t> ClaimPops(std::size_t limit) {
    uint64_t ticket = head_.load(std::memory_order_acquire);  // (3)
    return ClaimPopSlowly<Answer::kExact>(ticket, ticket + RingGeometry::kFull, limit);
  }

  // The value in a slot that a pop has claimed.
  static T& ValueOf(const Claim& claim) { return *claim.slot->value(); }

  // Destroys the value of a claimed slot and frees the slot.
  void Release(const Claim& claim) {
    claim.slot->value()->~T();
    Free(claim.slot, claim.ticket());
  }

  // The slot behind `claim`, inside one claim of several.
  Claim Next(const Claim& claim) const {
    const uint64_t next = view_.geometry.Next(claim.ticket());
    return {view_.SlotOf(next), next};
  }

  // ---- Whole operations on values that move without exceptions --------------------------------

  template <Answer kAnswer>
  PushResult<T> Push(T&& value) {
    const Claim claim = ClaimPush<kAnswer>();
    if (!claim.ok()) return PushResult<T>::Refused(claim.push_outcome(), std::move(value));
    Fill(claim, std::move(value));
    return PushResult<T>::Ok();
  }

  template <Answer kAnswer>
  PopResult<T> Pop() {
    const Claim claim = ClaimPop<kAnswer>();
    if (!claim.ok()) return PopResult<T>::None(claim.pop_outcome());
    PopResult<T> result(std::move(ValueOf(claim)));
    Release(claim);
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
  uint64_t PushCount() const { return CountOf(tail_); }
  uint64_t PopCount() const { return CountOf(head_); }

  std::size_t SizeHint() const {
    const uint64_t pops = PopCount();
    const uint64_t pushes = PushCount();
    return pushes < pops ? 0 : std::min<std::size_t>(pushes - pops, capacity());
  }

  std::size_t capacity() const { return view_.geometry.capacity(); }

 private:
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
      head_.store(next, std::memory_order_relaxed);  // Nobody else reads head_, then tail_.
      return true;
    } else {
      return head_.compare_exchange_weak(ticket, next, std::memory_order_release,  // (3)
                                         std::memory_order_acquire);               // (3)
    }
  }

  void Free(Slot* slot, uint64_t ticket) {
    slot->stamp.store(ticket + view_.geometry.lap_step(), std::memory_order_release);  // (2)
  }

  // Slots from `ticket` on, up to `limit`, with stamp == ticket + state; the first is.
  std::size_t CountReady(uint64_t ticket, std::size_t limit, uint64_t state) {
    limit = std::min(limit, capacity());
    std::size_t ready = 1;
    for (; ready < limit; ++ready) {
      ticket = view_.geometry.Next(ticket);
      if (view_.SlotOf(ticket)->stamp.load(std::memory_order_acquire) !=
          ticket + state) {  // (1), (2)
        break;
      }
    }
    return ready;
  }

  // Looks at the slot of `ticket` and claims it, and those behind it up to `limit`, if it is free.
  // If that fails, `stamp` says why; it equals `ticket`, which is tail_ again, if a push was
  // faster.
  std::pair<Claim, std::size_t> AttemptPush(uint64_t& ticket, uint64_t& stamp, std::size_t limit) {
    const View view = view_;
    Slot* const slot = view.SlotOf(ticket);
    stamp = slot->stamp.load(std::memory_order_acquire);  // (2)
    if (stamp != ticket) return {};
    const std::size_t count = limit == 1 ? 1 : CountReady(ticket, limit, 0);
    if (ClaimTail(ticket, view.geometry.Advance(ticket, count))) return {{slot, stamp}, count};
    stamp = ticket;
    return {};
  }

  // The loop around AttemptPush(), from a failed attempt on; apart, to keep the usual path small.
  template <Answer kAnswer>
  [[gnu::noinline]] std::pair<Claim, std::size_t> ClaimPushSlowly(uint64_t ticket, uint64_t stamp,
                                                                  std::size_t limit) {
    TurnWait<Atomics> wait;
    for (;;) {
      if (stamp != ticket) {
        const PushOutcome outcome = PushMiss<kAnswer>(stamp, ticket, wait);
        if (outcome != PushOutcome::kOk) return {Claim::Refusal(outcome), 0};
      }
      const std::pair<Claim, std::size_t> claim = AttemptPush(ticket, stamp, limit);
      if (claim.first.ok()) return claim;
    }
  }

  // The same for pops; `stamp` equals `ticket` + kFull if a pop was faster.
  std::pair<Claim, std::size_t> AttemptPop(uint64_t& ticket, uint64_t& stamp, std::size_t limit) {
    const View view = view_;
    Slot* const slot = view.SlotOf(ticket);
    stamp = slot->stamp.load(std::memory_order_acquire);  // (1)
    const uint64_t claimed = ticket;
    if (stamp != ticket + RingGeometry::kFull) return {};
    const std::size_t count = limit == 1 ? 1 : CountReady(ticket, limit, RingGeometry::kFull);
    if (ClaimHead(ticket, view.geometry.Advance(ticket, count))) return {{slot, claimed}, count};
    stamp = ticket + RingGeometry::kFull;
    return {};
  }

  template <Answer kAnswer>
  [[gnu::noinline]] std::pair<Claim, std::size_t> ClaimPopSlowly(uint64_t ticket, uint64_t stamp,
                                                                 std::size_t limit) {
    TurnWait<Atomics> wait;
    for (;;) {
      if (stamp != ticket + RingGeometry::kFull) {
        const PopOutcome outcome = PopMiss<kAnswer>(stamp, ticket, wait);
        if (outcome != PopOutcome::kOk) return {Claim::Refusal(outcome), 0};
      }
      const std::pair<Claim, std::size_t> claim = AttemptPop(ticket, stamp, limit);
      if (claim.first.ok()) return claim;
    }
  }

  // The slot of `ticket` was not free but had `stamp`. Says why, or kOk with a `ticket` to look at.
  template <Answer kAnswer>
  PushOutcome PushMiss(uint64_t stamp, uint64_t& ticket, TurnWait<Atomics>& wait) {
    if ((ticket & RingGeometry::kClosed) != 0) return PushOutcome::kClosed;
    if constexpr (kAnswer == Answer::kWeak) {
      if (stamp < ticket) return PushOutcome::kBusy;
    } else if (stamp < ticket && wait.Watch()) {
      Reload(tail_, ticket);
      return PushOutcome::kOk;
    } else {
      const uint64_t head = head_.load(std::memory_order_relaxed);
      if (!Atomics::Recheck(head + view_.geometry.lap_step() > ticket)) return PushOutcome::kFull;
    }
    if (!Reload(tail_, ticket)) wait.Once();
    return PushOutcome::kOk;
  }

  // The slot of `ticket` held no finished value but had `stamp`. Says why, or kOk with a `ticket`
  // to look at.
  template <Answer kAnswer>
  PopOutcome PopMiss(uint64_t stamp, uint64_t& ticket, TurnWait<Atomics>& wait) {
    if (stamp == ticket + RingGeometry::kHole) {
      SkipHole(ticket);
      return PopOutcome::kOk;
    }
    if constexpr (kAnswer == Answer::kWeak) {
      if (stamp <= ticket) return PopOutcome::kBusy;
    } else if (stamp <= ticket && wait.Watch()) {
      Reload(head_, ticket);
      return PopOutcome::kOk;
    } else {
      const uint64_t tail = tail_.load(std::memory_order_acquire);  // (5)
      if (!Atomics::Recheck(RingGeometry::WithoutFlags(tail) != ticket)) {
        return (tail & RingGeometry::kClosed) != 0 ? PopOutcome::kClosed : PopOutcome::kEmpty;
      }
    }
    if (!Reload(head_, ticket)) wait.Once();
    return PopOutcome::kOk;
  }

  // Claims and frees an abandoned slot, unless a pop is faster; `ticket` is then head_.
  void SkipHole(uint64_t& ticket) {
    const uint64_t hole = ticket;
    if (!ClaimHead(ticket, view_.geometry.Next(hole))) return;
    Free(view_.SlotOf(hole), hole);
    ticket = view_.geometry.Next(hole);
  }

  // A push has claimed a slot that the value of ticket `oldest` still fills. Takes that value out
  // as soon as it is the oldest, unless a pop does.
  void TakeOrAwait(const Claim& claim, uint64_t oldest, std::optional<T>& displaced) {
    TurnWait<Atomics> wait;
    for (;;) {
      const uint64_t stamp = claim.slot->stamp.load(std::memory_order_acquire);  // (1), (2)
      if (stamp == claim.ticket()) return;
      uint64_t head = head_.load(std::memory_order_relaxed);
      if (head == oldest && ClaimHead(head, view_.geometry.Next(oldest))) {
        if (stamp == oldest + RingGeometry::kFull) {
          displaced.emplace(std::move(ValueOf(claim)));
          ValueOf(claim).~T();
        }
        return;
      }
      wait.Once();
    }
  }

  uint64_t CountOf(const Word& counter) const {
    return view_.geometry.Position(counter.load(std::memory_order_relaxed));
  }

  // Sets `ticket` to the counter's value now; returns whether that is news.
  static bool Reload(const Word& counter, uint64_t& ticket) {
    const uint64_t now = counter.load(std::memory_order_acquire);  // (3), (4), (5)
    if (now == ticket) return false;
    ticket = now;
    return true;
  }

  std::unique_ptr<Slot[]> slots_;
  const View view_;
  alignas(kCacheLineSize) Word tail_{0};  // The ticket of the next push, and kClosed.
  alignas(kCacheLineSize) Word head_{0};  // The ticket of the next pop; no flags.
};

}  // namespace weft::mpmc_internal

#endif  // WEFT_MPMC_INTERNAL_LAP_RING_H_

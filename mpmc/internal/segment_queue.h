// mpmc/internal/segment_queue.h — the chain of segments behind UnboundedQueue, over any atomics.
//
//   tail_   the next ticket to push, and the closed bit: one fetch_add claims it. Past the end of a
//           segment the claim is void; whoever takes the lock first opens the next segment, which
//           sets tail_ to its first ticket and so forgets the void claims.
//   head_   the next ticket to pop, claimed by compare-and-swap after its slot was seen full.
//   chain   oldest_ -> next -> ... -> newest_; segments whose tickets are all popped leave it at
//           the front, are kept or discarded by the pool, and come back under another number.
//
// Nobody registers as a reader: segments stay addressable, and a slot stamped with ticket t is the
// slot of t. Pointers are hints where to look; the stamp and the claim of head_ decide. Only the
// holder of the lock changes the chain, so that no segment can leave it, come back, and be taken
// for what it was (the fault of a compare-and-swap on oldest_).
//
// Happens-before edges (each end names the other):
//   (1) full stamp: Fill stores it (release) -> CountFull loads it (acquire): the value is there.
//   (2) empty stamp: Empty stores 0 (release) -> IsClean loads it (acquire), then (4): the old
//       value is destroyed before its slot is used again.
//   (3) head claim: CAS of head_ (release) -> load of head_ (acquire) -> load of tail_: whatever
//       was pushed before a pop that we see claimed is in the tail that we read next. Makes "empty"
//       exact.
//   (4) opening: Open stores tail_ (release) -> a claim of a ticket, or the load before a claim by
//       CAS (acquire): the segment of the ticket is linked, and its slots are clean.
//   (5) a segment's constructor -> its pointer is stored (release) in next, newest_ or oldest_ ->
//       loaded (acquire).
//   (6) closing: final_ is stored, then the closed bit by a CAS of tail_ (release) -> load of tail_
//       (acquire) -> load of final_.
//   (7) copying: a pop copies a value and claims it by the CAS of head_ (release) -> Advance loads
//       head_ (acquire), then (4): the slot is filled again after the copy was made.
#ifndef WEFT_MPMC_INTERNAL_SEGMENT_QUEUE_H_
#define WEFT_MPMC_INTERNAL_SEGMENT_QUEUE_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "base/cache_line.h"
#include "mpmc/bulk_result.h"
#include "mpmc/internal/segment.h"
#include "mpmc/internal/segment_hints.h"
#include "mpmc/internal/segment_policy.h"
#include "mpmc/internal/segment_pool.h"
#include "mpmc/internal/spin_lock.h"
#include "mpmc/internal/turn_wait.h"
#include "mpmc/pop_result.h"
#include "mpmc/push_result.h"

namespace weft::mpmc_internal {

// See UnboundedQueue for the contract.
template <typename T, typename Atomics, typename Policy = SegmentPolicy<T>>
class SegmentQueue {
  static_assert(std::is_nothrow_move_constructible_v<T>,
                "UnboundedQueue<T>: a claimed slot must be filled, so T's move may not throw");
  static_assert(std::is_nothrow_destructible_v<T>,
                "UnboundedQueue<T>: T's destructor may not throw");

  template <typename U>
  using Atomic = typename Atomics::template Atomic<U>;
  using Segment = mpmc_internal::Segment<T, Atomics, Policy::kSlots>;
  using Ticket = Tickets<Policy::kSlots>;
  using Memory = typename Policy::Memory;
  using Pool = SegmentPool<Segment, Atomics, Memory, Policy::kSpares>;
  using Record = typename Segment::Record;
  using Copy = typename Segment::Copy;
  using Claim = SegmentClaim<Segment>;
  using LockHolder = SpinLockHolder<Atomics>;

  static_assert(alignof(Segment) <= Memory::kAlignment, "UnboundedQueue<T>: T is over-aligned");

 public:
  using value_type = T;
  static constexpr std::size_t kSegmentSlots = Policy::kSlots;
  static constexpr std::size_t kSegmentBytes = sizeof(Segment);

  SegmentQueue() {
    LockHolder lock(&lock_);
    Segment* const first = pool_.Take(kFirstNumber);
    newest_.store(first, std::memory_order_relaxed);
    oldest_.store(first, std::memory_order_relaxed);
  }

  SegmentQueue(const SegmentQueue&) = delete;
  SegmentQueue& operator=(const SegmentQueue&) = delete;

  ~SegmentQueue() {
    while (TryPop().has_value()) {
    }
  }

  PushResult<T> Push(T&& value) {
    const uint64_t ticket = TakeTicket();
    if (!Ticket::IsClaim(ticket)) return PushAfterVoidClaim(ticket, std::move(value));
    SegmentOf(ticket)->Fill(ticket, std::move(value));
    return PushResult<T>::Ok();
  }

  BulkPushResult PushBulk(std::span<T> values) {
    std::size_t done = 0;
    try {
      while (done < values.size()) {
        const Claim claim = ClaimUpTo(values.size() - done);
        if (claim.count == 0) break;
        claim.segment->FillFrom(claim.ticket, values.subspan(done, claim.count));
        done += claim.count;
      }
    } catch (const std::bad_alloc&) {
      if (done == 0) throw;
    }
    return {done == 0 && !values.empty() ? PushOutcome::kClosed : PushOutcome::kOk, done};
  }

  PopResult<T> TryPop() { return Pop<Patience::kExact>(); }
  PopResult<T> PollPop() { return Pop<Patience::kNone>(); }

  PopResult<T> SpinPop() {
    for (TurnWait<Atomics> wait;; wait.Once()) {
      PopResult<T> result = TryPop();
      if (result.outcome() != PopOutcome::kEmpty) return result;
    }
  }

  BulkPopResult TryPopBulk(std::span<T> out) {
    static_assert(
        std::is_nothrow_move_assignable_v<T>,
        "TryPopBulk(): a claimed value must arrive, so T's move assignment may not throw");
    BulkPopResult popped{PopOutcome::kOk, 0};
    std::array<Copy, kLongestRun> copies;
    while (popped.count < out.size()) {
      const std::span rest = out.subspan(popped.count);
      const std::span room = std::span(copies).first(std::min(copies.size(), rest.size()));
      const Claim claim =
          popped.count == 0 ? ClaimFull<Patience::kExact>(room) : ClaimFull<Patience::kNone>(room);
      if (claim.count == 0 && popped.count == 0) return {claim.outcome, 0};
      if (claim.count == 0) break;
      claim.segment->EmptyInto(claim.ticket, room.first(claim.count), rest);
      popped.count += claim.count;
      RetireAfter(claim);
    }
    return popped;
  }

  bool Close() {
    LockHolder lock(&lock_);
    uint64_t tail = tail_.load(std::memory_order_relaxed);
    while (!Ticket::IsClosed(tail)) {
      final_.store(Ticket::Normalized(tail), std::memory_order_relaxed);
      if (tail_.compare_exchange_weak(tail, tail | Ticket::kClosedBit,
                                      std::memory_order_release,  // (6)
                                      std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }

  bool IsClosed() const { return Ticket::IsClosed(tail_.load(std::memory_order_acquire)); }  // (6)

  bool IsEmpty() const {
    const uint64_t head = LoadHead();
    return End(tail_.load(std::memory_order_acquire)) == head;  // (3), (6)
  }

  std::size_t SizeHint() const {
    // The head first: the tail that is read after it is not before it.
    const uint64_t head = LoadHead();
    const uint64_t end = End(tail_.load(std::memory_order_acquire));  // (3), (6)
    return static_cast<std::size_t>(Ticket::Count(end) - Ticket::Count(head));
  }

 private:
  // What a pop does about a value whose push has claimed its ticket and not filled its slot: waits
  // for it, or gives up, and does not look whether there is one.
  enum class Patience { kExact, kNone };

  static constexpr uint64_t kFirstNumber = 1;
  static constexpr std::size_t kLongestRun = 64;  // So many values a bulk pop claims at once.

  // The place behind the last value, from a value of tail_ that was loaded with acquire.
  uint64_t End(uint64_t tail) const {
    return Ticket::IsClosed(tail) ? final_.load(std::memory_order_relaxed)
                                  : Ticket::Normalized(tail);
  }

  // The segment of a ticket that the caller has claimed and not yet filled: it is in the chain and
  // stays there.
  Segment* SegmentOf(uint64_t ticket) {
    const uint64_t number = Ticket::NumberOf(ticket);
    Segment* const newest = newest_.load(std::memory_order_acquire);  // (5)
    const bool is_newest = newest->number.load(std::memory_order_relaxed) == number;
    return is_newest ? newest : OlderSegment(number);
  }

  [[gnu::noinline]] Segment* OlderSegment(uint64_t number) {
    for (;;) {
      // Null if the first segment was recycled under our feet, and then oldest_ has moved. Relaxed:
      // it is not newer than ours, which (4) has made visible.
      Segment* const segment = Segment::Find(oldest_.load(std::memory_order_relaxed), number);
      if (segment != nullptr) return segment;
      Atomics::SpinPause();
    }
  }

  // Opens the segment behind `tail`'s, which is exhausted, and claims up to `limit` tickets of it.
  // Claims nothing if somebody else has opened it or the queue was closed. Throws std::bad_alloc.
  Claim Open(uint64_t tail, std::size_t limit) ABSL_EXCLUSIVE_LOCKS_REQUIRED(lock_) {
    const uint64_t now = tail_.load(std::memory_order_relaxed);
    if (Ticket::IsClosed(now) || Ticket::NumberOf(now) != Ticket::NumberOf(tail)) return {};
    const uint64_t first = Ticket::First(Ticket::NumberOf(tail) + 1);
    Segment* const segment = pool_.Take(Ticket::NumberOf(first));
    newest_.load(std::memory_order_relaxed)->next.store(segment, std::memory_order_release);  // (5)
    newest_.store(segment, std::memory_order_release);                                        // (5)
    const auto count = static_cast<uint32_t>(std::min<std::size_t>(limit, Policy::kSlots));
    tail_.store(first + count, std::memory_order_release);  // (4)
    Advance();
    return {segment, first, count};
  }

  // The claim of a push, if Ticket::IsClaim() says so.
  uint64_t TakeTicket() {
    // Most likely it will be this one: the lines of the slot and of the tail come at the same time.
    if constexpr (kHasCaches<Atomics>) {
      newest_.load(std::memory_order_relaxed)->Prefetch(tail_.load(std::memory_order_relaxed));
    }
    return tail_.fetch_add(1, std::memory_order_acquire);  // (4), (6)
  }

  // Goes on with a push that took `ticket`, which is behind the end of its segment or of the queue.
  [[gnu::noinline]] PushResult<T> PushAfterVoidClaim(uint64_t ticket, T&& value) {
    for (; !Ticket::IsClaim(ticket); ticket = TakeTicket()) {
      if (Ticket::IsClosed(ticket)) {
        return PushResult<T>::Refused(PushOutcome::kClosed, std::move(value));
      }
      const Claim claim = OpenAfterVoidClaim(ticket);
      if (claim.count == 0) continue;
      claim.segment->Fill(claim.ticket, std::move(value));
      return PushResult<T>::Ok();
    }
    SegmentOf(ticket)->Fill(ticket, std::move(value));
    return PushResult<T>::Ok();
  }

  Claim OpenAfterVoidClaim(uint64_t ticket) {
    LockHolder lock(&lock_);
    try {
      return Open(ticket, 1);
    } catch (...) {
      // Takes the void claim back: pushes that fail again and again must not add theirs up. The
      // segment is still the exhausted one, because only Open and Close end that, under the lock.
      tail_.fetch_sub(1, std::memory_order_relaxed);
      throw;
    }
  }

  // Claims up to `limit` tickets of one segment; none if the queue is closed. Throws bad_alloc.
  Claim ClaimUpTo(std::size_t limit) {
    for (;;) {
      uint64_t tail = tail_.load(std::memory_order_acquire);  // (4), (6)
      if (Ticket::IsClosed(tail)) return {};
      if (Ticket::IsClaim(tail)) {
        const auto count = static_cast<uint32_t>(
            std::min<std::size_t>(limit, Policy::kSlots - Ticket::IndexOf(tail)));
        if (tail_.compare_exchange_weak(tail, tail + count, std::memory_order_relaxed,
                                        std::memory_order_relaxed)) {
          return {SegmentOf(tail), tail, count};
        }
        continue;
      }
      LockHolder lock(&lock_);
      if (const Claim claim = Open(tail, limit); claim.count > 0) return claim;
    }
  }

  template <Patience kPatience>
  PopResult<T> Pop() {
    Copy copy;
    const Claim claim = ClaimFull<kPatience>({&copy, 1});
    if (claim.count == 0) return PopResult<T>::None(claim.outcome);
    PopResult<T> result = claim.segment->Empty(
        claim.ticket, copy, [](T&& value) { return PopResult<T>(std::move(value)); });
    RetireAfter(claim);
    return result;
  }

  // Claims up to copies.size() > 0 values of one segment; none if the queue is empty, or, without
  // patience, if the oldest value is not there yet.
  template <Patience kPatience>
  Claim ClaimFull(std::span<Copy> copies) {
    Claim claim{nullptr, LoadHead()};
    if (!TryClaim(claim, copies)) [[unlikely]]
      ClaimAfterMiss<kPatience>(claim, copies);
    return claim;
  }

  uint64_t LoadHead() const { return head_.load(std::memory_order_acquire); }  // (3)

  // Claims up to copies.size() values from claim.ticket on, or from where the head has gone
  // meanwhile. Returns false if the value of claim.ticket is not there.
  bool TryClaim(Claim& claim, std::span<Copy> copies) {
    for (SpinPhase<Atomics> collision;;) {
      claim.segment = Segment::Find(oldest_.load(std::memory_order_acquire),  // (5)
                                    Ticket::NumberOf(claim.ticket));
      claim.count = claim.segment == nullptr ? 0 : claim.segment->CountFull(claim.ticket, copies);
      if (claim.count == 0) return false;
      if (head_.compare_exchange_weak(claim.ticket, Ticket::Normalized(claim.ticket + claim.count),
                                      std::memory_order_release,  // (3), (7)
                                      std::memory_order_relaxed)) {
        return true;
      }
      collision.Once();  // The winner goes on with its line of the head.
      claim.ticket = LoadHead();
    }
  }

  template <Patience kPatience>
  [[gnu::noinline]] void ClaimAfterMiss(Claim& claim, std::span<Copy> copies) {
    if (kPatience == Patience::kExact && empty_place_.Linger(claim.ticket)) {
      claim.ticket = LoadHead();
      if (TryClaim(claim, copies)) return;
    }
    TurnWait<Atomics> wait;
    uint64_t awaited = 0;  // A ticket that is known to be claimed by a push; 0 is none.
    do {
      // The tail once for each ticket: looking at it slows the producers.
      if (kPatience == Patience::kExact && claim.ticket != awaited) {
        const uint64_t tail = tail_.load(std::memory_order_acquire);  // (3), (6)
        if (End(tail) == claim.ticket) {
          empty_place_.Note(claim.ticket);
          claim = Claim::None(Ticket::IsClosed(tail) ? PopOutcome::kClosed : PopOutcome::kEmpty);
          return;
        }
        awaited = claim.ticket;
      }
      const uint64_t now = LoadHead();
      if (now == claim.ticket) {
        if (kPatience == Patience::kNone) {
          claim = Claim::None(PopOutcome::kBusy);
          return;
        }
        wait.Once();
      }
      claim.ticket = now;
    } while (!TryClaim(claim, copies));
  }

  // Takes segments that are behind the head out of the chain, but for the newest.
  void Advance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(lock_) {
    const uint64_t number = Ticket::NumberOf(head_.load(std::memory_order_acquire));  // (7)
    for (;;) {
      Segment* const oldest = oldest_.load(std::memory_order_relaxed);
      if (oldest->number.load(std::memory_order_relaxed) == number) return;
      Segment* const next = oldest->next.load(std::memory_order_relaxed);
      if (next == nullptr) return;
      oldest_.store(next, std::memory_order_release);  // (5)
      pool_.Put(oldest);
    }
  }

  // After a claim that took the last ticket of its segment has been served: retires the segment.
  void RetireAfter(const Claim& claim) {
    if (Ticket::IndexOf(claim.ticket) + claim.count < Policy::kSlots) [[likely]]
      return;
    Record* surplus = nullptr;
    for (;;) {
      {
        LockHolder lock(&lock_);
        if (surplus != nullptr) pool_.PutDiscarded(surplus);
        Advance();
        surplus = pool_.TakeSurplus();
      }
      if (surplus == nullptr) return;
      if (!Memory::Discard(surplus->segment, sizeof(Segment))) surplus->segment->Clear();
    }
  }

  // Producers' line.
  alignas(kCacheLineSize) Atomic<uint64_t> tail_{Ticket::First(kFirstNumber)};
  Atomic<Segment*> newest_{nullptr};  // Written under lock_.

  // Consumers' line.
  alignas(kCacheLineSize) Atomic<uint64_t> head_{Ticket::First(kFirstNumber)};
  Atomic<Segment*> oldest_{nullptr};  // Written under lock_.
  [[no_unique_address]] EmptyPlace<Atomics> empty_place_;

  // The line of what is rare.
  alignas(kCacheLineSize) SpinLock<Atomics> lock_;
  Pool pool_ ABSL_GUARDED_BY(lock_);
  Atomic<uint64_t> final_{0};  // Where the values end; written before the closed bit, under lock_.
};

}  // namespace weft::mpmc_internal

#endif  // WEFT_MPMC_INTERNAL_SEGMENT_QUEUE_H_

// deque/deque.h — a work-stealing deque: one owner, many thieves.
//
// The owner pushes and pops at one end, like a stack, as fast as on a plain array; thieves take
// from the other end, oldest first. So the owner keeps working on what is warm in its cache, and a
// thief gets what would have waited longest (in divide-and-conquer work: the biggest piece).
// FifoDeque is the same with an owner that takes the oldest item too, as schedulers of tasks do
// that must not starve one another.
//
// Differs from mpmc/, where all threads are equal: here only the owner adds. injector.h is the
// queue through which everybody else adds.
//
// Trade-offs
//   Items of at most 8 bytes that are trivially copyable (pointers, handles, indices) and
//   std::unique_ptr lie in the slots; other types cost one allocation per item. The owner of a
//   Deque keeps new items to itself until a thief asks, which the thief pays for: it waits for the
//   owner's next push or pop, at most about a microsecond, and then publishes the items itself
//   with a system call (membarrier) that interrupts every processor on which this process runs.
//   One such call serves all thieves until the owner's next pop. While thieves keep coming, the
//   owner's pops cost a fence, as in Chase-Lev, and a steal gets one item.
//
// Guarantees
//   Thread safety    What says "Owner": the owner only (checked in debug builds). Stealers and
//                    hints: any thread. No call may overlap construction or destruction.
//   Exactly once     Each pushed item is returned by exactly one Pop or steal, or destroyed with
//                    the deque.
//   Order            Steals return the oldest item. Pop: the newest of a Deque, the oldest of a
//                    FifoDeque.
//   Memory ordering  If X pushed an item and Y popped or stole it, all X did before the push is
//                    visible to Y after it.
//   No stranded work A steal takes from an owner that is busy elsewhere, or asleep.
//   Progress         Lock-free: of the threads that compete for an item one always gets it. Push
//                    and Pop take a bounded number of steps between two successful steals. A steal
//                    spins for at most the time named above.
//   Complexity       O(1), Push amortised over growth. A pop that takes back shared items moves at
//                    most 256 words, each at most once for every time that it is shared. Memory: 8
//                    bytes a slot, a power of two of slots, less than twice that with the smaller
//                    buffers that are kept. The buffer halves whenever the owner finds the deque
//                    empty and it was never more than a quarter full since the last such time; the
//                    pages of the larger buffer go back to the system at once, its addresses (twice
//                    the largest buffer in all) with the deque.
//   Errors           Push may throw std::bad_alloc; the deque is then unchanged.
//   Lifetime         Stealers do not keep the deque alive.
//
// Example: deque_example.cc
// Algorithm: README.md § Design has it, with the argument. Without asymmetric barriers (old
// kernels, seccomp filters, or DequeBarriers::kFences): [ChaseLev2005], orders of [Le2013].
#ifndef WEFT_DEQUE_DEQUE_H_
#define WEFT_DEQUE_DEQUE_H_

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "base/atomics.h"
#include "base/check.h"
#include "base/thread_checker.h"
#include "deque/internal/ring_options.h"
#include "deque/internal/ring_word.h"
#include "deque/internal/slot.h"
#include "deque/internal/split_ring.h"
#include "deque/steal_result.h"

namespace weft {

// Which item the owner takes.
enum class DequeOrder {
  kLifo,  // the newest
  kFifo,  // the oldest
};

// How owner and thieves come to terms about the newest items of a LIFO deque.
enum class DequeBarriers {
  kAutomatic,  // without a fence on the owner's side where the kernel helps (membarrier)
  kFences,     // a full fence in each Pop: thieves never wait and never interrupt other processors
};

struct DequeOptions {
  // Room to start with; never fewer slots later. 1 to kMaxInitialCapacity of Deque; rounded up to a
  // power of two.
  std::size_t capacity = 64;
  // Most items at a time; positive. TryPush refuses more.
  std::size_t max_items = std::size_t{1} << 40;
  DequeBarriers barriers = DequeBarriers::kAutomatic;
};

template <typename T>
class Injector;
template <typename T>
class Stealer;

// The owner's end. Neither copied nor moved: stealers point to it.
template <typename T, DequeOrder order = DequeOrder::kLifo>
class Deque {
 public:
  static constexpr std::size_t kDefaultCapacity = 64;
  static constexpr std::size_t kMaxInitialCapacity = std::size_t{1} << 32;

  // Precondition (checked): the limits that DequeOptions names.
  explicit Deque(const DequeOptions& options) : ring_(RingOptionsOf(options)) {}
  explicit Deque(std::size_t capacity = kDefaultCapacity)
      : Deque(DequeOptions{.capacity = capacity}) {}

  Deque(const Deque&) = delete;
  Deque& operator=(const Deque&) = delete;

  // Destroys the items that nobody took. May run on any thread.
  ~Deque() {
    owner_.Release();
    while (Pop().has_value()) {
    }
  }

  // Owner. Adds an item. Precondition (checked): there are fewer than max_items.
  void Push(T item) {
    CheckOwner("Deque::Push()");
    const deque_internal::SlotWord word = Codec::Encode(std::move(item));
    if (PushWord(word)) [[likely]]
      return;
    FailFull();
  }

  // Owner. Adds an item, or hands it back if there are max_items.
  std::optional<T> TryPush(T item) {
    CheckOwner("Deque::Push()");
    const deque_internal::SlotWord word = Codec::Encode(std::move(item));
    if (PushWord(word)) [[likely]]
      return std::nullopt;
    return Codec::Decode(word);
  }

  // Owner. Adds all items in their order, moving from them. Thieves see none or all of those that
  // lie in slots; boxed ones come one by one, and if an allocation throws, those before it are in
  // the deque and the others untouched. Returns false, and leaves all, if there would be more than
  // max_items.
  bool TryPushAll(std::span<T> items) {
    if constexpr (Codec::kIsInline) {
      return TryPushEach(items.size(), [&](std::size_t i) { return std::move(items[i]); });
    } else {
      CheckOwner("Deque::PushAll()");
      if (!ring_.Reserve(static_cast<std::int64_t>(items.size()))) return false;
      for (T& item : items) (void)PushWord(Codec::Encode(std::move(item)));
      return true;
    }
  }

  // The same for items that lie in slots and are made by item_at(0), item_at(1), ..., `count` of
  // them, if there is room. Inlined.
  template <typename ItemAt>
    requires deque_internal::kFitsSlot<T>
  [[gnu::always_inline]] bool TryPushEach(std::size_t count, ItemAt item_at) {
    CheckOwner("Deque::PushAll()");
    const auto word_at = [&](std::int64_t i)
                             __attribute__((always_inline)) -> deque_internal::SlotWord {
      return Codec::Encode(item_at(static_cast<std::size_t>(i)));
    };
    return ring_.PushAll(static_cast<std::int64_t>(count), word_at);
  }

  // Owner. Takes the item that `order` says; empty when there is none.
  std::optional<T> Pop() {
    CheckOwner("Deque::Pop()");
    deque_internal::SlotWord word = 0;
    deque_internal::Taken taken;
    if constexpr (order == DequeOrder::kLifo) {
      taken = ring_.Pop(&word);
    } else {
      taken = ring_.PopOldest(1, &word) == 1 ? deque_internal::Taken::kItem
                                             : deque_internal::Taken::kEmpty;
    }
    if (taken != deque_internal::Taken::kItem) return std::nullopt;
    return Codec::Decode(word);
  }

  // Owner of a FifoDeque. Takes the oldest items, as many as there are and fit into `into` (at most
  // kMaxPops), in their order, at the price of one; returns how many.
  std::size_t PopUpTo(std::span<T> into)
    requires(order == DequeOrder::kFifo && std::is_trivially_copyable_v<T>)
  {
    CheckOwner("Deque::PopUpTo()");
    std::array<deque_internal::SlotWord, kMaxPops> words;
    const auto limit = static_cast<std::int64_t>(std::min(into.size(), kMaxPops));
    const auto count = static_cast<std::size_t>(ring_.PopOldest(limit, words.data()));
    for (std::size_t i = 0; i < count; ++i) into[i] = Codec::Decode(words[i]);
    return count;
  }
  static constexpr std::size_t kMaxPops = 64;

  // Owner. Lets another thread become the owner: the next that calls one of the owner's methods.
  // The caller sees to it that what it did before is visible to that thread (by a lock, a join, a
  // queue).
  void ReleaseOwnership() {
    CheckOwner("Deque::ReleaseOwnership()");
    owner_.Release();
  }

  // A handle for thieves; valid as long as this deque lives.
  weft::Stealer<T> stealer() { return weft::Stealer<T>(&ring_); }

  // Any thread. Number of items; exact for the owner when no thief is at work, else a hint.
  std::size_t SizeHint() const { return static_cast<std::size_t>(ring_.Size()); }

  // Any thread. Whether SizeHint() is 0.
  bool IsEmptyHint() const { return SizeHint() == 0; }

  // Owner. Number of items that fit without growing.
  std::size_t Capacity() const { return static_cast<std::size_t>(ring_.Capacity()); }

 private:
  friend class weft::Stealer<T>;
  friend class weft::Injector<T>;
  using Codec = deque_internal::SlotCodec<T>;
  using Ring = deque_internal::SplitRing<deque_internal::SlotWord, StdAtomics>;

  static deque_internal::RingOptions RingOptionsOf(const DequeOptions& options) {
    WEFT_CHECK(options.capacity > 0 && options.capacity <= kMaxInitialCapacity)
        << "Deque(capacity): expected 1 to " << kMaxInitialCapacity << ", found "
        << options.capacity;
    WEFT_CHECK(options.max_items > 0 && options.max_items <= DequeOptions().max_items)
        << "Deque(max_items): expected 1 to " << DequeOptions().max_items << ", found "
        << options.max_items;
    deque_internal::RingOptions ring;
    ring.capacity = static_cast<std::int64_t>(std::bit_ceil(options.capacity));
    ring.max_items = static_cast<std::int64_t>(options.max_items);
    if (order == DequeOrder::kFifo) {
      ring.mode = deque_internal::RingMode::kFifo;
    } else if (options.barriers == DequeBarriers::kFences ||
               !StdAtomics::AsymmetricBarriersAreAvailable()) {
      ring.mode = deque_internal::RingMode::kFenced;
    }
    return ring;
  }

  // For a thief that is the owner of this deque, before and after it takes a batch of up to `most`
  // items. Returns how many it may take: one, which does not come here, and those for which there
  // is room.
  std::size_t ReserveForBatch(std::size_t most) {
    CheckOwner("Deque::StealHalf()");
    return ring_.Reserve(static_cast<std::int64_t>(most) - 1) ? most : 1;
  }
  void PushRest(std::span<const deque_internal::SlotWord> words) {
    (void)ring_.PushAll(static_cast<std::int64_t>(words.size()) - 1,
                        [&](std::int64_t i) { return words[static_cast<std::size_t>(i) + 1]; });
  }

  [[noreturn]] [[gnu::noinline]] void FailFull() {
    WEFT_FATAL() << "Deque::Push(): expected room for an item, found max_items = "
                 << ring_.options().max_items
                 << " of them; use TryPush(), which hands the item back";
  }

  bool PushWord(deque_internal::SlotWord word) {
    if constexpr (Codec::kIsInline && std::is_trivially_copyable_v<T>) {
      return ring_.Push(word);
    } else {
      try {
        return ring_.Push(word);
      } catch (...) {
        (void)Codec::Decode(word);  // the item would leak
        throw;
      }
    }
  }

  void CheckOwner(const char* operation) {
    owner_.Check(operation, "the owner",
                 "take items through a Stealer, or let the owner call ReleaseOwnership() first");
  }

  Ring ring_;
  ThreadChecker owner_;
};

// A deque whose owner takes the oldest item, as thieves do. Pop is one compare-and-swap; a steal
// never waits and never interrupts another processor.
template <typename T>
using FifoDeque = Deque<T, DequeOrder::kFifo>;

// The thieves' end: a handle of one word, copied freely, used by any thread. Does not keep the
// deque alive.
template <typename T>
class Stealer {
 public:
  // Takes the oldest item. One attempt.
  StealResult<T> Steal() const {
    deque_internal::SlotWord word = 0;
    const deque_internal::Taken taken = ring_->Steal(&word);
    return deque_internal::ResultOf<T>(taken, word);
  }

  // Takes the oldest items, at most half of them and at most `limit` (and 64): returns the oldest
  // and pushes the others, in their order, to `into`, whose owner the caller must be, in one step.
  // A Deque that single steals keep busy, or with DequeBarriers::kFences, yields one. A bounded
  // `into` without room for more gets none. Precondition (checked): `limit` is positive and `into`
  // is another deque. May throw std::bad_alloc: nothing was taken.
  template <DequeOrder order>
  StealResult<T> StealHalf(Deque<T, order>* into, std::size_t limit = kMaxBatch) const {
    WEFT_CHECK(limit > 0 && &into->ring_ != ring_)
        << "Stealer::StealHalf(into, limit): expected another deque and a positive limit, found "
        << (limit > 0 ? "the victim itself" : "limit 0");
    const std::size_t half = std::max<std::size_t>((SizeHint() + 1) / 2, 1);
    const std::size_t most = into->ReserveForBatch(std::min({limit, half, kMaxBatch}));
    std::array<deque_internal::SlotWord, kMaxBatch> words;
    std::int64_t taken = 0;
    const deque_internal::Taken outcome =
        ring_->StealUpTo(static_cast<std::int64_t>(most), words.data(), &taken);
    if (outcome == deque_internal::Taken::kItem) {
      into->PushRest({words.data(), static_cast<std::size_t>(taken)});
    }
    return deque_internal::ResultOf<T>(outcome, words[0]);
  }

  // As Deque::SizeHint(), for choosing whom to steal from.
  std::size_t SizeHint() const { return static_cast<std::size_t>(ring_->Size()); }

  // As Deque::IsEmptyHint().
  bool IsEmptyHint() const { return SizeHint() == 0; }

  static constexpr std::size_t kMaxBatch = 64;

 private:
  template <typename U, DequeOrder order>
  friend class Deque;
  using Ring = deque_internal::SplitRing<deque_internal::SlotWord, StdAtomics>;

  explicit Stealer(Ring* ring) : ring_(ring) {}

  Ring* ring_;
};

}  // namespace weft

#endif  // WEFT_DEQUE_DEQUE_H_

// parker/internal/waiter_list.h — who waits at an event count, in the order in which they came.
//
// A doubly linked list through the waiters' own frames, behind a lock that only waiters and the
// notifiers who have somebody to wake take. A notifier takes waiters out under the lock and wakes
// them behind it, by Unparkers of its own, because a waiter may return as soon as it sees its
// notice.
//
// Each waiter gets a ticket, so that NotifyAll() can let those be who came while it was at work.
//
//   (1) WordLock: everything here but the notice is read and written under it.
//   (3) TakeOut's store of the notice (release) -> the waiter's load (acquire): what the notifier
//       did, and that it is done with the waiter.
#ifndef WEFT_PARKER_INTERNAL_WAITER_LIST_H_
#define WEFT_PARKER_INTERNAL_WAITER_LIST_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "parker/internal/word_lock.h"
#include "parker/parker.h"

namespace weft {

// Which of several waiters a notification for one goes to.
enum class WakeOrder : unsigned char {
  kOldestFirst,  // fair: nobody waits for ever while others are served
  kNewestFirst,  // warm: the thread that slept last has its data still in the cache, and the
                 // others sleep on
};

namespace parker_internal {

enum class Notice : uint32_t {
  kNone,   // in the list
  kOne,    // taken out by a notification for one
  kEvery,  // taken out by a notification for all
};

template <typename Atomics>
struct Waiter {
  template <typename T>
  using Plain = typename Atomics::template Plain<T>;

  explicit Waiter(const BasicParker<Atomics>& by) : parker(by) {}

  Plain<Waiter*> older{nullptr};
  Plain<Waiter*> newer{nullptr};
  Plain<uint64_t> ticket{0};
  const BasicParker<Atomics>& parker;
  typename Atomics::template Atomic<uint32_t> notice{static_cast<uint32_t>(Notice::kNone)};

  Notice LoadNotice() const {
    return static_cast<Notice>(notice.load(std::memory_order_acquire));  // (3)
  }
};

template <typename Atomics>
class WaiterList {
 public:
  using Waiter = parker_internal::Waiter<Atomics>;
  using Lock = WordLockHolder<Atomics>;

  // The first ticket is `first_ticket`.
  explicit WaiterList(WakeOrder order, uint64_t first_ticket)
      : order_(order), next_ticket_(first_ticket) {}

  WordLock<Atomics>& lock() { return lock_; }

  // The rest is under the lock, except NotifyUpTo().

  void Add(Waiter* waiter) {
    waiter->ticket.Write(next_ticket_.Read());
    next_ticket_.Write(next_ticket_.Read() + 1);
    waiter->older.Write(newest_.Read());
    (IsEmpty() ? oldest_ : newest_.Read()->newer).Write(waiter);
    newest_.Write(waiter);
  }

  void Remove(Waiter* waiter) {
    Waiter* const older = waiter->older.Read();
    Waiter* const newer = waiter->newer.Read();
    (older == nullptr ? oldest_ : older->newer).Write(newer);
    (newer == nullptr ? newest_ : newer->older).Write(older);
  }

  bool IsEmpty() const { return newest_.Read() == nullptr; }

  // Notifies and wakes up to `count` waiters, or with kEvery all that are in the list now. Calls
  // `after_change` under the lock when waiters have been taken out. Returns how many.
  template <typename F>
  size_t NotifyUpTo(size_t count, Notice notice, F after_change);

 private:
  // Wakes go out in bundles of this size, so that notifying many needs no memory.
  static constexpr size_t kBundle = 16;

  struct Bundle {
    std::array<std::optional<BasicUnparker<Atomics>>, kBundle> unparkers;
    size_t size = 0;
  };

  // The next waiter for `notice`; null if there is none. kEvery: one with a ticket before `end`.
  Waiter* Next(Notice notice, uint64_t end) const {
    if (notice == Notice::kOne) {
      return order_ == WakeOrder::kNewestFirst ? newest_.Read() : oldest_.Read();
    }
    Waiter* const oldest = oldest_.Read();
    // Tickets may wrap; the distance between two does not.
    const bool is_meant =
        oldest != nullptr && static_cast<int64_t>(oldest->ticket.Read() - end) < 0;
    return is_meant ? oldest : nullptr;
  }

  void TakeOut(Waiter* waiter, Notice notice, Bundle* bundle) {
    Remove(waiter);
    bundle->unparkers[bundle->size++].emplace(waiter->parker.unparker());
    waiter->notice.store(static_cast<uint32_t>(notice), std::memory_order_release);  // (3)
  }

  const WakeOrder order_;
  WordLock<Atomics> lock_;
  typename Atomics::template Plain<Waiter*> oldest_{nullptr};
  typename Atomics::template Plain<Waiter*> newest_{nullptr};
  typename Atomics::template Plain<uint64_t> next_ticket_;
};

template <typename Atomics>
template <typename F>
size_t WaiterList<Atomics>::NotifyUpTo(size_t count, Notice notice, F after_change) {
  std::optional<uint64_t> end;  // the first ticket that came after this call
  size_t notified = 0;
  while (notified < count) {
    Bundle bundle;
    {
      const Lock holder(lock_);
      if (!end.has_value()) end = next_ticket_.Read();
      while (bundle.size < kBundle && notified + bundle.size < count) {
        Waiter* const waiter = Next(notice, *end);
        if (waiter == nullptr) break;
        TakeOut(waiter, notice, &bundle);
      }
      if (bundle.size > 0) after_change();
    }
    for (size_t i = 0; i < bundle.size; ++i) bundle.unparkers[i]->Unpark();
    notified += bundle.size;
    if (bundle.size < kBundle) break;
  }
  return notified;
}

}  // namespace parker_internal
}  // namespace weft

#endif  // WEFT_PARKER_INTERNAL_WAITER_LIST_H_

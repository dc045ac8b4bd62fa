// future/internal/oneshot_cell.h — one value on its way from a sender to a task that may wait for
// it.
//
// What the two ends of a promise (promise.h) and of a oneshot (//channel:oneshot) share. One word
// says what each end has done; whoever leaves last deletes the cell. Sending to a receiver that has
// not asked yet, and receiving what is there already, is one read-modify-write together.
//
// The waker belongs to the receiver until kWaiting is set, and again after the receiver has cleared
// it before anything came. While kWaiting is set both ends may read it; nobody writes it.
//
// Edges: (1) the end of the sender's part, with the value, to the receiver that sees it. (2) The
// registration of the waker to the sender that uses it. (3) The leaving of one end to the deletion
// by the other.
#ifndef WEFT_FUTURE_INTERNAL_ONESHOT_CELL_H_
#define WEFT_FUTURE_INTERNAL_ONESHOT_CELL_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/atomics.h"
#include "future/waker.h"

namespace weft::future_internal {

// What a receiver finds.
enum class OneshotArrival : unsigned char {
  kNotYet,  // nothing; a value may come
  kValue,   // a value, to be taken by Take()
  kNever,   // nothing, and nothing will come
};

// Lives on the heap, for one sender and one receiver. The calls of each end do not overlap.
template <typename T, typename Atomics>
class BasicOneshotCell {
  static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T>,
                "a value that is handed over is moved and destroyed where no exception can be "
                "handled");

 public:
  BasicOneshotCell() = default;
  BasicOneshotCell(const BasicOneshotCell&) = delete;
  BasicOneshotCell& operator=(const BasicOneshotCell&) = delete;

  // ---- The sender. Send() and Abandon() end its part: the cell may be gone when they return.

  // Moves from `value` and wakes the receiver, unless that one wants nothing any more; returns
  // whether it did.
  bool Send(T& value) {
    value_.emplace(std::move(value));
    if (Finish(kHasValue)) return true;
    value = *std::move(value_);
    value_.reset();
    LeaveAs(kSenderIsOut);
    return false;
  }

  // Goes without a value, and wakes the receiver.
  void Abandon() {
    if (!Finish(kIsAbandoned)) LeaveAs(kSenderIsOut);
  }

  // Whether the receiver wants nothing any more.
  bool IsClosed() const { return (word_.load(std::memory_order_relaxed) & kIsClosed) != 0; }

  // ---- The receiver.

  OneshotArrival Look() const {
    return ArrivalOf(word_.load(std::memory_order_acquire));  // (1)
  }

  // Looks, and has `waker` woken when there is more to see.
  OneshotArrival Await(const Waker& waker) {
    uint32_t word = word_.load(std::memory_order_acquire);  // (1)
    if ((word & kIsWaiting) != 0 && ArrivalOf(word) == OneshotArrival::kNotYet) {
      if (waker_.Read().WillWake(waker)) return OneshotArrival::kNotYet;
      word = ClearWaiting();
    }
    if (ArrivalOf(word) != OneshotArrival::kNotYet) return ArrivalOf(word);
    waker_.Write(waker.Clone());
    word = word_.fetch_or(kIsWaiting, std::memory_order_acq_rel);  // (1), (2)
    return ArrivalOf(word);
  }

  // The value. Precondition: the last arrival was kValue. It is kNever from now on.
  T Take() {
    T value = *std::move(value_);
    value_.reset();
    return value;
  }

  // Wakes nobody any more, unless that is under way.
  void ForgetWaker() {
    const uint32_t word = word_.load(std::memory_order_relaxed);
    if ((word & kIsWaiting) == 0 || (word & kIsFinished) != 0) return;
    if (ArrivalOf(ClearWaiting()) == OneshotArrival::kNotYet) waker_.Write(Waker());
  }

  // Wants no value any more; one that is there stays. Wakes the receiver's own waker: nothing will
  // come.
  void Close() {
    const uint32_t word = word_.fetch_or(kIsClosed, std::memory_order_relaxed);
    if ((word & (kIsWaiting | kIsFinished)) == kIsWaiting) waker_.Read().WakeByRef();
  }

  // Leaves, and a value that is there is destroyed. The cell may be gone when it returns.
  void Leave() {
    ForgetWaker();
    const uint32_t word = word_.load(std::memory_order_acquire);  // (1), (3)
    if ((word & kHasValue) != 0) value_.reset();
    if ((word & kSenderIsOut) != 0) {
      delete this;
    } else {
      LeaveAs(kReceiverIsOut | kIsClosed);
    }
  }

 private:
  static constexpr uint32_t kHasValue = 1;     // the sender has put a value
  static constexpr uint32_t kIsAbandoned = 2;  // the sender has gone without
  static constexpr uint32_t kIsFinished = kHasValue | kIsAbandoned;
  static constexpr uint32_t kIsWaiting = 4;     // the waker is set
  static constexpr uint32_t kIsClosed = 8;      // the receiver wants no value
  static constexpr uint32_t kSenderIsOut = 16;  // each end: it touches the cell no more
  static constexpr uint32_t kReceiverIsOut = 32;

  // Called by the receiver, with a word that it has acquired.
  OneshotArrival ArrivalOf(uint32_t word) const {
    if ((word & kHasValue) != 0) {
      return value_.has_value() ? OneshotArrival::kValue : OneshotArrival::kNever;
    }
    return (word & (kIsAbandoned | kIsClosed)) != 0 ? OneshotArrival::kNever
                                                    : OneshotArrival::kNotYet;
  }

  uint32_t ClearWaiting() {
    return word_.fetch_and(~kIsWaiting, std::memory_order_acquire);  // (1)
  }

  // Ends the sender's part and wakes the receiver; false, and nothing, if that one is closed.
  bool Finish(uint32_t how) {
    uint32_t word = word_.load(std::memory_order_relaxed);
    while (true) {
      if ((word & kIsClosed) != 0) return false;
      const bool is_last_touch = (word & kIsWaiting) == 0;
      const uint32_t next = word | how | (is_last_touch ? kSenderIsOut : 0);
      if (word_.compare_exchange_weak(word, next, std::memory_order_acq_rel,  // (1), (2), (3)
                                      std::memory_order_relaxed)) {
        if (is_last_touch) return true;
        break;
      }
    }
    waker_.Read().WakeByRef();
    LeaveAs(kSenderIsOut);
    return true;
  }

  void LeaveAs(uint32_t bits) {
    constexpr uint32_t kBothAreOut = kSenderIsOut | kReceiverIsOut;
    const uint32_t other = kBothAreOut & ~bits;
    if ((word_.fetch_or(bits, std::memory_order_acq_rel) & other) != 0) delete this;  // (3)
  }

  typename Atomics::template Atomic<uint32_t> word_{0};
  typename Atomics::template Plain<Waker> waker_;
  std::optional<T> value_;  // the sender's until (1), then the receiver's
};

template <typename T>
using OneshotCell = BasicOneshotCell<T, StdAtomics>;

}  // namespace weft::future_internal

#endif  // WEFT_FUTURE_INTERNAL_ONESHOT_CELL_H_

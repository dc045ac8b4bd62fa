// mpmc/internal/spsc_ring.h — the ring behind SpscQueue, over any atomics.
//
// A position runs through two laps, 0 to 2 * capacity - 1, so that full (a lap apart) and empty
// (equal) differ without a spare slot. Each side publishes its position, and remembers where it
// will have to stop by what it last saw of the other one's; only there it looks again, so that in a
// stream two lines change hands once in many operations. The top bit of a published position says
// that its side has ended. A side that has ended stops where it is.
//
// Happens-before edges:
//   (1) Publish stores the producer's count (release) -> the consumer loads it (acquire): the
//       values are in their slots, and all that came before the end.
//   (2) PopFront stores the consumer's count (release) -> the producer loads it (acquire): the old
//       value is destroyed before its slot is used again.
#ifndef WEFT_MPMC_INTERNAL_SPSC_RING_H_
#define WEFT_MPMC_INTERNAL_SPSC_RING_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include "base/cache_line.h"
#include "base/check.h"
#include "base/thread_checker.h"
#include "mpmc/bulk_result.h"
#include "mpmc/pop_result.h"
#include "mpmc/push_result.h"

namespace weft::mpmc_internal {

// See SpscQueue for the contract.
template <typename T, typename Atomics>
class SpscRing {
  static_assert(std::is_nothrow_destructible_v<T>, "SpscQueue<T>: T's destructor may not throw");

 public:
  static constexpr std::size_t kMaxCapacity = std::size_t{1} << 40;

  explicit SpscRing(std::size_t capacity) : capacity_(capacity) {
    WEFT_CHECK(capacity >= 1 && capacity <= kMaxCapacity)
        << "SpscQueue(capacity): expected 1 to " << kMaxCapacity << " slots, found " << capacity;
    slots_ = std::make_unique_for_overwrite<Slot[]>(capacity);
    producer_.stop = capacity;
  }

  SpscRing(const SpscRing&) = delete;
  SpscRing& operator=(const SpscRing&) = delete;

  ~SpscRing() {
    uint64_t head = consumer_.Own() & ~kEnd;
    const uint64_t tail = producer_.Own() & ~kEnd;
    for (; head != tail; head = After(head, 1)) std::destroy_at(ValueAt(head));
    if (producer_.prepared) std::destroy_at(ValueAt(tail));
  }

  // ---- The producer's side ----

  PushResult<T> TryPush(T&& value) {
    CheckProducer("TryPush()");
    const uint64_t tail = producer_.Own();
    if (tail == producer_.stop) [[unlikely]] {
      if (const PushOutcome outcome = FindRoom(); outcome != PushOutcome::kOk) {
        return PushResult<T>::Refused(outcome, std::move(value));
      }
    }
    ConstructAt(tail, std::move(value));
    Publish(tail, 1);
    return PushResult<T>::Ok();
  }

  template <typename... Args>
  T* TryPrepare(Args&&... args) {
    CheckProducer("TryPrepare()");
    const uint64_t tail = producer_.Own();
    if (tail == producer_.stop && FindRoom() != PushOutcome::kOk) return nullptr;
    T* const value = ConstructAt(tail, std::forward<Args>(args)...);
    producer_.prepared = true;
    return value;
  }

  void PublishPrepared() {
    WEFT_CHECK(producer_.prepared)
        << "SpscQueue::Publish(): expected a value that TryPrepare() returned, found none";
    producer_.prepared = false;
    Publish(producer_.Own(), 1);
  }

  BulkPushResult TryPushBulk(std::span<T> values) {
    static_assert(std::is_nothrow_move_constructible_v<T>,
                  "TryPushBulk(): either all or none of a run arrives, so T's move may not throw");
    CheckProducer("TryPushBulk()");
    if (values.empty()) return {PushOutcome::kOk, 0};
    const uint64_t tail = producer_.Own();
    if (producer_.ended || Distance(tail, producer_.stop) < values.size()) {
      if (const PushOutcome outcome = FindRoom(); outcome != PushOutcome::kOk) return {outcome, 0};
    }
    const std::size_t count = std::min<std::size_t>(Distance(tail, producer_.stop), values.size());
    for (std::size_t i = 0; i < count; ++i) ConstructAt(After(tail, i), std::move(values[i]));
    Publish(tail, count);
    return {PushOutcome::kOk, count};
  }

  void Close() {
    CheckProducer("Close()");
    End(producer_);
  }

  // ---- The consumer's side ----

  // The oldest value, or null.
  T* Front() {
    CheckConsumer("Front()");
    const uint64_t head = consumer_.Own();
    if (head == consumer_.stop && FindValues() != PopOutcome::kOk) return nullptr;
    return ValueAt(head);
  }

  // The values from the oldest on that lie side by side, all that are known without a look at the
  // producer; none only if there is none.
  std::span<T> Readable() {
    T* const front = Front();
    if (front == nullptr) return {};
    const uint64_t head = consumer_.Own();
    return {front, static_cast<std::size_t>(
                       std::min(Distance(head, consumer_.stop), capacity_ - IndexOf(head)))};
  }

  // Ends the `count` oldest values, which lie side by side.
  void PopFront(std::size_t count) {
    CheckConsumer("PopFront()");
    const uint64_t head = consumer_.Own();
    WEFT_DCHECK(count <= Distance(head, consumer_.stop) && count <= capacity_ - IndexOf(head))
        << "SpscQueue::PopFront(" << count << "): expected at most the number of values that "
        << "Front() or Readable() has shown, found " << Distance(head, consumer_.stop);
    std::destroy_n(ValueAt(head), count);
    consumer_.position.store(After(head, count), std::memory_order_release);  // (2)
  }

  bool IsDrained() { return Front() == nullptr && FindValues() == PopOutcome::kClosed; }

  PopResult<T> TryPop() {
    CheckConsumer("TryPop()");
    const uint64_t head = consumer_.Own();
    if (head == consumer_.stop) [[unlikely]] {
      const PopOutcome outcome = FindValues();
      if (outcome != PopOutcome::kOk) return PopResult<T>::None(outcome);
    }
    PopResult<T> result(std::move(*ValueAt(head)));
    PopFront(1);
    return result;
  }

  BulkPopResult TryPopBulk(std::span<T> out) {
    CheckConsumer("TryPopBulk()");
    if (out.empty()) return {PopOutcome::kOk, 0};
    if (consumer_.ended || Distance(consumer_.Own(), consumer_.stop) < out.size()) {
      if (const PopOutcome outcome = FindValues(); outcome != PopOutcome::kOk) return {outcome, 0};
    }
    std::size_t done = 0;
    // Two runs at most: up to the last slot, and from the first.
    while (done < out.size() && consumer_.Own() != consumer_.stop) {
      const std::span<T> run = Readable();
      const std::size_t count = std::min(run.size(), out.size() - done);
      std::move(run.begin(), run.begin() + static_cast<std::ptrdiff_t>(count),
                out.begin() + static_cast<std::ptrdiff_t>(done));
      PopFront(count);
      done += count;
    }
    return {PopOutcome::kOk, done};
  }

  void Abandon() {
    CheckConsumer("Abandon()");
    End(consumer_);
  }

  // ---- Anyone ----

  std::size_t SizeHint() const {
    // The consumer's position first. The producer's is not before it, which (2) says too; hence
    // relaxed. It may be more than a lap ahead of it, when both have gone on in between.
    const uint64_t head = consumer_.position.load(std::memory_order_acquire) & ~kEnd;  // (2)
    const uint64_t tail = producer_.Own() & ~kEnd;
    return static_cast<std::size_t>(std::min(Distance(head, tail), capacity_));
  }

  std::size_t capacity() const { return static_cast<std::size_t>(capacity_); }
  void ReleaseProducer() { producer_.thread.Release(); }
  void ReleaseConsumer() { consumer_.thread.Release(); }

 private:
  struct Slot {
    alignas(T) unsigned char storage[sizeof(T)];
  };
  static_assert(sizeof(Slot) == sizeof(T));  // Readable() shows slots as an array of T.

  static constexpr uint64_t kEnd = uint64_t{1} << 63;

  // One side. Only `position` is seen by the other one.
  struct alignas(kCacheLineSize) Side {
    typename Atomics::template Atomic<uint64_t> position{0};
    uint64_t stop = 0;      // Where to look at the other side before going on.
    bool ended = false;     // This side has ended.
    bool prepared = false;  // Producer: the next slot holds a value that is not published.
    ThreadChecker thread;

    uint64_t Own() const { return position.load(std::memory_order_relaxed); }
  };

  // The slot of a position.
  uint64_t IndexOf(uint64_t position) const {
    return position < capacity_ ? position : position - capacity_;
  }
  T* ValueAt(uint64_t position) {
    return std::launder(reinterpret_cast<T*>(slots_[IndexOf(position)].storage));
  }
  template <typename... Args>
  T* ConstructAt(uint64_t position, Args&&... args) {
    WEFT_DCHECK(!producer_.prepared)
        << "SpscQueue: expected Publish() after TryPrepare(), found another push";
    return ::new (static_cast<void*>(slots_[IndexOf(position)].storage))
        T(std::forward<Args>(args)...);
  }

  // The position `count` <= capacity behind `position`.
  uint64_t After(uint64_t position, uint64_t count) const {
    position += count;
    if (position >= 2 * capacity_) [[unlikely]] {  // A branch: the next position need not wait.
      position -= 2 * capacity_;
    }
    return position;
  }
  // How far `to` is behind `from`.
  uint64_t Distance(uint64_t from, uint64_t to) const {
    return to >= from ? to - from : to + 2 * capacity_ - from;
  }

  void Publish(uint64_t tail, uint64_t count) {
    producer_.position.store(After(tail, count), std::memory_order_release);  // (1)
  }

  // Looks how far the producer may go.
  PushOutcome FindRoom() {
    if (producer_.ended) return PushOutcome::kClosed;
    const uint64_t head = consumer_.position.load(std::memory_order_acquire);  // (2)
    producer_.stop = After(head & ~kEnd, capacity_);
    if (producer_.stop != producer_.Own()) return PushOutcome::kOk;
    return (head & kEnd) != 0 ? PushOutcome::kClosed : PushOutcome::kFull;
  }

  // Looks how far the consumer may go.
  PopOutcome FindValues() {
    if (consumer_.ended) return PopOutcome::kClosed;
    const uint64_t tail = producer_.position.load(std::memory_order_acquire);  // (1)
    consumer_.stop = tail & ~kEnd;
    if (consumer_.stop != consumer_.Own()) return PopOutcome::kOk;
    return (tail & kEnd) != 0 ? PopOutcome::kClosed : PopOutcome::kEmpty;
  }

  static void End(Side& side) {
    if (side.ended) return;
    side.ended = true;
    side.stop = side.Own() | kEnd;
    side.position.store(side.stop, std::memory_order_release);  // (1), (2)
  }

  void CheckProducer(const char* operation) {
    producer_.thread.Check(operation, "SpscQueue's producer",
                           "hand the role over with ReleaseProducer()");
  }
  void CheckConsumer(const char* operation) {
    consumer_.thread.Check(operation, "SpscQueue's consumer",
                           "hand the role over with ReleaseConsumer()");
  }

  // Constant after construction.
  uint64_t capacity_;
  std::unique_ptr<Slot[]> slots_;

  Side producer_;
  Side consumer_;
};

}  // namespace weft::mpmc_internal

#endif  // WEFT_MPMC_INTERNAL_SPSC_RING_H_

// mpmc/internal/spsc_ring.h — the ring behind SpscQueue, over any atomics.
//
// Each side counts its operations and publishes its count; a free-running count tells full from
// empty without a spare slot. Each side keeps what it knows about the other side's count on its own
// cache line and looks again only when that says that it cannot go on, so that in a stream two
// lines change hands once in many operations. The top bit of a count says that its side has ended.
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
  }

  SpscRing(const SpscRing&) = delete;
  SpscRing& operator=(const SpscRing&) = delete;

  ~SpscRing() {
    ReleaseConsumer();
    while (T* const value = Front()) {
      (void)value;
      PopFront(1);
    }
    if (producer_.prepared) std::destroy_at(ValueAt(producer_.index));
  }

  // ---- The producer's side ----

  PushOutcome CanPush() {
    CheckProducer("TryPush()");
    if (producer_.ended) return PushOutcome::kClosed;
    return Room() > 0 ? PushOutcome::kOk
                      : (producer_.other_ended ? PushOutcome::kClosed : PushOutcome::kFull);
  }

  // Constructs a value in the next slot, which CanPush() has found free; nobody sees it before
  // Publish(1).
  template <typename... Args>
  T* Construct(Args&&... args) {
    return ::new (static_cast<void*>(slots_[producer_.index].storage))
        T(std::forward<Args>(args)...);
  }

  void Publish(std::size_t count) {
    producer_.own += count;
    producer_.index = IndexAfter(producer_.index, count);
    producer_.count.store(producer_.own, std::memory_order_release);  // (1)
  }

  PushResult<T> TryPush(T&& value) {
    CheckNothingPrepared("TryPush()");
    if (const PushOutcome outcome = CanPush(); outcome != PushOutcome::kOk) {
      return PushResult<T>::Refused(outcome, std::move(value));
    }
    Construct(std::move(value));
    Publish(1);
    return PushResult<T>::Ok();
  }

  template <typename... Args>
  T* TryPrepare(Args&&... args) {
    CheckNothingPrepared("TryPrepare()");
    if (CanPush() != PushOutcome::kOk) return nullptr;
    T* const value = Construct(std::forward<Args>(args)...);
    producer_.prepared = true;
    return value;
  }

  void PublishPrepared() {
    WEFT_CHECK(producer_.prepared)
        << "SpscQueue::Publish(): expected a value that TryPrepare() returned, found none";
    producer_.prepared = false;
    Publish(1);
  }

  BulkPushResult TryPushBulk(std::span<T> values) {
    static_assert(std::is_nothrow_move_constructible_v<T>,
                  "TryPushBulk(): either all or none of a run arrives, so T's move may not throw");
    CheckNothingPrepared("TryPushBulk()");
    if (values.empty()) return {PushOutcome::kOk, 0};
    if (const PushOutcome outcome = CanPush(); outcome != PushOutcome::kOk) return {outcome, 0};
    if (Room() < values.size()) LookAtConsumer();
    const std::size_t count = std::min<std::size_t>(Room(), values.size());
    std::size_t index = producer_.index;
    for (T& value : values.first(count)) {
      ::new (static_cast<void*>(slots_[index].storage)) T(std::move(value));
      index = IndexAfter(index, 1);
    }
    Publish(count);
    return {PushOutcome::kOk, count};
  }

  void Close() {
    CheckProducer("Close()");
    producer_.ended = true;
    producer_.count.store(producer_.own | kEnd, std::memory_order_release);  // (1)
  }

  // ---- The consumer's side ----

  // The oldest value, or null.
  T* Front() { return Readable().data(); }

  // The values from the oldest on that lie side by side, all that are known without a look at the
  // producer; none only if there is none.
  std::span<T> Readable() {
    CheckConsumer("Front()");
    if (consumer_.other == consumer_.own) LookAtProducer();
    const uint64_t count =
        std::min<uint64_t>(consumer_.other - consumer_.own, capacity_ - consumer_.index);
    if (count == 0) return {};
    return {ValueAt(consumer_.index), static_cast<std::size_t>(count)};
  }

  // Ends the `count` oldest values, which lie side by side.
  void PopFront(std::size_t count) {
    CheckConsumer("PopFront()");
    WEFT_DCHECK(count <= consumer_.other - consumer_.own && count <= capacity_ - consumer_.index)
        << "SpscQueue::PopFront(" << count << "): expected at most the number of values that "
        << "Front() or Readable() has shown, found " << consumer_.other - consumer_.own;
    std::destroy_n(ValueAt(consumer_.index), count);
    consumer_.own += count;
    consumer_.index = IndexAfter(consumer_.index, count);
    const uint64_t end = consumer_.ended ? kEnd : 0;
    consumer_.count.store(consumer_.own | end, std::memory_order_release);  // (2)
  }

  bool IsDrained() { return Readable().empty() && consumer_.other_ended; }

  PopOutcome WhyEmpty() const {
    return consumer_.other_ended ? PopOutcome::kClosed : PopOutcome::kEmpty;
  }

  PopResult<T> TryPop() {
    T* const value = Front();
    if (value == nullptr) return PopResult<T>::None(WhyEmpty());
    PopResult<T> result(std::move(*value));
    PopFront(1);
    return result;
  }

  BulkPopResult TryPopBulk(std::span<T> out) {
    if (out.empty()) return {PopOutcome::kOk, 0};
    if (Front() == nullptr) return {WhyEmpty(), 0};
    if (consumer_.other - consumer_.own < out.size()) LookAtProducer();
    std::size_t done = 0;
    // Two runs at most: up to the last slot, and from the first.
    while (done < out.size() && consumer_.other != consumer_.own) {
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
    consumer_.ended = true;
    consumer_.count.store(consumer_.own | kEnd, std::memory_order_release);  // (2)
  }

  // ---- Anyone ----

  std::size_t SizeHint() const {
    // The consumer's count first. The producer's is not before it, which (2) says too; hence
    // relaxed.
    const uint64_t popped = consumer_.count.load(std::memory_order_acquire) & ~kEnd;  // (2)
    const uint64_t pushed = producer_.count.load(std::memory_order_relaxed) & ~kEnd;
    return static_cast<std::size_t>(std::min<uint64_t>(pushed - popped, capacity_));
  }

  std::size_t capacity() const { return capacity_; }
  void ReleaseProducer() { producer_.thread.Release(); }
  void ReleaseConsumer() { consumer_.thread.Release(); }

 private:
  struct Slot {
    alignas(T) unsigned char storage[sizeof(T)];
  };
  static_assert(sizeof(Slot) == sizeof(T));  // Readable() shows slots as an array of T.

  static constexpr uint64_t kEnd = uint64_t{1} << 63;

  // One side. Only `count` is seen by the other one.
  struct alignas(kCacheLineSize) Side {
    typename Atomics::template Atomic<uint64_t> count{0};
    uint64_t own = 0;          // What `count` says, without the end.
    uint64_t other = 0;        // The other side's count, when last looked at.
    std::size_t index = 0;     // The slot of the next operation.
    bool ended = false;        // This side has ended.
    bool other_ended = false;  // The other side had ended, when last looked at.
    bool prepared = false;     // Producer: the next slot holds a value that is not published.
    ThreadChecker thread;
  };

  T* ValueAt(std::size_t index) {
    return std::launder(reinterpret_cast<T*>(slots_[index].storage));
  }

  std::size_t IndexAfter(std::size_t index, std::size_t count) const {
    index += count;
    return index < capacity_ ? index : index - capacity_;
  }

  // Free slots that the producer knows of; looks at the consumer if there are none.
  uint64_t Room() {
    if (producer_.own - producer_.other == capacity_) LookAtConsumer();
    return capacity_ - (producer_.own - producer_.other);
  }

  void LookAtConsumer() { LookAt(consumer_, producer_); }
  void LookAtProducer() { LookAt(producer_, consumer_); }

  static void LookAt(const Side& other, Side& self) {
    const uint64_t count = other.count.load(std::memory_order_acquire);  // (1), (2)
    self.other = count & ~kEnd;
    self.other_ended = (count & kEnd) != 0;
  }

  void CheckProducer(const char* operation) {
    producer_.thread.Check(operation, "SpscQueue's producer",
                           "hand the role over with ReleaseProducer()");
  }
  void CheckConsumer(const char* operation) {
    consumer_.thread.Check(operation, "SpscQueue's consumer",
                           "hand the role over with ReleaseConsumer()");
  }
  void CheckNothingPrepared(const char* operation) const {
    WEFT_DCHECK(!producer_.prepared) << "SpscQueue::" << operation << ": expected Publish() after "
                                     << "TryPrepare(), found neither";
  }

  // Constant after construction.
  std::size_t capacity_;
  std::unique_ptr<Slot[]> slots_;

  Side producer_;
  Side consumer_;
};

}  // namespace weft::mpmc_internal

#endif  // WEFT_MPMC_INTERNAL_SPSC_RING_H_

// mpmc/internal/spsc_ring.h — the ring behind SpscQueue, over any atomics.
//
// Values lie in blocks of one cache line, and each block begins with the position up to which it
// is filled, so that a value and the news of it cross in one line. Positions count from 0 and never
// wrap; position p lies in block p / kBlockValues, modulo the number of blocks.
//
//   published > p          p is filled, and so is every position before it
//   published == p | kEnd  the producer has ended before p
//
// The way back is a count of its own: the consumer publishes how far it is, and the producer looks
// at it only where its ring seems full. It then lingers for a moment if there is little room, since
// the two would else exchange that line for each value; a full ring of values hides the delay.
//
// Happens-before edges:
//   (1) Publish and Close store a block's published position (release) -> the consumer loads it
//       (acquire): the values are in their slots, and all that came before the end.
//   (2) PopFront and Abandon store the consumer's position (release) -> the producer loads it
//       (acquire): the old value is destroyed before its slot is used again.
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
#include "mpmc/internal/turn_wait.h"
#include "mpmc/pop_result.h"
#include "mpmc/push_result.h"

namespace weft::mpmc_internal {

// The number of values that share a cache line with a position; one, if no two do.
template <typename T>
constexpr std::size_t ValuesOfABlock() {
  constexpr std::size_t kRoom =
      kCacheLineSize - std::min(kCacheLineSize, std::max<std::size_t>(8, alignof(T)));
  return std::max<std::size_t>(1, kRoom / sizeof(T));
}

// Some values behind the position up to which they are filled.
template <typename T, typename Word, std::size_t kValues>
struct alignas(kValues > 1 ? kCacheLineSize : std::max(alignof(Word), alignof(T))) SpscBlock {
  Word published{0};
  alignas(T) unsigned char storage[kValues * sizeof(T)];

  void* StorageAt(std::size_t index) { return storage + index * sizeof(T); }
  T* ValueAt(std::size_t index) {
    return std::launder(reinterpret_cast<T*>(storage + index * sizeof(T)));
  }
};

// See SpscQueue for the contract.
template <typename T, typename Atomics, std::size_t kBlockValues = ValuesOfABlock<T>()>
class SpscRing {
  static_assert(std::is_nothrow_destructible_v<T>, "SpscQueue<T>: T's destructor may not throw");

  using Word = typename Atomics::template Atomic<uint64_t>;
  using Block = SpscBlock<T, Word, kBlockValues>;

 public:
  static constexpr std::size_t kMaxCapacity = std::size_t{1} << 40;

  explicit SpscRing(std::size_t capacity) : capacity_(capacity) {
    WEFT_CHECK(capacity >= 1 && capacity <= kMaxCapacity)
        << "SpscQueue(capacity): expected 1 to " << kMaxCapacity << " slots, found " << capacity;
    const std::size_t count = (capacity - 1) / kBlockValues + 1;
    blocks_ = std::make_unique<Block[]>(count);
    end_ = blocks_.get() + count;
    producer_.stop = capacity;
    producer_.block = consumer_.block = blocks_.get();
  }

  SpscRing(const SpscRing&) = delete;
  SpscRing& operator=(const SpscRing&) = delete;

  ~SpscRing() {
    const uint64_t tail = producer_.Own();
    for (uint64_t head = consumer_.Own() & ~kEnd; head != tail; ++head) {
      std::destroy_at(consumer_.Value());
      Step(consumer_, 1);
    }
    if (producer_.prepared) std::destroy_at(producer_.Value());
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
    Construct(0, std::move(value));
    Publish(1);
    return PushResult<T>::Ok();
  }

  template <typename... Args>
  T* TryPrepare(Args&&... args) {
    CheckProducer("TryPrepare()");
    if (producer_.Own() == producer_.stop && FindRoom() != PushOutcome::kOk) return nullptr;
    T* const value = Construct(0, std::forward<Args>(args)...);
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
    CheckProducer("TryPushBulk()");
    if (values.empty()) return {PushOutcome::kOk, 0};
    const uint64_t tail = producer_.Own();
    if (producer_.stop - tail < values.size()) {
      if (const PushOutcome outcome = FindRoom(); outcome != PushOutcome::kOk) return {outcome, 0};
    }
    const std::size_t count = std::min<std::size_t>(producer_.stop - tail, values.size());
    for (std::size_t done = 0; done < count;) {  // Block by block.
      const std::size_t run = std::min(kBlockValues - producer_.index, count - done);
      for (std::size_t i = 0; i < run; ++i) Construct(i, std::move(values[done + i]));
      Publish(run);
      done += run;
    }
    return {PushOutcome::kOk, count};
  }

  void Close() {
    CheckProducer("Close()");
    producer_.ended = true;
    producer_.stop = producer_.Own();
    producer_.block->published.store(producer_.stop | kEnd, std::memory_order_release);  // (1)
  }

  // ---- The consumer's side ----

  // The oldest value, or null.
  T* Front() {
    CheckConsumer("Front()");
    const uint64_t head = consumer_.Own();
    if (head == consumer_.stop && FindValues(head) != PopOutcome::kOk) return nullptr;
    return consumer_.Value();
  }

  // The values from the oldest on that lie side by side, all that are known without a look at the
  // producer; none only if there is none.
  std::span<T> Readable() {
    T* const front = Front();
    if (front == nullptr) return {};
    return {front, KnownRun()};
  }

  // Ends the `count` oldest values, which lie side by side.
  void PopFront(std::size_t count) {
    CheckConsumer("PopFront()");
    WEFT_DCHECK(count <= KnownRun())
        << "SpscQueue::PopFront(" << count << "): expected at most the number of values that "
        << "Front() or Readable() has shown, found " << KnownRun();
    std::destroy_n(consumer_.Value(), count);
    Step(consumer_, count);
    consumer_.position.store(consumer_.Own() + count, std::memory_order_release);  // (2)
  }

  bool IsDrained() {
    return Front() == nullptr && FindValues(consumer_.Own()) == PopOutcome::kClosed;
  }

  PopResult<T> TryPop() {
    CheckConsumer("TryPop()");
    const uint64_t head = consumer_.Own();
    if (head == consumer_.stop) {
      const PopOutcome outcome = FindValues(head);
      if (outcome != PopOutcome::kOk) return PopResult<T>::None(outcome);
    }
    PopResult<T> result(std::move(*consumer_.Value()));
    PopFront(1);
    return result;
  }

  BulkPopResult TryPopBulk(std::span<T> out) {
    CheckConsumer("TryPopBulk()");
    std::size_t done = 0;
    while (done < out.size()) {
      const uint64_t head = consumer_.Own();
      if (head == consumer_.stop) {
        const PopOutcome outcome = FindValues(head);
        if (outcome != PopOutcome::kOk) {
          if (done == 0) return {outcome, 0};
          break;
        }
      }
      T* const first = consumer_.Value();
      const std::size_t count = std::min(KnownRun(), out.size() - done);
      std::move(first, first + count, out.begin() + static_cast<std::ptrdiff_t>(done));
      PopFront(count);
      done += count;
    }
    return {PopOutcome::kOk, done};
  }

  void Abandon() {
    CheckConsumer("Abandon()");
    consumer_.stop = consumer_.Own() | kEnd;
    consumer_.position.store(consumer_.stop, std::memory_order_release);  // (2)
  }

  // ---- Anyone ----

  std::size_t SizeHint() const {
    // The consumer's position first. The producer's is not before it, which (1) and (2) say too;
    // hence relaxed. It may be more than a lap ahead of it, when both have gone on in between.
    const uint64_t head = consumer_.position.load(std::memory_order_acquire) & ~kEnd;  // (2)
    return static_cast<std::size_t>(std::min(producer_.Own() - head, capacity_));
  }

  std::size_t capacity() const { return static_cast<std::size_t>(capacity_); }
  void ReleaseProducer() { producer_.thread.Release(); }
  void ReleaseConsumer() { consumer_.thread.Release(); }

 private:
  static constexpr uint64_t kEnd = uint64_t{1} << 63;
  // So much room is enough to go on with, or a quarter of the ring.
  static constexpr uint64_t kEnoughRoom = 64;

  // One side. The other one sees no more than `position`.
  struct alignas(kCacheLineSize) Side {
    Word position{0};
    uint64_t stop = 0;       // Where to look at the other side before going on.
    Block* block = nullptr;  // Where `position` lies.
    std::size_t index = 0;   // In the block.
    bool ended = false;      // Producer: it has ended.
    bool prepared = false;   // Producer: the next slot holds a value that is not published.
    ThreadChecker thread;

    uint64_t Own() const { return position.load(std::memory_order_relaxed); }
    T* Value() { return block->ValueAt(index); }
  };

  // Moves a side's place on, as far as the next block.
  void Step(Side& side, std::size_t count) {
    side.index += count;
    if (side.index != kBlockValues) return;
    side.index = 0;
    if (++side.block == end_) side.block = blocks_.get();
  }

  // Constructs the value `ahead` places behind the producer's, in the same block.
  template <typename... Args>
  T* Construct(std::size_t ahead, Args&&... args) {
    WEFT_DCHECK(!producer_.prepared)
        << "SpscQueue: expected Publish() after TryPrepare(), found another push";
    void* const storage = producer_.block->StorageAt(producer_.index + ahead);
    return ::new (storage) T(std::forward<Args>(args)...);
  }

  // The next `count` values, which lie in one block, are there.
  void Publish(std::size_t count) {
    Block* const block = producer_.block;
    const uint64_t tail = producer_.Own() + count;
    Step(producer_, count);
    producer_.position.store(tail, std::memory_order_relaxed);  // First: see SizeHint().
    block->published.store(tail, std::memory_order_release);    // (1)
  }

  // Looks how far the producer may go.
  [[gnu::noinline]] PushOutcome FindRoom() {
    if (producer_.ended) return PushOutcome::kClosed;
    const uint64_t enough = std::min(kEnoughRoom, capacity_ / 4);
    const uint64_t tail = producer_.Own();
    uint64_t room = 0;
    for (SpinPhase<Atomics> linger;; linger.Once()) {
      const uint64_t before = room;
      const uint64_t head = consumer_.position.load(std::memory_order_acquire);  // (2)
      producer_.stop = (head & ~kEnd) + capacity_;
      room = producer_.stop - tail;
      if (room == 0) return (head & kEnd) != 0 ? PushOutcome::kClosed : PushOutcome::kFull;
      if (room >= enough || room == before || linger.IsSpent()) return PushOutcome::kOk;
    }
  }

  // Looks how far the consumer, which is at `head`, may go.
  PopOutcome FindValues(uint64_t head) {
    const uint64_t tail = consumer_.block->published.load(std::memory_order_acquire);  // (1)
    if ((tail & ~kEnd) > head) [[likely]] {  // Not if the consumer has ended.
      consumer_.stop = tail & ~kEnd;
      return PopOutcome::kOk;
    }
    return ((tail | head) & kEnd) != 0 ? PopOutcome::kClosed : PopOutcome::kEmpty;
  }

  // The number of values from the oldest on that are known and lie side by side.
  std::size_t KnownRun() const {
    return static_cast<std::size_t>(
        std::min<uint64_t>(consumer_.stop - consumer_.Own(), kBlockValues - consumer_.index));
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
  std::unique_ptr<Block[]> blocks_;
  Block* end_;  // Behind the last block.

  Side producer_;
  Side consumer_;
};

}  // namespace weft::mpmc_internal

#endif  // WEFT_MPMC_INTERNAL_SPSC_RING_H_

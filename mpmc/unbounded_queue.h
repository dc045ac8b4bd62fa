// mpmc/unbounded_queue.h — a queue for many producers and many consumers that never refuses a push.
//
// Use it for hand-over points where refusing is no option and something else bounds the backlog;
// use BoundedQueue when the queue itself must bound it.
//
// Model: a chain of blocks. Producers append to the last block under one lock, consumers take from
// the first block under another; the two sides share only the count of values pushed so far. A
// drained block is kept as the one spare or freed at once, so memory follows the backlog.
//
// Trade-offs
//   The locks make it simple and exact, at the price of a preempted lock holder stopping the
//   threads of its side. An empty queue is recognised without a lock.
//
// Guarantees
//   Thread safety    All methods may be called from any thread at once; construction and
//                    destruction may not overlap any of them.
//   Order            FIFO.
//   Exactness        "Empty" is exact: the queue was empty at some moment during the call.
//   Memory ordering  What X did before Push(v) is visible to Y after the TryPop that returned v.
//   Progress         Blocking: Push waits for other pushes, TryPop for other pops (never one for
//                    the other). TryPop on an empty queue waits for nobody.
//   Complexity       O(1); Push allocates one block of about 4 KiB for every block of values unless
//                    the spare block serves. Memory: the backlog plus at most two blocks.
//   Errors           Push throws std::bad_alloc when memory is exhausted; the queue is unchanged.
//   Precondition     T is nothrow move constructible and nothrow destructible (checked at compile
//                    time).
//
// Example: unbounded_queue_example.cc
#ifndef WEFT_MPMC_UNBOUNDED_QUEUE_H_
#define WEFT_MPMC_UNBOUNDED_QUEUE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "base/cache_line.h"
#include "base/mutex.h"

namespace weft {

// See the top of this file.
//
// Happens-before edges:
//   (1) Push stores pushed_ (release) -> TryPop loads it (acquire): the slot is filled and, when
//       the value opens a block, the previous block's `next` is set.
//   (2) TryPop stores popped_ (release) -> TryPop loads it (acquire) -> loads pushed_: whatever was
//       pushed before a pop that we see is in the count that we read next. Makes "empty" exact.
//   (3) TryPop puts a drained block into spare_ (release) -> Push takes it out (acquire): its
//       values are destroyed before its slots are used again.
template <typename T>
class UnboundedQueue {
  static_assert(std::is_nothrow_move_constructible_v<T>,
                "UnboundedQueue<T>: T's move constructor may not throw");
  static_assert(std::is_nothrow_destructible_v<T>,
                "UnboundedQueue<T>: T's destructor may not throw");

 public:
  // Makes an empty queue; allocates its first block.
  UnboundedQueue() : tail_block_(new Block), head_block_(tail_block_) {}

  UnboundedQueue(const UnboundedQueue&) = delete;
  UnboundedQueue& operator=(const UnboundedQueue&) = delete;

  // Destroys the values that are still inside.
  ~UnboundedQueue() {
    while (TryPop().has_value()) {
    }
    FreeBlocks();
  }

  // Appends `value`.
  void Push(T value) {
    MutexLock lock(&tail_mu_);
    if (tail_used_ == kBlockSize) AppendBlock();
    ::new (tail_block_->slot(tail_used_)) T(std::move(value));
    ++tail_used_;
    pushed_.store(pushed_.load(std::memory_order_relaxed) + 1, std::memory_order_release);  // (1)
  }

  // Takes the oldest value, or answers nothing when the queue is empty.
  std::optional<T> TryPop() {
    if (IsEmpty()) return std::nullopt;
    MutexLock lock(&head_mu_);
    const uint64_t popped = popped_.load(std::memory_order_relaxed);
    if (pushed_.load(std::memory_order_acquire) == popped) return std::nullopt;  // (1)
    if (head_taken_ == kBlockSize) DropFirstBlock();
    T* const value = std::launder(static_cast<T*>(head_block_->slot(head_taken_)));
    std::optional<T> result(std::move(*value));
    value->~T();
    ++head_taken_;
    popped_.store(popped + 1, std::memory_order_release);  // (2)
    return result;
  }

  // Whether the queue was empty at some moment during the call. Waits for nobody.
  bool IsEmpty() const {
    const uint64_t popped = popped_.load(std::memory_order_acquire);  // (2)
    return pushed_.load(std::memory_order_acquire) == popped;         // (1)
  }

  // Number of values inside; approximate while other threads work on the queue, exact otherwise.
  std::size_t SizeHint() const {
    const uint64_t popped = popped_.load(std::memory_order_acquire);  // (2)
    return static_cast<std::size_t>(pushed_.load(std::memory_order_acquire) - popped);
  }

  // Number of values in one block: the unit in which memory is taken and given back.
  static constexpr std::size_t kBlockSize = sizeof(T) >= 256 ? 16 : 4096 / sizeof(T);

 private:
  struct Block {
    // Address of the i-th slot; holds a T between its push and its pop.
    void* slot(std::size_t i) { return storage + i * sizeof(T); }

    Block* next = nullptr;  // Written under tail_mu_, read under head_mu_ after edge (1).
    alignas(T) unsigned char storage[sizeof(T) * kBlockSize];
  };

  void AppendBlock() ABSL_EXCLUSIVE_LOCKS_REQUIRED(tail_mu_) {
    Block* block = spare_.exchange(nullptr, std::memory_order_acquire);  // (3)
    if (block == nullptr) block = new Block;
    block->next = nullptr;
    tail_block_->next = block;
    tail_block_ = block;
    tail_used_ = 0;
  }

  void DropFirstBlock() ABSL_EXCLUSIVE_LOCKS_REQUIRED(head_mu_) {
    Block* const drained = head_block_;
    head_block_ = drained->next;
    head_taken_ = 0;
    // acq_rel: release for edge (3); acquire because the former spare is freed here, after the pop
    // that put it there.
    delete spare_.exchange(drained, std::memory_order_acq_rel);  // (3)
  }

  void FreeBlocks() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    delete spare_.load(std::memory_order_relaxed);
    while (head_block_ != nullptr) {
      Block* const next = head_block_->next;
      delete head_block_;
      head_block_ = next;
    }
  }

  // Producers' side.
  alignas(kCacheLineSize) Mutex tail_mu_;
  Block* tail_block_ ABSL_GUARDED_BY(tail_mu_);
  std::size_t tail_used_ ABSL_GUARDED_BY(tail_mu_) = 0;
  std::atomic<uint64_t> pushed_{0};  // Written under tail_mu_, read by anyone.

  // Consumers' side.
  alignas(kCacheLineSize) Mutex head_mu_;
  Block* head_block_ ABSL_GUARDED_BY(head_mu_);
  std::size_t head_taken_ ABSL_GUARDED_BY(head_mu_) = 0;
  std::atomic<uint64_t> popped_{0};  // Written under head_mu_, read by anyone.

  // At most one drained block, owned by whoever exchanges it out.
  alignas(kCacheLineSize) std::atomic<Block*> spare_{nullptr};
};

}  // namespace weft

#endif  // WEFT_MPMC_UNBOUNDED_QUEUE_H_

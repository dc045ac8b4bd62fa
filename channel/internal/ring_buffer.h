// channel/internal/ring_buffer.h — a queue in one array that grows, and shrinks when it may.
//
// Differs from std::deque in that a queue in a steady state allocates nothing. Amortised O(1);
// after a burst the array is at most eight times the values inside (kShrinks), or as large as the
// largest backlog (kKeeps). Thread-compatible.
#ifndef WEFT_CHANNEL_INTERNAL_RING_BUFFER_H_
#define WEFT_CHANNEL_INTERNAL_RING_BUFFER_H_

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "base/check.h"

namespace weft::channel_internal {

// What happens to the memory of a backlog that is gone.
enum class Retention {
  kKeeps,    // It waits for the next backlog: right when the backlog is bounded.
  kShrinks,  // It is given back, down to kSmallest slots.
};

// See the top of this file. T is nothrow movable and destructible.
template <typename T>
class RingBuffer {
 public:
  // An array is never smaller than this many slots; always a power of two.
  static constexpr std::size_t kSmallest = 8;

  explicit RingBuffer(Retention retention) : retention_(retention) {}
  // Takes the values of `other`, which is empty afterwards.
  RingBuffer(RingBuffer&& other) noexcept
      : retention_(other.retention_),
        slots_(std::move(other.slots_)),
        capacity_(std::exchange(other.capacity_, 0)),
        head_(std::exchange(other.head_, 0)),
        size_(std::exchange(other.size_, 0)) {}
  RingBuffer& operator=(RingBuffer&&) = delete;
  ~RingBuffer() {
    while (!IsEmpty()) PopFront();
  }

  bool IsEmpty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  // Slots allocated.
  std::size_t capacity() const { return capacity_; }

  // Appends `value`. Throws std::bad_alloc, with `value` and the buffer unchanged, when it must
  // grow and cannot.
  void PushBack(T&& value) {
    if (size_ == capacity_) Resize(capacity_ == 0 ? kSmallest : 2 * capacity_);
    ::new (SlotOf(size_)) T(std::move(value));
    ++size_;
  }

  // Takes the first value out. Precondition (checked in debug builds): not empty.
  T PopFront() {
    WEFT_DCHECK(size_ > 0) << "RingBuffer::PopFront(): the buffer is empty";
    T* const front = std::launder(static_cast<T*>(SlotOf(0)));
    T value(std::move(*front));
    front->~T();
    head_ = (head_ + 1) & (capacity_ - 1);
    --size_;
    if (retention_ == Retention::kShrinks && capacity_ > kSmallest && size_ <= capacity_ / 8) {
      TryShrink();
    }
    return value;
  }

 private:
  struct Slot {
    alignas(T) unsigned char storage[sizeof(T)];
  };

  void* SlotOf(std::size_t i) { return slots_[(head_ + i) & (capacity_ - 1)].storage; }

  // Gives half of the array back; keeps it when there is no memory to move to.
  void TryShrink() noexcept {
    std::unique_ptr<Slot[]> smaller(new (std::nothrow) Slot[capacity_ / 2]);
    if (smaller != nullptr) MoveTo(std::move(smaller), capacity_ / 2);
  }

  void Resize(std::size_t capacity) {
    MoveTo(std::unique_ptr<Slot[]>(new Slot[capacity]), capacity);
  }

  void MoveTo(std::unique_ptr<Slot[]> slots, std::size_t capacity) noexcept {
    for (std::size_t i = 0; i < size_; ++i) {
      T* const old = std::launder(static_cast<T*>(SlotOf(i)));
      ::new (static_cast<void*>(slots[i].storage)) T(std::move(*old));
      old->~T();
    }
    slots_ = std::move(slots);
    capacity_ = capacity;
    head_ = 0;
  }

  const Retention retention_;
  std::unique_ptr<Slot[]> slots_;
  std::size_t capacity_ = 0;  // A power of two, or zero before the first push.
  std::size_t head_ = 0;      // Index of the first value.
  std::size_t size_ = 0;
};

}  // namespace weft::channel_internal

#endif  // WEFT_CHANNEL_INTERNAL_RING_BUFFER_H_

// deque/internal/ring_buffers.h — the buffers of a deque that grows and shrinks under its thieves.
//
// A thief may hold the address of a buffer that the owner has left, for as long as it likes, and
// read a slot of it; what it read is then dropped (split_ring.h says why). So a buffer is never
// unmapped before the deque ends. It is kept for the next time that its size is needed, and the
// pages of one of more than a mebibyte are given back to the system meanwhile. Sizes double, so
// that the memory in use is less than twice the present buffer, or two mebibytes, and the address
// space less than twice the largest.
#ifndef WEFT_DEQUE_INTERNAL_RING_BUFFERS_H_
#define WEFT_DEQUE_INTERNAL_RING_BUFFERS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace weft::deque_internal {

// A burst of as much as this finds its pages the next time: to get them again costs it more than
// its pushes, and holds up all threads that get some.
inline constexpr std::size_t kMostKeptBytes = std::size_t{1} << 20;

// Gives the whole pages inside [data, data + bytes) back to the system, if they are more than that.
// The memory stays readable and writable; its contents are lost.
void ReleasePages(void* data, std::size_t bytes);

// A ring of a power of two of slots: item i lies in slot i mod capacity. Slots start with a value,
// because a thief that is late may read one that was never filled.
template <typename Word, typename Atomics>
class RingBuffer {
 public:
  explicit RingBuffer(std::int64_t capacity)
      : mask_(capacity - 1), slots_(std::make_unique<Slot[]>(static_cast<std::size_t>(capacity))) {}

  std::int64_t capacity() const { return mask_ + 1; }

  // Relaxed: the edges of split_ring.h publish slots, and protect them from being overwritten.
  Word Get(std::int64_t index) const { return At(index).load(std::memory_order_relaxed); }
  void Put(std::int64_t index, Word word) { At(index).store(word, std::memory_order_relaxed); }

  // Nobody needs the contents any more.
  void ReleaseMemory() {
    ReleasePages(slots_.get(), static_cast<std::size_t>(capacity()) * sizeof(Slot));
  }

 private:
  using Slot = typename Atomics::template Atomic<Word>;

  Slot& At(std::int64_t index) const { return slots_[static_cast<std::size_t>(index & mask_)]; }

  const std::int64_t mask_;
  const std::unique_ptr<Slot[]> slots_;
};

// All buffers of one deque, by size. For the owner only.
template <typename Word, typename Atomics>
class RingBuffers {
 public:
  using Buffer = RingBuffer<Word, Atomics>;

  // Precondition: `capacity` is a power of two.
  explicit RingBuffers(std::int64_t capacity) {
    buffers_.push_back(std::make_unique<Buffer>(capacity));
  }

  Buffer* current() const { return buffers_[level_].get(); }
  bool is_smallest() const { return level_ == 0; }

  // Makes the buffer of twice the size the current one. Throws std::bad_alloc: nothing has changed.
  Buffer* Grow() {
    if (level_ + 1 == buffers_.size()) {
      buffers_.push_back(std::make_unique<Buffer>(current()->capacity() * 2));
    }
    ++level_;
    return current();
  }

  // Makes the buffer of half the size the current one. Precondition: !is_smallest().
  Buffer* Shrink() {
    buffers_[level_]->ReleaseMemory();
    --level_;
    return current();
  }

 private:
  std::vector<std::unique_ptr<Buffer>> buffers_;
  std::size_t level_ = 0;
};

}  // namespace weft::deque_internal

#endif  // WEFT_DEQUE_INTERNAL_RING_BUFFERS_H_

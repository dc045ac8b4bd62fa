// mpmc/internal/segment_pool.h — the segments that a queue is not using.
//
// Readers with an old pointer may look into a segment at any time, so its address range stays until
// the queue ends. What does not stay is its pages: of the drained segments a few are kept as they
// are, and of the others the pages go back to the system.
//
//   in use --Put--> spares --TakeSurplus, PutDiscarded--> discarded
//      ^               |                                      |
//      +-----Take------+--------------------------------------+
#ifndef WEFT_MPMC_INTERNAL_SEGMENT_POOL_H_
#define WEFT_MPMC_INTERNAL_SEGMENT_POOL_H_

#include <cstddef>
#include <new>
#include <vector>

namespace weft::mpmc_internal {

// Thread-compatible: called under the queue's lock. `Memory` has the functions of PageMemory.
template <typename Segment, typename Memory, std::size_t kSpares>
class SegmentPool {
 public:
  SegmentPool() = default;
  SegmentPool(const SegmentPool&) = delete;
  SegmentPool& operator=(const SegmentPool&) = delete;

  ~SegmentPool() {
    for (Segment* segment : all_) {
      segment->~Segment();
      Memory::Free(segment, sizeof(Segment));
    }
  }

  // Returns an empty segment: the most recently used one if there is a choice. Throws
  // std::bad_alloc, and then nothing has changed.
  Segment* Take() {
    for (std::size_t i = spares_.size(); i-- > 0;) {
      if (spares_[i]->IsClean()) return Remove(i);
    }
    if (discarded_.empty()) return Allocate();
    Segment* const segment = discarded_.back();
    discarded_.pop_back();
    return segment;
  }

  // Takes a segment in, all of whose tickets were claimed by pops. Those may still be moving their
  // values out.
  void Put(Segment* segment) {
    segment->IsClean();  // By the popper, in whose cache the stamps are.
    spares_.push_back(segment);
  }

  // Returns a segment that is more than is to be kept, or null. The caller discards its pages
  // without the lock and then hands it to PutDiscarded.
  Segment* TakeSurplus() {
    if (spares_.size() <= kSpares) return nullptr;
    for (std::size_t i = 0; i < spares_.size(); ++i) {
      if (spares_[i]->IsClean()) return Remove(i);
    }
    return nullptr;
  }
  void PutDiscarded(Segment* segment) { discarded_.push_back(segment); }

 private:
  Segment* Remove(std::size_t i) {
    Segment* const segment = spares_[i];
    spares_.erase(spares_.begin() + static_cast<std::ptrdiff_t>(i));
    return segment;
  }

  Segment* Allocate() {
    // Room in every list for every segment, so that nothing else here can fail.
    if (all_.size() == all_.capacity()) all_.reserve(2 * all_.size() + 8);
    spares_.reserve(all_.capacity());
    discarded_.reserve(all_.capacity());
    auto* const segment = ::new (Memory::Allocate(sizeof(Segment))) Segment;
    all_.push_back(segment);
    return segment;
  }

  std::vector<Segment*> all_;
  std::vector<Segment*> spares_;  // At most kSpares, and those that a stalled popper pins.
  std::vector<Segment*> discarded_;
};

}  // namespace weft::mpmc_internal

#endif  // WEFT_MPMC_INTERNAL_SEGMENT_POOL_H_

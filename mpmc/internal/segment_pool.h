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
#include <cstdint>
#include <memory>
#include <new>

namespace weft::mpmc_internal {

// Thread-compatible: called under the queue's lock. `Memory` has the functions of PageMemory.
template <typename Segment, typename Atomics, typename Memory, std::size_t kSpares>
class SegmentPool {
  template <typename U>
  using Plain = typename Atomics::template Plain<U>;

 public:
  using Record = typename Segment::Record;

  SegmentPool() = default;
  SegmentPool(const SegmentPool&) = delete;
  SegmentPool& operator=(const SegmentPool&) = delete;

  ~SegmentPool() {
    for (Record* record = allocated_.Read(); record != nullptr;) {
      const std::unique_ptr<Record> ended(record);
      record = ended->before;
      std::destroy_at(ended->segment);
      Memory::Free(ended->segment, sizeof(Segment));
    }
  }

  // Returns an empty segment with `number`: a recently used one if there is a choice. Throws
  // std::bad_alloc, and then nothing has changed.
  Segment* Take(uint64_t number) {
    Record* record = TakeCleanSpare();
    if (record == nullptr) record = Pop(discarded_);
    if (record == nullptr) record = Allocate();
    record->segment->Renew(number, record);
    return record->segment;
  }

  // Takes a segment in, all of whose tickets were claimed by pops. Those may still be moving their
  // values out.
  void Put(Segment* segment) {
    segment->IsClean();  // By the popper, in whose cache the stamps are.
    Push(spares_, segment->record());
    spare_count_.Write(spare_count_.Read() + 1);
  }

  // Returns a segment that is more than is to be kept, or null. The caller discards its pages
  // without the lock and then hands it to PutDiscarded.
  Record* TakeSurplus() { return spare_count_.Read() > kSpares ? TakeCleanSpare() : nullptr; }
  void PutDiscarded(Record* record) { Push(discarded_, record); }

 private:
  using Stack = Plain<Record*>;

  static void Push(Stack& stack, Record* record) {
    record->below.Write(stack.Read());
    stack.Write(record);
  }

  static Record* Pop(Stack& stack) {
    Record* const record = stack.Read();
    if (record != nullptr) stack.Write(record->below.Read());
    return record;
  }

  Record* TakeCleanSpare() {
    Stack* link = &spares_;
    while (Record* const record = link->Read()) {
      if (record->segment->IsClean()) {
        spare_count_.Write(spare_count_.Read() - 1);
        return Pop(*link);
      }
      link = &record->below;
    }
    return nullptr;
  }

  Record* Allocate() {
    // The record first: a segment without one would be lost if there were no memory for it.
    auto record = std::make_unique<Record>();
    record->before = allocated_.Read();
    record->segment = ::new (Memory::Allocate(sizeof(Segment))) Segment;
    allocated_.Write(record.get());
    return record.release();
  }

  Plain<Record*> allocated_{nullptr};  // Every segment, the latest first.
  Stack spares_{nullptr};              // At most kSpares, and those that a stalled popper pins.
  Plain<std::size_t> spare_count_{0};
  Stack discarded_{nullptr};
};

}  // namespace weft::mpmc_internal

#endif  // WEFT_MPMC_INTERNAL_SEGMENT_POOL_H_

// timer/testing/quaternary_heap.h — the rival of the wheel: a 4-ary heap with cancellation.
//
// Elements know their place, so that they can be taken out of the middle. // What event loops
// without a wheel use. O(log n) to arm and to cancel; the four children of an element share a cache
// line.
#ifndef WEFT_TIMER_TESTING_QUATERNARY_HEAP_H_
#define WEFT_TIMER_TESTING_QUATERNARY_HEAP_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace weft::timer_internal {

struct HeapTimer {
  static constexpr uint32_t kNowhere = std::numeric_limits<uint32_t>::max();
  uint32_t place = kNowhere;
};

class QuaternaryHeap {
 public:
  void Reserve(size_t timers) { elements_.reserve(timers + kRoot); }
  size_t size() const { return elements_.size() - kRoot; }
  bool IsEmpty() const { return size() == 0; }
  // Precondition: not empty.
  uint64_t FirstTick() const { return elements_[kRoot].tick; }

  // Arms a timer that is not armed.
  void Arm(HeapTimer* timer, uint64_t tick) {
    elements_.push_back({tick, timer});
    SiftUp(elements_.size() - 1, {tick, timer});
  }

  bool Cancel(HeapTimer* timer) {
    if (timer->place == HeapTimer::kNowhere) return false;
    const size_t hole = timer->place;
    timer->place = HeapTimer::kNowhere;
    const Element last = elements_.back();
    elements_.pop_back();
    if (hole == elements_.size()) return true;
    if (hole > kRoot && last.tick < elements_[ParentOf(hole)].tick) {
      SiftUp(hole, last);
    } else {
      SiftDown(hole, last);
    }
    return true;
  }

  // Takes out the earliest timer. Precondition: not empty.
  HeapTimer* Pop() {
    HeapTimer* const timer = elements_[kRoot].timer;
    Cancel(timer);
    return timer;
  }

 private:
  struct Element {
    uint64_t tick;
    HeapTimer* timer;
  };
  // With three unused elements in front, four children begin at a multiple of four.
  static constexpr size_t kRoot = 3;
  static size_t ParentOf(size_t place) { return place / 4 + 2; }
  static size_t FirstChildOf(size_t place) { return 4 * (place - 2); }

  void Put(size_t place, Element element) {
    elements_[place] = element;
    element.timer->place = static_cast<uint32_t>(place);
  }

  void SiftUp(size_t hole, Element element) {
    while (hole > kRoot) {
      const size_t parent = ParentOf(hole);
      if (elements_[parent].tick <= element.tick) break;
      Put(hole, elements_[parent]);
      hole = parent;
    }
    Put(hole, element);
  }

  void SiftDown(size_t hole, Element element) {
    while (true) {
      const size_t first = FirstChildOf(hole);
      if (first >= elements_.size()) break;
      const size_t end = std::min(first + 4, elements_.size());
      size_t least = first;
      for (size_t child = first + 1; child < end; ++child) {
        if (elements_[child].tick < elements_[least].tick) least = child;
      }
      if (elements_[least].tick >= element.tick) break;
      Put(hole, elements_[least]);
      hole = least;
    }
    Put(hole, element);
  }

  std::vector<Element> elements_ = std::vector<Element>(kRoot);
};

}  // namespace weft::timer_internal

#endif  // WEFT_TIMER_TESTING_QUATERNARY_HEAP_H_

// Futexes, made of atomics of the model.
//
// The kernel keeps a queue of sleepers for each futex and does everything to it under a lock: a
// waiter compares the word and joins the queue, a waker takes sleepers out. Here the queue is one
// atomic that everybody changes by acq_rel read-modify-writes (so their order is a total one, and
// what precedes one happens before the next), and each sleeper has a cell that its waker sets:
//
//   wait:  load the word; if it differs, return
//          enqueue; load the word again: if it differs now, this is no execution, since comparing
//          and joining are one step (the execution in which the first load saw that exists)
//          wait for the cell
//   wake:  dequeue sleepers, first in, first out; set their cells
//
// Setting a cell is relaxed: waking orders nothing but itself.

#include <algorithm>
#include <limits>

#include "tools/model/internal/explorer.h"
#include "tools/model/internal/memory.h"
#include "tools/model/model.h"

namespace weft::model_internal {
namespace {

constexpr int kEntryBits = 8;
constexpr int kWaitBits = 5;

// A sleeper in the queue; never 0.
uint64_t Entry(int thread, int wait) {
  return static_cast<uint64_t>(thread) << kWaitBits | static_cast<uint64_t>(wait + 1);
}

}  // namespace

LocationId Explorer::Hidden(std::vector<LocationId>* known, std::size_t number) {
  const OutsideHeap outside;
  if (known->size() <= number) known->resize(number + 1, kNone);
  LocationId& id = (*known)[number];
  if (id == kNone) {
    id = location_count_++;
    locations_.resize(location_count_);
    search_.SetInitial(id, 0);
  }
  return id;
}

uint64_t Explorer::ChangeQueue(LocationId word, Change change, uint64_t operand, PlaceId place) {
  Event e;
  e.location = Hidden(&queues_, word);
  e.place = place;
  e.change = change;
  e.operand = operand;
  e.order = std::memory_order::acq_rel;
  return Read(e).value;
}

bool Explorer::FutexWait(LocationId word, uint32_t expected, bool has_deadline, PlaceId place) {
  Event look;
  look.location = word;
  look.place = place;
  if (static_cast<uint32_t>(Read(look).value) != expected) return true;
  // Leaving the queue for no reason is never having joined it.
  if (running_->spurious_wakes < options_.spurious_wakes && Choose(2, place) == 1) {
    ++running_->spurious_wakes;
    return true;
  }
  const int wait = running_->waits++;
  if (wait + 1 >= 1 << kWaitBits) Fail("more than 30 sleeps of one thread");
  const LocationId cell = Hidden(&cells_[running_->id], wait);
  const uint64_t entry = Entry(running_->id, wait);
  ChangeQueue(word, Change::kEnqueue, entry, place);
  if (static_cast<uint32_t>(Read(look).value) != expected) Block("", place, true);
  if (has_deadline && Choose(2, place) == 1) {
    uint64_t queue = ChangeQueue(word, Change::kDequeue, entry, place);
    for (; queue != 0; queue >>= kEntryBits) {
      if ((queue & 0xFF) == entry) return false;
    }
    return true;
  }
  Event sleep;
  sleep.location = cell;
  sleep.place = place;
  sleep.awaits = true;
  if (Read(sleep).value == 0) {
    running_->cell = cell;
    Block("sleeps in FutexWait() and is never woken", place, has_deadline);
  }
  return true;
}

void Explorer::FutexWake(LocationId word, int count, PlaceId place) {
  uint64_t queue =
      ChangeQueue(word, Change::kWake, static_cast<uint64_t>(std::max(count, 0)), place);
  for (int i = 0; i < count && queue != 0; ++i, queue >>= kEntryBits) {
    const int thread = static_cast<int>((queue & 0xFF) >> kWaitBits);
    const int wait = static_cast<int>(queue & ((1 << kWaitBits) - 1)) - 1;
    Event wake;
    wake.location = Hidden(&cells_[thread], wait);
    wake.place = place;
    wake.value = 1;
    Write(wake);
  }
}

}  // namespace weft::model_internal

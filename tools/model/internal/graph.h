// tools/model/internal/graph.h — an execution graph: events, program order, reads-from and
// modification order, with the relations that follow from them.
#ifndef WEFT_TOOLS_MODEL_INTERNAL_GRAPH_H_
#define WEFT_TOOLS_MODEL_INTERNAL_GRAPH_H_

#include <array>
#include <cstdint>
#include <vector>

#include "tools/model/internal/event.h"

namespace weft::model_internal {

// The modification order of one atomic and each thread's last access to it.
struct LocationOrder {
  EventId first = kNone;
  EventId last = kInitial;
  uint16_t writes = 0;
  std::array<EventId, kMaxThreads> latest;

  LocationOrder() { latest.fill(kNone); }
};

// Events stand in the order in which they were added, and an event is added when what it depends on
// is there. A read that a later write revisited is the exception: its source stands behind it.
class Graph {
 public:
  void Clear();

  int size() const { return static_cast<int>(events_.size()); }
  int count(int thread) const { return static_cast<int>(threads_[thread].size()); }
  const Event& operator[](EventId id) const { return events_[id]; }
  Event& operator[](EventId id) { return events_[id]; }
  EventId At(int thread, int index) const { return threads_[thread][index]; }
  const Event& EventAt(int thread, int index) const { return events_[threads_[thread][index]]; }
  const std::vector<Event>& events() const { return events_; }

  const LocationOrder& order_of(LocationId location);
  int location_count() const { return static_cast<int>(locations_.size()); }
  const LocationOrder& location(LocationId location) const { return locations_[location]; }

  // Adds `e` behind its thread's last event: sets index, previous and the clocks as far as program
  // order goes. A kRead still has to get its source, a kWrite its position.
  EventId Append(Event e);

  // A relaxed store that stands in the graph before its thread comes to it, as the event
  // `e.index`. Promises come first of all events.
  EventId AddPromise(const Event& e);
  // The promise that is to be the event `index` of `thread`, or kNone.
  EventId FindPromise(int thread, int index) const;
  // The thread has come to it. False if the write cannot stand where it was promised.
  bool Fulfil(EventId promise);
  // The write in modification order that nothing before `index` of `thread` may read or stand
  // behind: the thread's first promise to come. kNone if there is none.
  EventId Limit(LocationId location, int thread, int index) const;
  // The last write that an event `index` of `thread` may read or stand behind.
  EventId LatestFor(LocationId location, int thread, int index) const {
    const EventId limit = Limit(location, thread, index);
    return limit == kNone ? locations_[location].last : events_[limit].previous_write;
  }
  int promise_count() const { return promise_count_; }
  int unfulfilled_count() const;

  // Lets the last event of a thread read `source`, whose value is `value`.
  void SetSource(EventId read, EventId source, uint64_t value);

  // Puts a kWrite behind `after` (kInitial: at the front) and gives it its release clock.
  void Place(EventId write, EventId after);

  // Adds the edge from `from` (kSpawn, kEnd) to `to` (kStart, kJoin).
  void Synchronize(EventId from, EventId to);

  // Position of a write in its modification order; 0 for kInitial.
  int PositionOf(EventId write) const { return write == kInitial ? 0 : events_[write].position; }
  // Position of the write that an access reads or is.
  int PositionSeen(const Event& e) const {
    return e.kind == Kind::kWrite ? e.position : PositionOf(e.source);
  }
  EventId NextWrite(LocationId location, EventId write) const {
    return write == kInitial ? locations_[location].first : events_[write].next_write;
  }
  // The writing half of the read-modify-write that reads `write`, or kNone.
  EventId UpdateOf(LocationId location, EventId write) const;

  // The least position that an access of `thread` may read or (one more) take in modification
  // order, when `before` happens before it: coherence.
  int Bound(LocationId location, const Clock& before) const;

  bool HappensBefore(const Event& a, const Event& b) const {
    return b.before.at[a.thread] > a.index;
  }
  static bool IsIn(const Event& e, const Clock& clock) { return clock.at[e.thread] > e.index; }

  // The events for which keep[id] is set, in their order. They must contain what they depend on,
  // up to `loose`, a read whose source is about to change. Promises that were fulfilled behind it,
  // and not in `prefix`, are open again.
  void Restrict(const Graph& from, const std::vector<char>& keep, EventId loose,
                const Clock& prefix, std::vector<EventId>* new_ids);

  int seq_cst_count() const { return seq_cst_count_; }
  int barrier_count() const { return barrier_count_; }
  int spurious_count() const { return spurious_count_; }
  void CountSpurious() { ++spurious_count_; }

 private:
  std::vector<Event> events_;
  std::array<std::vector<EventId>, kMaxThreads> threads_;
  std::vector<LocationOrder> locations_;
  void FillThreads();

  int promise_count_ = 0;
  int seq_cst_count_ = 0;
  int barrier_count_ = 0;
  int spurious_count_ = 0;
};

}  // namespace weft::model_internal

#endif  // WEFT_TOOLS_MODEL_INTERNAL_GRAPH_H_

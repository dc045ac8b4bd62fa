#include "tools/model/internal/graph.h"

#include <algorithm>

namespace weft::model_internal {

void Graph::Clear() {
  events_.clear();
  for (auto& thread : threads_) thread.clear();
  locations_.clear();
  seq_cst_count_ = 0;
  barrier_count_ = 0;
  spurious_count_ = 0;
}

const LocationOrder& Graph::order_of(LocationId location) {
  if (location >= locations_.size()) locations_.resize(location + 1);
  return locations_[location];
}

EventId Graph::Append(Event e) {
  const EventId id = static_cast<EventId>(events_.size());
  std::vector<EventId>& thread = threads_[e.thread];
  e.index = static_cast<uint16_t>(thread.size());
  if (!thread.empty()) {
    const Event& last = events_[thread.back()];
    e.before = last.before;
    e.prefix = last.prefix;
    e.pending = last.pending;
    e.release_fence = last.release_fence;
  }
  e.before.at[e.thread] = e.index + 1;
  e.prefix.at[e.thread] = e.index + 1;
  if (e.kind == Kind::kFence) {
    if (IsAcquire(e.order)) e.before.Join(e.pending);
    if (IsRelease(e.order)) e.release_fence = e.index;
  }
  if (IsAccess(e)) {
    order_of(e.location);
    EventId& latest = locations_[e.location].latest[e.thread];
    e.previous = latest;
    latest = id;
  }
  // The halves of a read-modify-write may be counted twice: the count says only whether to look.
  if (e.order == std::memory_order::seq_cst || e.failure_order == std::memory_order::seq_cst) {
    ++seq_cst_count_;
  }
  if (e.kind == Kind::kLight || e.kind == Kind::kHeavy) ++barrier_count_;
  thread.push_back(id);
  events_.push_back(e);
  return id;
}

void Graph::SetSource(EventId read, EventId source, uint64_t value) {
  Event& r = events_[read];
  r.source = source;
  r.value = value;
  if (source == kInitial) return;
  const Event& w = events_[source];
  r.prefix.Join(w.prefix);
  r.pending.Join(w.release);
  if (IsAcquire(EffectiveOrder(r))) r.before.Join(w.release);
}

void Graph::Place(EventId write, EventId after) {
  Event& w = events_[write];
  LocationOrder& order = locations_[w.location];
  w.previous_write = after;
  EventId& next = after == kInitial ? order.first : events_[after].next_write;
  w.next_write = next;
  next = write;
  if (w.next_write == kNone) {
    order.last = write;
  } else {
    events_[w.next_write].previous_write = write;
  }
  w.position = static_cast<uint16_t>(PositionOf(after) + 1);
  ++order.writes;
  for (EventId id = w.next_write; id != kNone; id = events_[id].next_write) ++events_[id].position;

  w.release = Clock();
  if (IsRelease(w.order)) {
    w.release = w.before;
  } else if (w.release_fence != kNone) {
    w.release = EventAt(w.thread, w.release_fence).before;
  }
  // A release sequence goes on through read-modify-writes only.
  if (w.updates && after != kInitial) w.release.Join(events_[after].release);
}

void Graph::Synchronize(EventId from, EventId to) {
  Event& target = events_[to];
  target.source = from;
  target.before.Join(events_[from].before);
  target.prefix.Join(events_[from].prefix);
}

EventId Graph::UpdateOf(LocationId location, EventId write) const {
  const EventId next = NextWrite(location, write);
  if (next == kNone || !events_[next].updates) return kNone;
  const Event& w = events_[next];
  return EventAt(w.thread, w.index - 1).source == write ? next : static_cast<EventId>(kNone);
}

int Graph::Bound(LocationId location, const Clock& before) const {
  int bound = 0;
  const LocationOrder& order = locations_[location];
  for (int t = 0; t < kMaxThreads; ++t) {
    EventId id = order.latest[t];
    // Positions grow along a thread's accesses, so the last one that happens before tells.
    while (id != kNone && (events_[id].index >= before.at[t] ||
                           (events_[id].kind == Kind::kRead && events_[id].source == kNone) ||
                           (events_[id].kind == Kind::kWrite && events_[id].position == 0))) {
      id = events_[id].previous;
    }
    if (id != kNone) bound = std::max(bound, PositionSeen(events_[id]));
  }
  return bound;
}

void Graph::Restrict(const Graph& from, const std::vector<char>& keep, EventId loose,
                     std::vector<EventId>* new_ids) {
  Clear();
  locations_.resize(from.locations_.size());
  std::vector<EventId>& ids = *new_ids;
  ids.assign(from.events_.size(), kNone);
  for (EventId id = 0; id < from.size(); ++id) {
    if (keep[id] != 0) ids[id] = static_cast<EventId>(events_.size()), events_.push_back(from[id]);
  }
  const auto renamed = [&ids](EventId id) { return id == kNone || id == kInitial ? id : ids[id]; };
  for (EventId id = 0; id < size(); ++id) {
    Event& e = events_[id];
    e.source = renamed(e.source);
    e.previous = renamed(e.previous);
    e.next_write = kNone;
    threads_[e.thread].push_back(id);
    if (IsAccess(e)) locations_[e.location].latest[e.thread] = id;
    if (e.order == std::memory_order::seq_cst || e.failure_order == std::memory_order::seq_cst) {
      ++seq_cst_count_;
    }
    if (e.kind == Kind::kLight || e.kind == Kind::kHeavy) ++barrier_count_;
    if (e.spurious) ++spurious_count_;
  }
  for (LocationId location = 0; location < from.location_count(); ++location) {
    LocationOrder& order = locations_[location];
    for (EventId id = from.locations_[location].first; id != kNone; id = from[id].next_write) {
      if (ids[id] == kNone) continue;
      Event& w = events_[ids[id]];
      w.previous_write = order.last;
      w.position = ++order.writes;
      (order.last == kInitial ? order.first : events_[order.last].next_write) = ids[id];
      order.last = ids[id];
    }
  }
  if (loose == kNone) return;
  // The read starts anew from what its thread knew before it.
  Event& r = events_[ids[loose]];
  r.source = kNone;
  r.updates = false;
  r.before = Clock();
  r.prefix = Clock();
  r.pending = Clock();
  if (r.index > 0) {
    const Event& last = EventAt(r.thread, r.index - 1);
    r.before = last.before;
    r.prefix = last.prefix;
    r.pending = last.pending;
  }
  r.before.at[r.thread] = r.index + 1;
  r.prefix.at[r.thread] = r.index + 1;
}

}  // namespace weft::model_internal

#include "tools/model/internal/graph.h"

#include <algorithm>
#include <utility>

namespace weft::model_internal {

void Graph::Clear() {
  events_.clear();
  for (auto& thread : threads_) thread.clear();
  locations_.clear();
  promise_count_ = 0;
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
  // Who reads a promise does not depend on its thread having come to it.
  if (!w.promised) r.prefix.Join(w.prefix);
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

EventId Graph::AddPromise(const Event& e) {
  order_of(e.location);
  events_.push_back(e);
  events_.back().promised = true;
  return static_cast<EventId>(promise_count_++);
}

EventId Graph::FindPromise(int thread, int index) const {
  for (EventId id = 0; id < promise_count_; ++id) {
    if (events_[id].thread == thread && events_[id].index == index) return id;
  }
  return kNone;
}

int Graph::unfulfilled_count() const {
  int count = 0;
  for (EventId id = 0; id < promise_count_; ++id) {
    count += events_[id].fulfilled_at == kNone ? 1 : 0;
  }
  return count;
}

EventId Graph::Limit(LocationId location, int thread, int index) const {
  EventId limit = kNone;
  for (EventId id = 0; id < promise_count_; ++id) {
    const Event& e = events_[id];
    if (e.location != location || e.thread != thread || e.index <= index) continue;
    if (limit == kNone || e.position < events_[limit].position) limit = id;
  }
  return limit;
}

bool Graph::Fulfil(EventId promise) {
  Event& w = events_[promise];
  std::vector<EventId>& thread = threads_[w.thread];
  if (!thread.empty()) {
    const Event& last = events_[thread.back()];
    // Behind a release fence the write would publish something, which who has read it did not get.
    if (last.release_fence != kNone) return false;
    w.before = last.before;
    w.prefix = last.prefix;
    w.pending = last.pending;
  }
  if (Bound(w.location, w.before) >= w.position) return false;
  w.before.at[w.thread] = w.index + 1;
  w.prefix.at[w.thread] = w.index + 1;
  EventId& latest = locations_[w.location].latest[w.thread];
  w.previous = latest;
  latest = promise;
  w.fulfilled_at = static_cast<uint16_t>(events_.size());
  thread.push_back(promise);
  return true;
}

// From the events: program order, and each thread's accesses to each atomic. A promise stands
// behind what comes before it in its thread.
void Graph::FillThreads() {
  const auto add_promises = [this](int thread) {
    for (;;) {
      const EventId id = FindPromise(thread, count(thread));
      if (id == kNone || events_[id].fulfilled_at == kNone) return;
      threads_[thread].push_back(id);
    }
  };
  for (EventId id = static_cast<EventId>(promise_count_); id < size(); ++id) {
    if (promise_count_ > 0) add_promises(events_[id].thread);
    threads_[events_[id].thread].push_back(id);
  }
  for (int t = 0; t < kMaxThreads; ++t) {
    if (promise_count_ > 0) add_promises(t);
    for (EventId id : threads_[t]) {
      Event& e = events_[id];
      if (!IsAccess(e)) continue;
      e.previous = std::exchange(locations_[e.location].latest[t], id);
    }
  }
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
                     const Clock& prefix, std::vector<EventId>* new_ids) {
  Clear();
  locations_.resize(from.locations_.size());
  promise_count_ = from.promise_count_;
  std::vector<EventId>& ids = *new_ids;
  ids.assign(from.events_.size(), kNone);
  for (EventId id = 0; id < from.size(); ++id) {
    if (keep[id] == 0) continue;
    ids[id] = static_cast<EventId>(events_.size());
    events_.push_back(from[id]);
  }
  const auto renamed = [&ids](EventId id) { return id == kNone || id == kInitial ? id : ids[id]; };
  for (Event& e : events_) {
    e.source = renamed(e.source);
    e.next_write = kNone;
    if (e.order == std::memory_order::seq_cst || e.failure_order == std::memory_order::seq_cst) {
      ++seq_cst_count_;
    }
    if (e.kind == Kind::kLight || e.kind == Kind::kHeavy) ++barrier_count_;
    if (e.spurious) ++spurious_count_;
  }
  for (EventId id = 0; id < promise_count_; ++id) {
    Event& e = events_[id];
    if (e.fulfilled_at == kNone) continue;
    if (e.fulfilled_at > loose && !IsIn(from[id], prefix)) {
      e.fulfilled_at = kNone;
      e.before = Clock();
      e.prefix = Clock();
      e.pending = Clock();
      continue;
    }
    const auto end = keep.begin() + e.fulfilled_at;
    e.fulfilled_at = static_cast<uint16_t>(std::count(keep.begin(), end, 1));
  }
  FillThreads();
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

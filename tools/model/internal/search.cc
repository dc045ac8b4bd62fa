#include "tools/model/internal/search.h"

#include <utility>

#include "tools/model/internal/consistency.h"

namespace weft::model_internal {
namespace {

uint64_t Mask(uint8_t size) { return size >= 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * size)) - 1; }

uint64_t Enqueued(uint64_t queue, uint64_t entry) {
  int shift = 0;
  while (queue >> shift != 0) shift += 8;
  return queue | entry << shift;
}

uint64_t Dequeued(uint64_t queue, uint64_t entry) {
  for (int shift = 0; shift < 64; shift += 8) {
    if ((queue >> shift & 0xFF) != entry) continue;
    const uint64_t below = (uint64_t{1} << shift) - 1;
    return (queue & below) | ((shift < 56 ? queue >> (shift + 8) : 0) << shift);
  }
  return queue;
}

uint64_t Changed(const Event& read) {
  switch (read.change) {
    case Change::kAdd:
      return (read.value + read.operand) & Mask(read.size);
    case Change::kSubtract:
      return (read.value - read.operand) & Mask(read.size);
    case Change::kAnd:
      return read.value & read.operand;
    case Change::kOr:
      return read.value | read.operand;
    case Change::kXor:
      return read.value ^ read.operand;
    case Change::kEnqueue:
      return Enqueued(read.value, read.operand);
    case Change::kDequeue:
      return Dequeued(read.value, read.operand);
    case Change::kWake:
      return read.operand >= 8 ? 0 : read.value >> (8 * read.operand);
    case Change::kNothing:
    case Change::kSet:
    case Change::kCompare:
      break;
  }
  return read.operand;
}

}  // namespace

bool Search::Next() {
  if (stack_.empty()) return false;
  if (graph_ != nullptr) GiveBack(std::move(graph_));
  graph_ = std::move(stack_.back());
  stack_.pop_back();
  return true;
}

void Search::Promise(const std::vector<Event>& stores) { PushPromises(Graph(), stores, 0); }

void Search::PushPromises(const Graph& graph, const std::vector<Event>& stores, std::size_t done) {
  if (done == stores.size()) return Push(Copy(graph));
  Graph more = graph;
  const EventId id = more.AddPromise(stores[done]);
  for (EventId after = more.location(stores[done].location).last;;
       after = more[after].previous_write) {
    Graph placed = more;
    placed.Place(id, after);
    PushPromises(placed, stores, done + 1);
    if (after == kInitial) return;
  }
}

bool Search::IsConsistent() const { return OrdersExist(*graph_); }

void Search::SetInitial(LocationId location, uint64_t value) {
  if (location >= initial_.size()) initial_.resize(location + 1);
  initial_[location] = value;
}

bool Search::HasPlace(const Event& e) {
  if (graph_->promise_count() == 0) return true;
  const int done = graph_->count(e.thread);
  const Clock before = done > 0 ? graph_->EventAt(e.thread, done - 1).before : Clock();
  graph_->order_of(e.location);
  const EventId last = graph_->LatestFor(e.location, e.thread, done);
  return graph_->PositionOf(last) >= graph_->Bound(e.location, before);
}

EventId Search::AddRead(const Event& e) {
  if (!HasPlace(e)) return kNone;
  const EventId id = graph_->Append(e);
  const int bound = graph_->Bound(e.location, (*graph_)[id].before);
  const EventId last = graph_->LatestFor(e.location, e.thread, (*graph_)[id].index);
  EventId write = last;
  while (!e.awaits && graph_->PositionOf(write) > bound) {
    write = (*graph_)[write].previous_write;
    PushRead(Copy(*graph_), id, write);
  }
  const uint64_t value = ValueOf(e.location, last, *graph_);
  const bool updates = Updates(e, value);
  if (updates && MayFailSpuriously(*graph_, e)) PushSpurious(*graph_, id, last);
  (*graph_)[id].updates = updates;
  graph_->SetSource(id, last, value);
  if (updates) {
    const EventId update = graph_->Append(UpdateOf((*graph_)[id]));
    PushRevisits(*graph_, update);
    graph_->Place(update, last);
  }
  return id;
}

EventId Search::AddWrite(const Event& e) {
  if (!HasPlace(e)) return kNone;
  const EventId id = graph_->Append(e);
  PushRevisits(*graph_, id);
  const int bound = graph_->Bound(e.location, (*graph_)[id].before);
  const EventId last = graph_->LatestFor(e.location, e.thread, (*graph_)[id].index);
  for (EventId after = last; graph_->PositionOf(after) > bound;) {
    after = (*graph_)[after].previous_write;
    if (graph_->UpdateOf(e.location, after) != kNone) continue;
    GraphPointer other = Copy(*graph_);
    other->Place(id, after);
    PushIfConsistent(std::move(other));
  }
  graph_->Place(id, last);
  return id;
}

EventId Search::AddChoice(const Event& e) {
  const EventId id = graph_->Append(e);
  for (uint64_t value = e.expected; value-- > 1;) {
    GraphPointer other = Copy(*graph_);
    (*other)[id].value = value;
    Push(std::move(other));
  }
  return id;
}

EventId Search::AddSynchronized(const Event& e, EventId from) {
  const EventId id = graph_->Append(e);
  graph_->Synchronize(from, id);
  return id;
}

bool Search::AddGivenRead(const Event& e, EventId source, bool is_spurious) {
  const EventId id = graph_->Append(e);
  if (source != kInitial &&
      ((*graph_)[source].kind != Kind::kWrite || (*graph_)[source].location != e.location)) {
    return false;
  }
  const uint64_t value = ValueOf(e.location, source, *graph_);
  (*graph_)[id].spurious = is_spurious;
  (*graph_)[id].updates = !is_spurious && Updates(e, value);
  graph_->SetSource(id, source, value);
  if (!(*graph_)[id].updates) return true;
  if (graph_->UpdateOf(e.location, source) != kNone) return false;
  const EventId update = graph_->Append(UpdateOf((*graph_)[id]));
  places_.resize(graph_->size());
  // As its place in the end is not known, it goes with the write that it follows.
  places_[update] = source == kInitial ? 0 : places_[source];
  graph_->Place(update, source);
  return true;
}

void Search::AddGivenWrite(const Event& e, uint64_t place) {
  const EventId id = graph_->Append(e);
  places_.resize(graph_->size());
  places_[id] = place;
  EventId after = graph_->location(e.location).last;
  while (after != kInitial && places_[after] > place) after = (*graph_)[after].previous_write;
  graph_->Place(id, after);
}

void Search::AddGivenPromise(const Event& e, uint64_t place) {
  const EventId id = graph_->AddPromise(e);
  places_.resize(graph_->size());
  places_[id] = place;
  EventId after = graph_->location(e.location).last;
  while (after != kInitial && places_[after] > place) after = (*graph_)[after].previous_write;
  graph_->Place(id, after);
}

EventId Search::AddGivenChoice(const Event& e, uint64_t value) {
  const EventId id = graph_->Append(e);
  (*graph_)[id].value = value;
  return id;
}

Search::GraphPointer Search::NewGraph() {
  if (pool_.empty()) return std::make_unique<Graph>();
  GraphPointer graph = std::move(pool_.back());
  pool_.pop_back();
  graph->Clear();
  return graph;
}

Search::GraphPointer Search::Copy(const Graph& graph) {
  GraphPointer copy = NewGraph();
  *copy = graph;
  return copy;
}

void Search::Push(GraphPointer graph) { stack_.push_back(std::move(graph)); }

void Search::PushIfConsistent(GraphPointer graph) {
  if (OrdersExist(*graph)) {
    Push(std::move(graph));
  } else {
    GiveBack(std::move(graph));
  }
}

bool Search::Updates(const Event& read, uint64_t value) {
  if (read.change == Change::kCompare) return value == read.expected;
  return read.change != Change::kNothing;
}

bool Search::MayFailSpuriously(const Graph& graph, const Event& read) const {
  return read.change == Change::kCompare && read.weak &&
         graph.spurious_count() < spurious_failures_;
}

Event Search::UpdateOf(const Event& read) {
  Event e;
  e.kind = Kind::kWrite;
  e.change = read.change;
  e.order = read.order;
  e.thread = read.thread;
  e.size = read.size;
  e.updates = true;
  e.location = read.location;
  e.place = read.place;
  e.value = Changed(read);
  return e;
}

void Search::PushRead(GraphPointer graph, EventId read, EventId write) {
  const Event& r = (*graph)[read];
  const uint64_t value = ValueOf(r.location, write, *graph);
  const bool updates = Updates(r, value);
  if (updates && MayFailSpuriously(*graph, r)) PushSpurious(*graph, read, write);
  (*graph)[read].updates = updates;
  graph->SetSource(read, write, value);
  if (updates) {
    PushUpdate(std::move(graph), read);
  } else {
    PushIfConsistent(std::move(graph));
  }
}

void Search::PushSpurious(const Graph& graph, EventId read, EventId write) {
  GraphPointer other = Copy(graph);
  (*other)[read].spurious = true;
  other->CountSpurious();
  other->SetSource(read, write, ValueOf(graph[read].location, write, graph));
  PushIfConsistent(std::move(other));
}

void Search::PushUpdate(GraphPointer graph, EventId read) {
  const EventId source = (*graph)[read].source;
  const LocationId location = (*graph)[read].location;
  const EventId update = graph->Append(UpdateOf((*graph)[read]));
  PushRevisits(*graph, update);
  // Another read-modify-write may read the same write: then only its revisit is possible.
  if (graph->UpdateOf(location, source) != kNone) return GiveBack(std::move(graph));
  graph->Place(update, source);
  PushIfConsistent(std::move(graph));
}

void Search::PushRevisits(const Graph& graph, EventId write) {
  const Event& w = graph[write];
  for (EventId read = 0; read < write; ++read) {
    const Event& r = graph[read];
    if (r.kind != Kind::kRead || r.location != w.location || Graph::IsIn(r, w.prefix)) continue;
    if (MayRevisit(graph, write, read)) PushRevisit(graph, write, read);
  }
}

void Search::PushRevisit(const Graph& graph, EventId write, EventId read) {
  const Clock& prefix = graph[write].prefix;
  keep_.assign(graph.size(), 0);
  for (EventId id = 0; id <= write; ++id) {
    keep_[id] = id <= read || Graph::IsIn(graph[id], prefix) ? 1 : 0;  // Promises come first.
  }
  GraphPointer rest = NewGraph();
  rest->Restrict(graph, keep_, read, prefix, &new_ids_);
  PushPlacesAndRead(*rest, new_ids_[write], new_ids_[read]);
  GiveBack(std::move(rest));
}

void Search::PushPlacesAndRead(const Graph& graph, EventId write, EventId read) {
  const Event& w = graph[write];
  if (w.updates) {
    const EventId source = graph.EventAt(w.thread, w.index - 1).source;
    if (graph.UpdateOf(w.location, source) == kNone) PushPlaced(graph, write, source, read);
    return;
  }
  const int bound = graph.Bound(w.location, w.before);
  EventId after = graph.LatestFor(w.location, w.thread, w.index);
  while (graph.PositionOf(after) >= bound) {
    if (graph.UpdateOf(w.location, after) == kNone) PushPlaced(graph, write, after, read);
    if (after == kInitial) break;
    after = graph[after].previous_write;
  }
}

void Search::PushPlaced(const Graph& graph, EventId write, EventId after, EventId read) {
  GraphPointer other = Copy(graph);
  other->Place(write, after);
  const Event& r = (*other)[read];
  const EventId latest = other->LatestFor(r.location, r.thread, r.index);
  if (other->Bound(r.location, r.before) > other->PositionOf(write) ||
      other->PositionOf(latest) < other->PositionOf(write)) {
    return GiveBack(std::move(other));
  }
  PushRead(std::move(other), read, write);
}

bool Search::MayRevisit(const Graph& graph, EventId write, EventId read) {
  const Clock& prefix = graph[write].prefix;
  for (EventId id = read; id < write; ++id) {
    if (id != read && Graph::IsIn(graph[id], prefix)) continue;
    if (!IsCanonical(graph, id, prefix)) return false;
  }
  return true;
}

// Whether `id` was added canonically to what was there then and to what leads to the write: the
// graph in which the revisited read grows again.
bool Search::IsCanonical(const Graph& graph, EventId id, const Clock& prefix) {
  const Event& e = graph[id];
  switch (e.kind) {
    case Kind::kChoice:
      return e.value == 0;
    case Kind::kRead: {
      if (e.spurious) return false;
      if (e.source != kInitial && e.source > id && !Graph::IsIn(graph[e.source], prefix)) {
        return false;
      }
      return IsLatest(graph, e.source, e.location, id, prefix);
    }
    case Kind::kWrite: {
      for (EventId reader = 0; reader < id; ++reader) {
        if (graph[reader].kind == Kind::kRead && graph[reader].source == id) return false;
      }
      return IsLatest(graph, id, e.location, id, prefix);
    }
    default:
      return true;
  }
}

bool Search::IsLatest(const Graph& graph, EventId write, LocationId location, EventId id,
                      const Clock& prefix) {
  const EventId limit = graph.Limit(location, graph[id].thread, graph[id].index);
  for (EventId later = graph.NextWrite(location, write); later != kNone;
       later = graph[later].next_write) {
    if (later == limit) return true;
    if (later <= id || Graph::IsIn(graph[later], prefix)) return false;
  }
  return true;
}

}  // namespace weft::model_internal

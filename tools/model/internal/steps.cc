// What the threads of a scenario do: events, threads, waiting, the life of atomics.

#include <utility>

#include "tools/model/internal/explorer.h"
#include "tools/model/internal/memory.h"

namespace weft::model_internal {
namespace {

std::string At(PlaceId place) {
  return place == 0 ? std::string() : " (" + Name(PlaceAt(place)) + ")";
}

}  // namespace

LocationId Explorer::MakeAtomic(const void* address, uint64_t value, PlaceId place) {
  const OutsideHeap outside;
  Strand& self = *running_;
  std::vector<LocationId>& made = made_[self.id];
  const std::size_t number = made_count_[self.id]++;
  if (number == made.size()) {
    made.push_back(location_count_++);
    locations_.resize(location_count_);
  }
  const LocationId id = made[number];
  locations_[id] = {address, true, static_cast<uint8_t>(self.id), static_cast<uint16_t>(self.done),
                    place};
  search_.SetInitial(id, value);
  return id;
}

void Explorer::CheckAtomic(LocationId location, const void* address, PlaceId place) {
  if (location >= locations_.size() || locations_[location].address != address ||
      !locations_[location].live) {
    const OutsideHeap outside;
    message_ = "access to an atomic that does not live: destroyed, or never made" + At(place);
    Fail(message_);
  }
  const Location& known = locations_[location];
  if (known.creator != running_->id && running_->now.at[known.creator] <= known.created) {
    const OutsideHeap outside;
    message_ = "data race: an access" + At(place) +
               " is not ordered behind the making of the atomic" + At(known.place);
    Fail(message_);
  }
}

void Explorer::DestroyAtomic(LocationId location, const void* address, PlaceId place) {
  CheckAtomic(location, address, place);
  locations_[location].live = false;
  if (location >= graph().location_count()) return;
  for (EventId id : graph().location(location).latest) {
    if (id == kNone || !IsDone(id) || Graph::IsIn(graph()[id], running_->now)) continue;
    const OutsideHeap outside;
    message_ = "data race: an atomic is destroyed while thread " +
               std::to_string(graph()[id].thread) + " may still be at it" + At(graph()[id].place);
    Fail(message_);
  }
}

void Explorer::FailAssertion(std::string_view message, PlaceId place) {
  const OutsideHeap outside;
  message_ = std::string(message) + At(place);
  Fail(message_);
}

void Explorer::FailRace(std::string_view what, PlaceId place, const Accessed& other) {
  const OutsideHeap outside;
  because_ = MissingEdge(graph(), history_, running_->now, other.thread, other.epoch);
  message_ = "data race on plain memory: " + std::string(what) + " by thread " +
             std::to_string(running_->id) + At(place) + " and " + std::string(other.what) +
             " by thread " + std::to_string(other.thread) + At(other.place) +
             ": neither happens before the other";
  Fail(message_);
}

void Explorer::EndPlain(const void* address) {
  const OutsideHeap outside;
  ends_.Note(address, running_->id, Epoch());
}

void Explorer::BeginPlain(const void* address, PlaceId place) {
  const Ends::End* const end = ends_.At(address);
  if (end == nullptr || end->thread == running_->id ||
      running_->now.at[end->thread] >= end->epoch) {
    return;
  }
  FailRace("the making of a value", place,
           {"the end of the one before it", end->thread, end->epoch, 0});
}

Event Explorer::Read(Event e) {
  const OutsideHeap outside;
  e.kind = Kind::kRead;
  e.thread = static_cast<uint8_t>(running_->id);
  EventId id = Replay(e);
  if (id == kNone) id = AddRead(e);
  if (id == kNone) Block("", e.place, true);
  Done(id);
  const Event result = graph()[id];
  if (result.updates) {
    if (to_replay_ > 0) --to_replay_;
    Done(graph().At(running_->id, running_->done));
  }
  running_->seen.push_back({result.location, result.value, result.place});
  return result;
}

void Explorer::Write(Event e) {
  const OutsideHeap outside;
  e.kind = Kind::kWrite;
  e.thread = static_cast<uint8_t>(running_->id);
  EventId id = Replay(e);
  if (id == kNone) id = AddWrite(e);
  if (id == kNone) Block("", e.place, true);
  Done(id);
}

void Explorer::Add(Event e) {
  const OutsideHeap outside;
  Strand& self = *running_;
  e.thread = static_cast<uint8_t>(self.id);
  EventId id = Replay(e);
  if (id == kNone) {
    const bool is_order =
        e.kind == Kind::kFence || e.kind == Kind::kLight || e.kind == Kind::kHeavy;
    if (probing_ && !is_order) Block("", e.place, true);
    Scheduled();
    id = e.kind == Kind::kStart ? search_.AddSynchronized(e, self.spawned) : search_.Add(e);
  }
  Done(id);
}

int Explorer::Choose(int count, PlaceId place) {
  const OutsideHeap outside;
  Event e;
  e.kind = Kind::kChoice;
  e.thread = static_cast<uint8_t>(running_->id);
  e.expected = static_cast<uint64_t>(count);
  e.place = place;
  EventId id = Replay(e);
  if (id == kNone) {
    if (probing_) Block("", place, true);
    const ScheduledEvent* given = Scheduled();
    id = given == nullptr ? search_.AddChoice(e) : search_.AddGivenChoice(e, given->number);
  }
  Done(id);
  return static_cast<int>(graph()[id].value);
}

int Explorer::Spawn(std::function<void()> body, PlaceId place) {
  // On the scenario's heap: the child frees it, or it is forgotten with the execution.
  auto* kept = new std::function<void()>(std::move(body));
  const OutsideHeap outside;
  Event e;
  e.kind = Kind::kSpawn;
  e.thread = static_cast<uint8_t>(running_->id);
  e.place = place;
  EventId id = Replay(e);
  int child = 0;
  if (id != kNone) {
    child = static_cast<int>(graph()[id].value);
    if (child >= thread_count_) thread_count_ = child + 1;
  } else {
    if (probing_) Block("", place, true);
    Scheduled();
    child = thread_count_;
    if (child >= kMaxThreads) {
      message_ = "more than " + std::to_string(kMaxThreads) + " threads" + At(place);
      Fail(message_);
    }
    ++thread_count_;
    e.value = static_cast<uint64_t>(child);
    id = search_.Add(e);
  }
  Done(id);
  Strand& strand = *strands_[child];
  strand.body = kept;
  strand.spawned = id;
  strand.wait = Wait::kNothing;
  return child;
}

void Explorer::Join(int thread, PlaceId place) {
  const OutsideHeap outside;
  Strand& self = *running_;
  Event e;
  e.kind = Kind::kJoin;
  e.thread = static_cast<uint8_t>(self.id);
  e.place = place;
  self.place = place;
  self.joined = thread;
  if (self.done >= graph().count(self.id) && strands_[thread]->wait != Wait::kFinished) {
    Suspend(Wait::kJoin);
  }
  EventId id = Replay(e);
  if (id == kNone) {
    if (probing_) Block("", place, true);
    Scheduled();
    e.value = static_cast<uint64_t>(thread);
    id = search_.AddSynchronized(e, graph().At(thread, graph().count(thread) - 1));
  }
  Done(id);
}

void Explorer::Pause(PlaceId place, std::string_view reason) {
  const OutsideHeap outside;
  Strand& self = *running_;
  self.place = place;
  self.reason = reason;
  Event e;
  e.kind = Kind::kPause;
  e.thread = static_cast<uint8_t>(self.id);
  e.place = place;
  EventId id = kNone;
  if (self.done < graph().count(self.id)) {
    id = Replay(e);
  } else {
    if (!NextIsScheduledPause()) Suspend(Wait::kPause);
    Scheduled();
    id = search_.Add(e);
  }
  Done(id);
  self.before = std::move(self.seen);
  self.seen.clear();
}

void Explorer::Block(std::string_view reason, PlaceId place, bool by_design) {
  const OutsideHeap outside;
  running_->reason = reason;
  running_->place = place;
  running_->by_design = by_design;
  for (;;) Suspend(Wait::kForever);
}

}  // namespace weft::model_internal

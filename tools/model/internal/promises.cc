// Load buffering: executions in which a load reads what its own thread stores later, by way of
// other threads.
//
// The search adds events in an order in which sources come before their reads, so it never gets
// there. Hence promises: relaxed stores that were seen in executions without promises are put into
// the graph before all events, where everybody may read them; when its thread comes to the place of
// a promised store it must do that store, or there is no such execution. As the value was seen
// where nothing was promised, none comes out of thin air. Only executions that need a promise are
// counted: program order and reads-from have a cycle.

#include <string>
#include <tuple>
#include <vector>

#include "tools/model/internal/explorer.h"
#include "tools/model/internal/schedule.h"

namespace weft::model_internal {

// Stores that have a read before them in their thread, and no release fence.
void Explorer::NoteStores() {
  for (int t = 0; t < kMaxThreads; ++t) {
    bool has_read = false;
    for (int i = 0; i < graph().count(t); ++i) {
      const Event& e = graph().EventAt(t, i);
      has_read = has_read || e.kind == Kind::kRead;
      if (has_read && e.kind == Kind::kWrite && !e.updates &&
          e.order == std::memory_order::relaxed && e.release_fence == kNone) {
        stores_.emplace(t, i, e.location, e.value);
      }
    }
  }
}

void Explorer::ExplorePromises(std::size_t first, std::vector<Store>* chosen) {
  if (static_cast<int>(chosen->size()) == options_.load_buffering) return;
  for (std::size_t i = first; i < candidates_.size() && !failed_ && result_.complete; ++i) {
    const Store& store = candidates_[i];
    if (!chosen->empty() && std::get<0>(chosen->back()) == std::get<0>(store) &&
        std::get<1>(chosen->back()) == std::get<1>(store)) {
      continue;  // The same event with another value.
    }
    chosen->push_back(store);
    std::vector<Event> events;
    for (const auto& [thread, index, location, value] : *chosen) {
      Event e;
      e.kind = Kind::kWrite;
      e.thread = static_cast<uint8_t>(thread);
      e.index = static_cast<uint16_t>(index);
      e.location = location;
      e.value = value;
      events.push_back(e);
    }
    search_.Promise(events);
    ExploreStack();
    ExplorePromises(i + 1, chosen);
    chosen->pop_back();
  }
}

bool Explorer::IsNewCycle() {
  std::array<int, kMaxThreads> done{};
  for (bool moved = true; moved;) {
    moved = false;
    for (int t = 0; t < kMaxThreads; ++t) {
      while (done[t] < graph().count(t)) {
        const EventId source = graph().EventAt(t, done[t]).source;
        if (source != kNone && source != kInitial &&
            done[graph()[source].thread] <= graph()[source].index) {
          break;
        }
        ++done[t];
        moved = true;
      }
    }
  }
  bool is_cycle = false;
  std::string signature;
  for (int t = 0; t < kMaxThreads; ++t) {
    is_cycle = is_cycle || done[t] < graph().count(t);
    for (int i = 0; i < graph().count(t); ++i) {
      const Event& e = graph().EventAt(t, i);
      const bool has_source = e.source != kNone && e.source != kInitial;
      signature += std::to_string(has_source ? graph()[e.source].thread : 0) + "." +
                   std::to_string(has_source ? graph()[e.source].index : e.source) + "@" +
                   std::to_string(e.position) + "=" + std::to_string(e.value) + " ";
    }
    signature += ";";
  }
  return is_cycle && cycles_.insert(signature).second;
}

EventId Explorer::Fulfil(const Event& e) {
  const EventId id = graph().FindPromise(running_->id, running_->done);
  if (id == kNone) return kNone;
  Scheduled();
  const Event& promise = graph()[id];
  if (e.kind != Kind::kWrite || e.location != promise.location || e.value != promise.value ||
      e.order != std::memory_order::relaxed || !search_.Fulfil(id)) {
    Block("", e.place, true);
  }
  return id;
}

// The number of an atomic by who made it: the same in every exploration, which LocationIds are not.
LocationId Explorer::LocationOf(int thread, std::size_t number) {
  while (made_[thread].size() <= number) made_[thread].push_back(location_count_++);
  locations_.resize(location_count_);
  return made_[thread][number];
}

std::string Explorer::PrintPromises() const {
  std::string text;
  for (EventId id = 0; id < graph().promise_count(); ++id) {
    const Event& e = graph()[id];
    ScheduledEvent promise;
    promise.what = ScheduledEvent::What::kPromise;
    promise.thread = e.thread;
    promise.source_index = e.index;
    promise.value = e.value;
    promise.place = e.position;
    for (int t = 0; t < kMaxThreads; ++t) {
      for (std::size_t n = 0; n < made_[t].size(); ++n) {
        if (made_[t][n] != e.location) continue;
        promise.source_thread = t;
        promise.number = n;
      }
    }
    text += Print(promise) + " ";
  }
  return text;
}

void Explorer::AddScheduledPromises() {
  for (; scheduled_ < schedule_.size() &&
         schedule_[scheduled_].what == ScheduledEvent::What::kPromise;
       ++scheduled_) {
    const ScheduledEvent& given = schedule_[scheduled_];
    Event e;
    e.kind = Kind::kWrite;
    e.thread = static_cast<uint8_t>(given.thread);
    e.index = static_cast<uint16_t>(given.source_index);
    e.location = LocationOf(given.source_thread, given.number);
    e.value = given.value;
    search_.AddGivenPromise(e, given.place);
  }
}

}  // namespace weft::model_internal

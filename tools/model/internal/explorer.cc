#include "tools/model/internal/explorer.h"

#include <exception>
#include <optional>
#include <utility>

#include "base/check.h"
#include "tools/model/internal/memory.h"

namespace weft::model_internal {
namespace {

Explorer* running_explorer = nullptr;

}  // namespace

Explorer* Explorer::Running() { return running_explorer; }

Explorer::Explorer(const ExploreOptions& options, const std::function<void()>& scenario)
    : options_(options), scenario_(scenario), search_(options.spurious_failures) {
  WEFT_CHECK(running_explorer == nullptr)
      << "model::Explore(): expected one exploration at a time, found a second one";
  for (int t = 0; t < kMaxThreads; ++t) {
    strands_[t] = std::make_unique<Strand>();
    strands_[t]->id = t;
  }
}

Explorer::~Explorer() = default;

Exploration Explorer::Explore() {
  if (!options_.replay.empty()) {
    const std::optional<Schedule> schedule = Parse(options_.replay);
    WEFT_CHECK(schedule.has_value()) << "model: expected the schedule of a failed Result to "
                                        "replay, found '"
                                     << options_.replay << "'";
    schedule_ = *schedule;
  }
  running_explorer = this;
  ExploreStack();
  if (options_.load_buffering > 0 && schedule_.empty()) {
    candidates_.assign(stores_.begin(), stores_.end());
    std::vector<Store> chosen;
    ExplorePromises(0, &chosen);
  }
  running_explorer = nullptr;
  return std::move(result_);
}

void Explorer::ExploreStack() {
  while (!failed_ && search_.Next()) {
    if (result_.executions + result_.blocked >= options_.max_executions) {
      result_.complete = false;
      return;
    }
    Run();
    if (!schedule_.empty()) return;
  }
}

void Explorer::Run() {
  Heap::Reset(&OnMemoryFailure);
  history_.clear();
  locations_.assign(locations_.size(), Location());
  ends_.Clear();
  made_count_.fill(0);
  pending_failure_.clear();
  because_.clear();
  probing_ = false;
  if (!schedule_.empty()) AddScheduledPromises();
  to_replay_ = graph().size() - graph().unfulfilled_count();
  thread_count_ = 1;
  for (auto& strand : strands_) {
    strand->wait = Wait::kFinished;
    strand->started = false;
    strand->done = 0;
    strand->now = Clock();
    strand->cell = kNone;
    strand->waits = 0;
    strand->spurious_wakes = 0;
    strand->probed = false;
    strand->seen.clear();
    strand->before.clear();
  }
  strands_[0]->body = &scenario_;
  strands_[0]->wait = Wait::kNothing;
  for (;;) {
    running_ = PickStrand();
    if (running_ == nullptr) {
      if (LetOnePauseEnd() || ProbeOnePause()) continue;
      break;
    }
    running_->wait = Wait::kNothing;
    if (!running_->started) {
      running_->started = true;
      running_->fiber.Start(&Enter, running_);
    }
    running_->fiber.Resume();
    Heap::SetThread(-1);
    if (failed_) return;
  }
  Conclude();
}

void Explorer::Enter(void* strand) {
  Strand& self = *static_cast<Strand*>(strand);
  Explorer& explorer = *running_explorer;
  if (self.id != 0) {
    Event e;
    e.kind = Kind::kStart;
    explorer.Add(e);
  }
  Heap::SetThread(self.id);
  try {
    (*self.body)();
    if (self.id != 0) delete self.body;
  } catch (const std::exception& e) {
    Heap::SetThread(-1);
    explorer.message_ = std::string("an exception leaves the thread's body: ") + e.what();
    explorer.Fail(explorer.message_);
  } catch (...) {
    explorer.Fail("an exception leaves the thread's body");
  }
  Heap::SetThread(-1);
  if (self.id != 0) {
    Event e;
    e.kind = Kind::kEnd;
    explorer.Add(e);
  }
  explorer.Suspend(Wait::kFinished);
}

bool Explorer::CanRun(const Strand& strand) const {
  switch (strand.wait) {
    case Wait::kNothing:
      return true;
    case Wait::kSource:
      return IsDone(strand.source);
    case Wait::kFrontier:
      return to_replay_ == 0;
    case Wait::kTurn:
      return scheduled_ == schedule_.size() || schedule_[scheduled_].thread == strand.id;
    case Wait::kJoin:
      return strands_[strand.joined]->wait == Wait::kFinished;
    case Wait::kPause:
    case Wait::kForever:
    case Wait::kFinished:
      return false;
  }
  return false;
}

Explorer::Strand* Explorer::PickStrand() {
  for (int t = 0; t < thread_count_; ++t) {
    if (CanRun(*strands_[t])) return strands_[t].get();
  }
  return nullptr;
}

void Explorer::Suspend(Wait wait) {
  running_->wait = wait;
  running_->fiber.Suspend();
}

bool Explorer::IsDone(EventId id) const {
  if (id == kNone || id == kInitial) return true;
  const Event& e = graph()[id];
  return e.promised || strands_[e.thread]->done > e.index;
}

EventId Explorer::Replay(const Event& e) {
  Strand& self = *running_;
  if (self.done >= graph().count(self.id)) {
    PrepareNew();
    return graph().promise_count() > 0 ? Fulfil(e) : static_cast<EventId>(kNone);
  }
  const EventId id = graph().At(self.id, self.done);
  const Event& known = graph()[id];
  if (known.kind != e.kind || known.location != e.location || known.operand != e.operand ||
      (e.kind == Kind::kWrite && known.value != e.value)) {
    Fail(
        "the scenario does not do the same again when it reads the same: it depends on something "
        "other than what it reads through the model");
  }
  if (!IsDone(known.source)) {
    self.source = known.source;
    Suspend(Wait::kSource);
  }
  --to_replay_;
  return id;
}

void Explorer::PrepareNew() {
  if (to_replay_ > 0) Suspend(Wait::kFrontier);
  if (graph().size() >= options_.max_events) {
    message_ = "more than " + std::to_string(options_.max_events) +
               " events: a loop that does not end, or Options::max_events is too small";
    Fail(message_);
  }
}

EventId Explorer::Done(EventId id) {
  ++running_->done;
  running_->now = graph()[id].before;
  history_.push_back(id);
  return id;
}

void Explorer::FailNow(std::string_view message) {
  const OutsideHeap outside;
  failed_ = true;
  result_.failure = message;
  std::vector<PlaceId> made;
  for (const Location& location : locations_) made.push_back(location.place);
  result_.trace = TraceOf(graph(), history_, made) + because_ + MissedWrites(graph(), history_);
  result_.schedule = PrintPromises() + Print(graph(), history_);
}

const ScheduledEvent* Explorer::Scheduled() {
  if (scheduled_ == schedule_.size()) return nullptr;
  if (schedule_[scheduled_].thread != running_->id) Suspend(Wait::kTurn);
  if (scheduled_ == schedule_.size()) return nullptr;
  return &schedule_[scheduled_++];
}

bool Explorer::NextIsScheduledPause() const {
  for (std::size_t i = scheduled_; i < schedule_.size(); ++i) {
    if (schedule_[i].thread == running_->id) {
      return schedule_[i].what == ScheduledEvent::What::kPause;
    }
  }
  return false;
}

EventId Explorer::AddRead(const Event& e) {
  const ScheduledEvent* given = Scheduled();
  if (given == nullptr) return probing_ ? ProbeRead(e) : search_.AddRead(e);
  const EventId id = static_cast<EventId>(graph().size());
  EventId source = kInitial;
  if (given->source_thread >= 0) {
    source = graph().FindPromise(given->source_thread, given->source_index);
    if (source == kNone) {
      if (given->source_index >= graph().count(given->source_thread)) FailSchedule();
      source = graph().At(given->source_thread, given->source_index);
    }
  }
  const bool is_spurious = given->what == ScheduledEvent::What::kSpurious;
  if (!search_.AddGivenRead(e, source, is_spurious)) FailSchedule();
  return id;
}

// Reads the last value. A read-modify-write that changes it is more than waiting: kNone.
EventId Explorer::ProbeRead(const Event& e) {
  const auto id = static_cast<EventId>(graph().size());
  search_.AddGivenRead(e, search_.LastWrite(e.location), false);
  const Event& read = graph()[id];
  return read.updates && graph().EventAt(read.thread, read.index + 1).value != read.value ? kNone
                                                                                          : id;
}

EventId Explorer::AddWrite(const Event& e) {
  if (probing_) return kNone;
  const ScheduledEvent* given = Scheduled();
  if (given == nullptr) return search_.AddWrite(e);
  search_.AddGivenWrite(e, given->number);
  return static_cast<EventId>(graph().size() - 1);
}

void Explorer::FailSchedule() {
  Fail("the schedule does not fit the scenario: it comes from another one, or from other code");
}

void Explorer::Fail(std::string_view message) {
  if (graph().unfulfilled_count() == 0) {
    FailNow(message);
  } else if (pending_failure_.empty()) {
    // It counts if the other threads fulfil what was promised.
    const OutsideHeap outside;
    pending_failure_ = message;
  }
  for (;;) Suspend(Wait::kForever);
}

void Explorer::OnMemoryFailure(const char* message) { running_explorer->Fail(message); }

void Explorer::Conclude() {
  if (graph().unfulfilled_count() > 0) {
    ++result_.blocked;
    return;
  }
  if (!pending_failure_.empty()) return FailNow(pending_failure_);
  bool all_finished = true;
  bool by_design = false;
  for (int t = 0; t < thread_count_; ++t) {
    const Strand& strand = *strands_[t];
    all_finished = all_finished && strand.wait == Wait::kFinished;
    by_design = by_design || IsStale(strand);
    if (strand.wait == Wait::kSource || strand.wait == Wait::kFrontier ||
        strand.wait == Wait::kTurn) {
      return FailNow(
          "the scenario does not do the same again when it reads the same: a thread "
          "waits for an event that does not come");
    }
  }
  if (all_finished) {
    if (graph().promise_count() > 0 && !IsNewCycle()) return;
    if (options_.load_buffering > 0) NoteStores();
    ++result_.executions;
    if (options_.on_complete) options_.on_complete(graph());
  } else if (by_design) {
    ++result_.blocked;
  } else {
    FailNow(Deadlock());
  }
}

// Whether there is another execution in which the thread is not stuck here: it gave up by design,
// or it paused on a value that is not the last one.
bool Explorer::IsStale(const Strand& strand) const {
  if (strand.wait == Wait::kForever) {
    return strand.by_design ||
           (strand.cell != kNone && graph().location(strand.cell).last != kInitial);
  }
  if (strand.wait != Wait::kPause) return false;
  for (const Seen& seen : strand.seen) {
    const EventId last = graph().location(seen.location).last;
    if (last != kInitial && graph()[last].value != seen.value) return true;
  }
  return false;
}

// A pause whose reads are up to date returns when nobody else can move: a loop of finitely many
// turns goes on then. The second turn that sees what the first saw is stuck.
bool Explorer::LetOnePauseEnd() {
  if (graph().unfulfilled_count() > 0) return false;
  Strand* found = nullptr;
  for (int t = 0; t < thread_count_; ++t) {
    Strand& strand = *strands_[t];
    if (IsStale(strand)) return false;
    if (found == nullptr && strand.wait == Wait::kPause && strand.seen != strand.before) {
      found = &strand;
    }
  }
  if (found == nullptr) return false;
  found->wait = Wait::kNothing;
  return true;
}

// A thread that paused on a value that is not the last one waits for nothing if its loop reads that
// value again: then another execution has it read the last one. But it may have read it before the
// loop. So it takes one more turn, in which it reads the last values only, and nothing is explored:
// should it pause again, it hangs; should it get further, the other execution shows what comes of
// it.
bool Explorer::ProbeOnePause() {
  if (graph().unfulfilled_count() > 0) return false;
  Strand* found = nullptr;
  for (int t = 0; t < thread_count_; ++t) {
    Strand& strand = *strands_[t];
    if (!IsStale(strand)) continue;
    if (strand.wait == Wait::kForever) return false;
    if (found == nullptr && !strand.probed) found = &strand;
  }
  if (found == nullptr) return false;
  probing_ = true;
  found->probed = true;
  found->wait = Wait::kNothing;
  return true;
}

std::string Explorer::Deadlock() const {
  std::string text = "nobody can go on:";
  for (int t = 0; t < thread_count_; ++t) {
    const Strand& strand = *strands_[t];
    if (strand.wait == Wait::kFinished) continue;
    text += " thread " + std::to_string(t);
    if (strand.wait == Wait::kJoin) {
      text += " joins thread " + std::to_string(strand.joined);
    } else {
      text += " " + strand.reason;
    }
    text += " (" + Name(PlaceAt(strand.place)) + ");";
  }
  text.pop_back();
  return text;
}

}  // namespace weft::model_internal

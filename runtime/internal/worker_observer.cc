#include "runtime/internal/worker_observer.h"

#include <string_view>
#include <utility>

#include "absl/time/time.h"

namespace weft::runtime_internal {
namespace {

constexpr std::size_t kNameWord = 5;

// A note: its mark, whether the task has run before, and the time above them, unless it is zero.
constexpr std::uintptr_t kIsNote = 1, kHasRun = 2;
constexpr int kTimeShift = 2;

}  // namespace

EventWords EncodeEvent(const TraceEvent& event) { return EncodeEvent(event, event.name); }

EventWords EncodeEvent(const TraceEvent& event, std::string_view name) {
  EventWords words{};
  const std::size_t name_bytes =
      name.copy(reinterpret_cast<char*>(&words[kNameWord]), TraceEvent::kNameBytes);
  words[0] = static_cast<uint64_t>(event.at.nanos());
  words[1] = static_cast<uint64_t>(event.kind) | name_bytes << 8 |
             (static_cast<uint64_t>(event.other + 1) & 0xffff) << 16 | uint64_t{event.count} << 32;
  words[2] = static_cast<uint64_t>(event.task);
  words[3] = static_cast<uint64_t>(event.queued_at.nanos());
  words[4] = reinterpret_cast<std::uintptr_t>(event.type);
  return words;
}

TraceEvent DecodeEvent(const EventWords& words) {
  TraceEvent event;
  event.at = Instant::FromNanos(static_cast<int64_t>(words[0]));
  event.kind = static_cast<TraceEvent::Kind>(words[1] & 0xff);
  event.other = static_cast<int>(words[1] >> 16 & 0xffff) - 1;
  event.count = static_cast<uint32_t>(words[1] >> 32);
  event.task = static_cast<TaskId>(words[2]);
  event.queued_at = Instant::FromNanos(static_cast<int64_t>(words[3]));
  event.type = reinterpret_cast<const std::type_info*>(words[4]);
  event.name.assign(reinterpret_cast<const char*>(&words[kNameWord]), words[1] >> 8 & 0xff);
  return event;
}

void NoteQueued(Runnable* runnable, Instant now) {
  const auto last = reinterpret_cast<std::uintptr_t>(runnable->next_runnable);
  const std::uintptr_t has_run = (last & kIsNote) != 0 ? last & kHasRun : 0;
  const auto note = static_cast<std::uintptr_t>(now.nanos()) << kTimeShift | has_run | kIsNote;
  runnable->next_runnable = reinterpret_cast<Runnable*>(note);
}

void NoteRun(Runnable* runnable) {
  runnable->next_runnable = reinterpret_cast<Runnable*>(kHasRun | kIsNote);
}

QueuedNote TakeQueued(Runnable* runnable) {
  const auto note = reinterpret_cast<std::uintptr_t>(runnable->next_runnable);
  NoteRun(runnable);
  if ((note & kIsNote) == 0 || note >> kTimeShift == 0) return {};
  return {.since = Instant::FromNanos(static_cast<int64_t>(note >> kTimeShift)),
          .is_first = (note & kHasRun) == 0};
}

WorkerObserver::WorkerObserver(const ObserveOptions& options, AsymmetricEventCount* run_begins)
    : measures_(options.latencies == Latencies::kMeasured),
      traces_(options.trace_events > 0),
      watches_(options.IsWatching()),
      limit_(options.starvation_limit),
      run_begins_(run_begins),
      trace_(options.trace_events) {}

void WorkerObserver::Run(Runnable* runnable, Instant begin) {
  const TaskId task = TaskIdOf(runnable);
  const QueuedNote queued = TakeQueued(runnable);
  if (measures_ && queued.since != Instant::InfinitePast()) {
    queue_times_.Record(begin - queued.since);
    if (queued.is_first) spawn_times_.Record(begin - queued.since);
  }
  if (traces_ || watches_) NoteBegin(*runnable, begin, queued.since);
  runnable->Run();  // it may be gone
  const Instant end = MonotonicNow();
  if (measures_) run_times_.Record(end - begin);
  if (traces_ || watches_) NoteEnd(task, end);
}

void WorkerObserver::NoteBegin(const Runnable& runnable, Instant begin, Instant queued_at) {
  const RunnableLabel label = runnable.label();
  const EventWords words = EncodeEvent({.kind = TraceEvent::Kind::kRunBegin,
                                        .at = begin,
                                        .task = TaskIdOf(&runnable),
                                        .queued_at = queued_at,
                                        .type = label.type,
                                        .name = {}},
                                       label.name);
  if (traces_) trace_.Push(words);
  if (!watches_) return;
  runs_.Push(words);
  if (queued_at != Instant::InfinitePast() && begin - queued_at > limit_) late_runs_.Push(words);
  run_begins_->NotifyAll();
}

void WorkerObserver::NoteEnd(TaskId task, Instant end) {
  const EventWords words =
      EncodeEvent({.kind = TraceEvent::Kind::kRunEnd, .at = end, .task = task, .name = {}});
  if (traces_) trace_.Push(words);
  if (watches_) runs_.Push(words);
}

void WorkerObserver::Record(const TraceEvent& event) {
  if (traces_) trace_.Push(EncodeEvent(event));
}

void WorkerObserver::OnQueued(Runnable* runnable, Instant now) {
  NoteQueued(runnable, now);
  Record({.kind = TraceEvent::Kind::kQueued, .at = now, .task = TaskIdOf(runnable), .name = {}});
}

void WorkerObserver::OnSteal(int victim, std::size_t count) {
  if (!traces_) return;
  Record({.kind = TraceEvent::Kind::kSteal,
          .at = MonotonicNow(),
          .name = {},
          .count = static_cast<uint32_t>(count),
          .other = victim});
}

void WorkerObserver::OnTimers(std::size_t count) {
  if (!traces_ || count == 0) return;
  Record({.kind = TraceEvent::Kind::kTimers,
          .at = MonotonicNow(),
          .name = {},
          .count = static_cast<uint32_t>(count)});
}

void WorkerObserver::OnSleep(TraceEvent::Kind kind) {
  if (traces_) Record({.kind = kind, .at = MonotonicNow(), .name = {}});
}

RuntimeTrace::Worker WorkerObserver::Trace() const {
  const EventRing::Contents contents = trace_.Read();
  RuntimeTrace::Worker worker;
  worker.dropped = contents.dropped;
  worker.events.reserve(contents.records.size());
  for (const EventWords& words : contents.records) worker.events.push_back(DecodeEvent(words));
  return worker;
}

std::optional<TraceEvent> WorkerObserver::LastOf(const EventRing& ring) {
  const EventRing::Contents last = ring.Read(1);
  if (last.records.empty()) return std::nullopt;
  return DecodeEvent(last.records.front());
}

}  // namespace weft::runtime_internal

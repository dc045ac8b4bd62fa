#include "runtime/trace.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/instant.h"
#include "runtime/internal/type_name.h"
#include "runtime/observe.h"
#include "runtime/trace_json.h"

namespace weft {
namespace {

using Kind = TraceEvent::Kind;

constexpr TraceJson::Label kSleep = {"asleep", "idle"};
constexpr TraceJson::Label kWatch = {"waiting for timers and descriptors", "idle"};
constexpr TraceJson::Label kQueued = {"queued", "wake"};

// Writes the workers one after the other.
class Writer {
 public:
  explicit Writer(const RuntimeTrace& trace) : trace_(trace) {
    Instant first = Instant::InfiniteFuture();
    for (const RuntimeTrace::Worker& worker : trace.workers) {
      if (!worker.events.empty()) first = std::min(first, worker.events.front().at);
      for (const TraceEvent& event : worker.events) NumberArrow(event);
    }
    start_ = first;
  }

  std::string Write() && {
    json_.NameProcess("weft runtime");
    for (std::size_t i = 0; i < trace_.workers.size(); ++i) {
      const RuntimeTrace::Worker& worker = trace_.workers[i];
      // Track 0 is the process.
      track_ = static_cast<int>(i) + 1;
      json_.NameTrack(track_, absl::StrCat("worker ", i,
                                           worker.dropped == 0 ? ""
                                                               : absl::StrCat(", ", worker.dropped,
                                                                              " events dropped")));
      is_open_ = false;
      for (const TraceEvent& event : worker.events) Add(event);
    }
    return std::move(json_).Finish().dump(-1, ' ', false,
                                          TraceJson::Json::error_handler_t::replace) +
           "\n";
  }

 private:
  // A task is queued at most once at an instant.
  using Queueing = std::pair<TaskId, int64_t>;
  struct Arrow {
    uint64_t id = 0;
    bool has_begin = false;
    bool has_end = false;
    bool IsWhole() const { return has_begin && has_end; }
  };

  static Queueing QueueingOf(const TraceEvent& event) {
    return {event.task, (event.kind == Kind::kQueued ? event.at : event.queued_at).nanos()};
  }

  void NumberArrow(const TraceEvent& event) {
    if (event.kind != Kind::kQueued && event.kind != Kind::kRunBegin) return;
    Arrow& arrow =
        arrows_.try_emplace(QueueingOf(event), Arrow{.id = arrows_.size()}).first->second;
    (event.kind == Kind::kQueued ? arrow.has_begin : arrow.has_end) = true;
  }

  TraceJson::Point PointOf(const TraceEvent& event) const {
    return {track_, event.at.nanos() - start_.nanos()};
  }

  void Add(const TraceEvent& event) {
    switch (event.kind) {
      case Kind::kRunBegin:
        return AddRun(event);
      case Kind::kSleepBegin:
        return Begin(event, kSleep);
      case Kind::kWatchBegin:
        return Begin(event, kWatch);
      case Kind::kRunEnd:
      case Kind::kSleepEnd:
      case Kind::kWatchEnd:
        return End(event);
      case Kind::kQueued:
        return AddQueued(event);
      case Kind::kSteal:
        return json_.Mark(
            PointOf(event), {"steal", "steal"},
            {{"tasks", absl::StrCat(event.count)}, {"from", absl::StrCat("worker ", event.other)}});
      case Kind::kTimers:
        return json_.Mark(PointOf(event), {"timers", "timers"},
                          {{"count", absl::StrCat(event.count)}});
    }
  }

  void AddRun(const TraceEvent& event) {
    const std::string type = runtime_internal::TypeName(event.type);
    Begin(event, {event.name.empty() ? std::string_view(type) : event.name, "run"},
          {{"type", type}, {"id", ToString(event.task)}});
    const Arrow& arrow = arrows_.at(QueueingOf(event));
    if (arrow.IsWhole()) json_.ArrowTo(PointOf(event), arrow.id, kQueued);
  }

  void AddQueued(const TraceEvent& event) {
    const Arrow& arrow = arrows_.at(QueueingOf(event));
    if (arrow.IsWhole()) json_.ArrowFrom(PointOf(event), arrow.id, kQueued);
  }

  void Begin(const TraceEvent& event, TraceJson::Label label, TraceJson::Json args = {}) {
    is_open_ = true;
    json_.Begin(PointOf(event), label, std::move(args));
  }
  // The begin of the first may have been dropped.
  void End(const TraceEvent& event) {
    if (std::exchange(is_open_, false)) json_.End(PointOf(event));
  }

  const RuntimeTrace& trace_;
  Instant start_;
  std::map<Queueing, Arrow> arrows_;
  TraceJson json_;
  int track_ = 0;
  bool is_open_ = false;
};

}  // namespace

std::string FormatTrace(const RuntimeTrace& trace) { return Writer(trace).Write(); }

}  // namespace weft

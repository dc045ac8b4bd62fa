#include <algorithm>
#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "dag/graph.h"
#include "dag/run_report.h"
#include "tools/json.h"
#include "tools/report.h"

namespace weft::tools {
namespace {

constexpr int kProcess = 1;

// A step that was executed, in nanoseconds since the start of the run.
struct Slice {
  StepIndex step = 0;
  int64_t begin = 0;
  int64_t end = 0;
  int track = 0;
};

// The executed steps by time; each on the lowest track that is free when it begins.
std::vector<Slice> LayOut(const FinishedRun& run) {
  std::vector<Slice> slices;
  for (StepIndex i = 0; i < run.graph.size(); ++i) {
    const StepTimes& times = run.times[i];
    if (times.begin == Instant()) continue;
    slices.push_back({i, absl::ToInt64Nanoseconds(times.begin - run.start),
                      absl::ToInt64Nanoseconds(times.end - run.start), 0});
  }
  std::sort(slices.begin(), slices.end(), [](const Slice& a, const Slice& b) {
    return std::pair(a.begin, a.step) < std::pair(b.begin, b.step);
  });
  using EndAndTrack = std::pair<int64_t, int>;
  std::priority_queue<EndAndTrack, std::vector<EndAndTrack>, std::greater<>> busy;
  std::priority_queue<int, std::vector<int>, std::greater<>> free;
  int tracks = 0;
  for (Slice& slice : slices) {
    while (!busy.empty() && busy.top().first <= slice.begin) {
      free.push(busy.top().second);
      busy.pop();
    }
    if (free.empty()) free.push(++tracks);
    slice.track = free.top();
    free.pop();
    busy.emplace(slice.end, slice.track);
  }
  return slices;
}

double Micros(int64_t nanos) { return static_cast<double>(nanos) / 1000; }

Json NameJson(std::string_view kind, int track, std::string_view name) {
  return {
      {"ph", "M"}, {"pid", kProcess}, {"tid", track}, {"name", kind}, {"args", {{"name", name}}}};
}

Json SliceJson(const FinishedRun& run, const Slice& slice) {
  const StepSpec& spec = run.graph.step(slice.step);
  const StepReport& step = run.report.steps[slice.step];
  Json args = {{"status", ToString(step.outcome)}, {"why", step.explanation}};
  if (!step.status.ok()) args["error"] = std::string(step.status.message());
  return {{"ph", "X"},
          {"pid", kProcess},
          {"tid", slice.track},
          {"ts", Micros(slice.begin)},
          {"dur", Micros(slice.end - slice.begin)},
          {"name", spec.id},
          {"cat", spec.function},
          {"args", std::move(args)}};
}

// Half of an arrow: from the end of a slice ("s"), or to the beginning of one ("f").
Json ArrowEndJson(std::string_view phase, int64_t id, int track, int64_t nanos) {
  Json json = {{"ph", phase}, {"id", id}};
  if (phase == "f") json["bp"] = "e";
  json.update({{"pid", kProcess},
               {"tid", track},
               {"ts", Micros(nanos)},
               {"name", "output"},
               {"cat", "edge"}});
  return json;
}

}  // namespace

std::string FormatTrace(const FinishedRun& run) {
  const std::vector<Slice> slices = LayOut(run);
  std::vector<const Slice*> by_step(run.graph.size(), nullptr);
  int tracks = 0;
  for (const Slice& slice : slices) {
    by_step[slice.step] = &slice;
    tracks = std::max(tracks, slice.track);
  }
  Json events = Json::array();
  events.push_back(NameJson("process_name", 0, absl::StrCat("weft run ", run.graph_file)));
  for (int track = 1; track <= tracks; ++track) {
    events.push_back(NameJson("thread_name", track, absl::StrCat("steps ", track)));
  }
  for (const Slice& slice : slices) events.push_back(SliceJson(run, slice));
  int64_t arrow = 0;
  for (const Slice& slice : slices) {
    for (const StepIndex needed : run.graph.dependencies(slice.step)) {
      const Slice* const from = by_step[needed];
      if (from == nullptr) continue;
      ++arrow;
      events.push_back(ArrowEndJson("s", arrow, from->track, from->end));
      events.push_back(ArrowEndJson("f", arrow, slice.track, slice.begin));
    }
  }
  return FormatCompact({{"displayTimeUnit", "ms"}, {"traceEvents", std::move(events)}});
}

}  // namespace weft::tools

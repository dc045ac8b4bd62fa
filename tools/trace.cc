#include <algorithm>
#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "dag/graph.h"
#include "dag/run_report.h"
#include "runtime/trace_json.h"
#include "tools/json.h"
#include "tools/report.h"

namespace weft::tools {
namespace {

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

TraceJson::Json ArgsOf(const FinishedRun& run, StepIndex index) {
  const StepReport& step = run.report.steps[index];
  TraceJson::Json args = {{"status", ToString(step.outcome)}, {"why", step.explanation}};
  if (!step.status.ok()) args["error"] = std::string(step.status.message());
  return args;
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
  TraceJson json;
  json.NameProcess(absl::StrCat("weft run ", run.graph_file));
  for (int track = 1; track <= tracks; ++track) {
    json.NameTrack(track, absl::StrCat("steps ", track));
  }
  for (const Slice& slice : slices) {
    const StepSpec& spec = run.graph.step(slice.step);
    json.Slice({slice.track, slice.begin}, slice.end - slice.begin, {spec.id, spec.function},
               ArgsOf(run, slice.step));
  }
  constexpr TraceJson::Label kOutput = {"output", "edge"};
  uint64_t arrow = 0;
  for (const Slice& slice : slices) {
    for (const StepIndex needed : run.graph.dependencies(slice.step)) {
      const Slice* const from = by_step[needed];
      if (from == nullptr) continue;
      ++arrow;
      json.ArrowFrom({from->track, from->end}, arrow, kOutput);
      json.ArrowTo({slice.track, slice.begin}, arrow, kOutput);
    }
  }
  return FormatCompact(std::move(json).Finish());
}

}  // namespace weft::tools

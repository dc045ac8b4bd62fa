#include "runtime/trace_json.h"

#include <utility>

namespace weft {
namespace {

using Json = TraceJson::Json;

// The format counts in microseconds.
double Micros(int64_t ns) { return static_cast<double>(ns) / 1000; }

// What each event on a track begins with.
Json EventAt(std::string_view phase, TraceJson::Point point) {
  return {{"ph", phase}, {"pid", 1}, {"tid", point.track}, {"ts", Micros(point.ns)}};
}

}  // namespace

void TraceJson::Name(std::string_view kind, int track, std::string_view name) {
  events_.push_back(
      {{"ph", "M"}, {"pid", 1}, {"tid", track}, {"name", kind}, {"args", {{"name", name}}}});
}

void TraceJson::Add(Json event, Label label, Json args) {
  event["name"] = label.name;
  event["cat"] = label.category;
  if (!args.is_null()) event["args"] = std::move(args);
  events_.push_back(std::move(event));
}

void TraceJson::Slice(Point begin, int64_t length_ns, Label label, Json args) {
  Json event = EventAt("X", begin);
  event["dur"] = Micros(length_ns);
  Add(std::move(event), label, std::move(args));
}

void TraceJson::Begin(Point point, Label label, Json args) {
  Add(EventAt("B", point), label, std::move(args));
}

void TraceJson::End(Point point) { events_.push_back(EventAt("E", point)); }

void TraceJson::Mark(Point point, Label label, Json args) {
  Json event = EventAt("i", point);
  event["s"] = "t";  // on its track
  Add(std::move(event), label, std::move(args));
}

void TraceJson::AddArrowEnd(std::string_view phase, Point point, uint64_t id, Label label) {
  Json event = {{"ph", phase}, {"id", id}};
  if (phase == "f") event["bp"] = "e";  // the slice around it
  event.update(EventAt(phase, point));
  Add(std::move(event), label, {});
}

Json TraceJson::Finish() && {
  return {{"displayTimeUnit", "ms"}, {"traceEvents", std::move(events_)}};
}

}  // namespace weft

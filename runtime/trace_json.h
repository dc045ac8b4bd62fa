// runtime/trace_json.h — events in the JSON format that ui.perfetto.dev and chrome://tracing open:
// slices on numbered tracks, marks, and arrows between slices.
#ifndef WEFT_RUNTIME_TRACE_JSON_H_
#define WEFT_RUNTIME_TRACE_JSON_H_

#include <cstdint>
#include <string_view>

#include "nlohmann/json.hpp"

namespace weft {

// Thread-compatible. Complexity: the length of what is added.
class TraceJson {
 public:
  using Json = nlohmann::ordered_json;

  // Where on a track, in nanoseconds since whatever the trace begins with.
  struct Point {
    int track = 0;
    int64_t ns = 0;
  };
  // What something is called, and the category by which it can be filtered.
  struct Label {
    std::string_view name;
    std::string_view category;
  };

  void NameProcess(std::string_view name) { Name("process_name", 0, name); }
  void NameTrack(int track, std::string_view name) { Name("thread_name", track, name); }

  // `args`, an object or null, is shown beside an event.

  // A slice of which the length is known.
  void Slice(Point begin, int64_t length_ns, Label label, Json args = {});
  // A slice in two parts, which on one track nest.
  void Begin(Point point, Label label, Json args = {});
  void End(Point point);
  // A moment.
  void Mark(Point point, Label label, Json args = {});
  // The two ends of an arrow have one id and one label; each lies in a slice or at its border.
  void ArrowFrom(Point point, uint64_t id, Label label) { AddArrowEnd("s", point, id, label); }
  void ArrowTo(Point point, uint64_t id, Label label) { AddArrowEnd("f", point, id, label); }

  // The document. Names may have bytes that are not UTF-8: who writes it replaces them.
  Json Finish() &&;

 private:
  void Name(std::string_view kind, int track, std::string_view name);
  void AddArrowEnd(std::string_view phase, Point point, uint64_t id, Label label);
  // Adds `event`, with what else it has.
  void Add(Json event, Label label, Json args);

  Json events_ = Json::array();
};

}  // namespace weft

#endif  // WEFT_RUNTIME_TRACE_JSON_H_

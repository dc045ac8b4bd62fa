// runtime/trace_json.h — writes events in the JSON format that ui.perfetto.dev and chrome://tracing
// open: slices on numbered tracks, marks, and arrows between slices.
#ifndef WEFT_RUNTIME_TRACE_JSON_H_
#define WEFT_RUNTIME_TRACE_JSON_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace weft {

// Thread-compatible. Names are text in any encoding: bytes that are not UTF-8 become U+FFFD.
// Complexity: the length of what is added.
class TraceJson {
 public:
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
  // Shown beside an event. Empty values are left out.
  using Args = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  void NameProcess(std::string_view name) { Name("process_name", 0, name); }
  void NameTrack(int track, std::string_view name) { Name("thread_name", track, name); }

  // A slice of which the length is known.
  void Slice(Point begin, int64_t length_ns, Label label, Args args = {});
  // A slice in two parts, which on one track nest.
  void Begin(Point point, Label label, Args args = {});
  void End(Point point);
  // A moment.
  void Mark(Point point, Label label, Args args = {});
  // The two ends of an arrow have one id and one label; each lies in a slice or at its border.
  void ArrowFrom(Point point, uint64_t id, Label label);
  void ArrowTo(Point point, uint64_t id, Label label);

  // The document, with a line's end.
  std::string Finish() &&;

 private:
  void Name(std::string_view kind, int track, std::string_view name);
  void Open(char phase, int track);
  void Open(char phase, Point point, Label label);
  void Member(std::string_view key, std::string_view text);
  void Close(Args args);

  std::string events_;
};

}  // namespace weft

#endif  // WEFT_RUNTIME_TRACE_JSON_H_

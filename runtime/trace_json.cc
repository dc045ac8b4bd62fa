#include "runtime/trace_json.h"

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace weft {
namespace {

constexpr int kProcess = 1;
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// The length of the well-formed UTF-8 character at the front, or 0.
std::size_t CharacterBytes(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const unsigned second = byte(1);
  // Longer than needed, surrogates, beyond U+10FFFF.
  if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F)) return 0;
  if ((first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F)) return 0;
  return length;
}

void AppendString(std::string_view text, std::string* out) {
  out->push_back('"');
  while (!text.empty()) {
    const std::size_t length = CharacterBytes(text);
    const auto first = static_cast<unsigned char>(text[0]);
    if (length == 0) {
      out->append(kReplacement);
    } else if (first < 0x20) {
      absl::StrAppendFormat(out, "\\u%04x", first);
    } else {
      if (first == '"' || first == '\\') out->push_back('\\');
      out->append(text.substr(0, length));
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out->push_back('"');
}

// The format counts in microseconds.
std::string Micros(int64_t ns) {
  const uint64_t size =
      ns < 0 ? uint64_t{0} - static_cast<uint64_t>(ns) : static_cast<uint64_t>(ns);
  return absl::StrFormat("%s%d.%03d", ns < 0 ? "-" : "", size / 1000, size % 1000);
}

}  // namespace

void TraceJson::Open(char phase, int track) {
  absl::StrAppend(&events_, events_.empty() ? "" : ",", R"({"ph":")", std::string(1, phase),
                  R"(","pid":)", kProcess, R"(,"tid":)", track);
}

void TraceJson::Open(char phase, Point point, Label label) {
  Open(phase, point.track);
  absl::StrAppend(&events_, R"(,"ts":)", Micros(point.ns));
  Member("name", label.name);
  Member("cat", label.category);
}

void TraceJson::Member(std::string_view key, std::string_view text) {
  events_.push_back(',');
  AppendString(key, &events_);
  events_.push_back(':');
  AppendString(text, &events_);
}

void TraceJson::Close(Args args) {
  bool has_args = false;
  for (const auto& [key, value] : args) {
    if (value.empty()) continue;
    events_.append(has_args ? "," : R"(,"args":{)");
    has_args = true;
    AppendString(key, &events_);
    events_.push_back(':');
    AppendString(value, &events_);
  }
  events_.append(has_args ? "}}" : "}");
}

void TraceJson::Name(std::string_view kind, int track, std::string_view name) {
  Open('M', track);
  Member("name", kind);
  Close({{"name", name}});
}

void TraceJson::Slice(Point begin, int64_t length_ns, Label label, Args args) {
  Open('X', begin, label);
  absl::StrAppend(&events_, R"(,"dur":)", Micros(length_ns));
  Close(args);
}

void TraceJson::Begin(Point point, Label label, Args args) {
  Open('B', point, label);
  Close(args);
}

void TraceJson::End(Point point) {
  Open('E', point.track);
  absl::StrAppend(&events_, R"(,"ts":)", Micros(point.ns), "}");
}

void TraceJson::Mark(Point point, Label label, Args args) {
  Open('i', point, label);
  Member("s", "t");  // on its track
  Close(args);
}

void TraceJson::ArrowFrom(Point point, uint64_t id, Label label) {
  Open('s', point, label);
  absl::StrAppend(&events_, R"(,"id":)", id, "}");
}

void TraceJson::ArrowTo(Point point, uint64_t id, Label label) {
  Open('f', point, label);
  absl::StrAppend(&events_, R"(,"id":)", id);
  Member("bp", "e");  // the slice around it
  Close({});
}

std::string TraceJson::Finish() && {
  return absl::StrCat(R"({"displayTimeUnit":"ms","traceEvents":[)", events_, "]}\n");
}

}  // namespace weft

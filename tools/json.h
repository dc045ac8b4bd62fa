// tools/json.h — writes JSON, one value after the other.
//
//   JsonWriter json;
//   json.BeginObject().Key("id").String("merge").Key("seconds").Number(0.25).EndObject();
//   Print(json.text());
//
// The caller keeps to the grammar of JSON (checked in debug builds by nothing: tests parse what the
// program prints); the writer does commas, escapes and indentation.
#ifndef WEFT_TOOLS_JSON_H_
#define WEFT_TOOLS_JSON_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace weft::tools {

// Whether lines are broken and indented.
enum class JsonLayout { kCompact, kIndented };

// Thread-compatible.
class JsonWriter {
 public:
  explicit JsonWriter(JsonLayout layout = JsonLayout::kIndented) : layout_(layout) {}

  JsonWriter& BeginObject() { return Open('{'); }
  JsonWriter& EndObject() { return Close('}'); }
  JsonWriter& BeginArray() { return Open('['); }
  JsonWriter& EndArray() { return Close(']'); }

  // The name of the member whose value follows.
  JsonWriter& Key(std::string_view name);
  // Bytes that are not UTF-8 become U+FFFD.
  JsonWriter& String(std::string_view value);
  JsonWriter& Int(int64_t value);
  // Seconds and the like, with six digits after the point.
  JsonWriter& Number(double value);
  JsonWriter& Bool(bool value);

  // What was written so far.
  const std::string& text() const { return text_; }

 private:
  JsonWriter& Open(char bracket);
  JsonWriter& Close(char bracket);
  void Separate();
  void NewLine();
  void Quote(std::string_view value);

  const JsonLayout layout_;
  std::string text_;
  int depth_ = 0;
  // Whether the innermost container has no value yet.
  bool first_ = true;
  bool after_key_ = false;
};

// True if `bytes` are well-formed UTF-8.
bool IsUtf8(std::string_view bytes);

// RFC 4648, with padding.
std::string Base64(std::string_view bytes);

}  // namespace weft::tools

#endif  // WEFT_TOOLS_JSON_H_

#include "tools/json.h"

#include <cstddef>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"

namespace weft::tools {
namespace {

// Length of the well-formed UTF-8 sequence at the front of `bytes`; 0 if there is none.
std::size_t Utf8Length(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || bytes.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what lies beyond U+10FFFF.
  if (lead == 0xE0 && byte(1) < 0xA0) return 0;
  if (lead == 0xED && byte(1) >= 0xA0) return 0;
  if (lead == 0xF0 && byte(1) < 0x90) return 0;
  if (lead == 0xF4 && byte(1) >= 0x90) return 0;
  return length;
}

}  // namespace

JsonWriter& JsonWriter::Open(char bracket) {
  Separate();
  text_ += bracket;
  ++depth_;
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::Close(char bracket) {
  --depth_;
  if (!first_) NewLine();
  text_ += bracket;
  first_ = false;
  return *this;
}

void JsonWriter::Separate() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (!first_) text_ += ',';
  if (depth_ > 0) NewLine();
  first_ = false;
}

void JsonWriter::NewLine() {
  if (layout_ == JsonLayout::kCompact) return;
  text_ += '\n';
  text_.append(static_cast<std::size_t>(2 * depth_), ' ');
}

JsonWriter& JsonWriter::Key(std::string_view name) {
  Separate();
  Quote(name);
  text_ += layout_ == JsonLayout::kCompact ? ":" : ": ";
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::String(std::string_view value) {
  Separate();
  Quote(value);
  return *this;
}

JsonWriter& JsonWriter::Int(int64_t value) {
  Separate();
  absl::StrAppendFormat(&text_, "%d", value);
  return *this;
}

JsonWriter& JsonWriter::Number(double value) {
  Separate();
  absl::StrAppendFormat(&text_, "%.6f", value);
  return *this;
}

JsonWriter& JsonWriter::Bool(bool value) {
  Separate();
  text_ += value ? "true" : "false";
  return *this;
}

void JsonWriter::Quote(std::string_view value) {
  text_ += '"';
  while (!value.empty()) {
    const unsigned char byte = static_cast<unsigned char>(value[0]);
    const std::size_t length = Utf8Length(value);
    if (length == 0) {
      text_ += "\\ufffd";
      value.remove_prefix(1);
      continue;
    }
    if (byte == '"' || byte == '\\') {
      text_ += '\\';
      text_ += value[0];
    } else if (byte == '\n') {
      text_ += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
      absl::StrAppendFormat(&text_, "\\u%04x", byte);
    } else {
      text_.append(value.substr(0, length));
    }
    value.remove_prefix(length);
  }
  text_ += '"';
}

bool IsUtf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t length = Utf8Length(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

std::string Base64(std::string_view bytes) {
  return absl::Base64Escape(absl::string_view(bytes.data(), bytes.size()));
}

}  // namespace weft::tools

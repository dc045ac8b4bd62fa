// tools/json.h — how `weft` writes JSON: values of nlohmann's library, members in the order in
// which they were added.
#ifndef WEFT_TOOLS_JSON_H_
#define WEFT_TOOLS_JSON_H_

#include <string>
#include <string_view>

#include "nlohmann/json.hpp"

namespace weft::tools {

using Json = nlohmann::ordered_json;

// The document and a line's end. Bytes that are not UTF-8 become U+FFFD.
std::string FormatDocument(const Json& json);

// The same without spaces, for documents that no one reads.
std::string FormatCompact(const Json& json);

// True if `bytes` are well-formed UTF-8.
bool IsUtf8(std::string_view bytes);

}  // namespace weft::tools

#endif  // WEFT_TOOLS_JSON_H_

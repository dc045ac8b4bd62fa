#include "dag/spec.h"

#include <algorithm>

namespace weft {
namespace {

constexpr std::size_t kMaxNameLength = 128;

bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '/';
}

bool HasNameLength(const std::string& name) {
  return !name.empty() && name.size() <= kMaxNameLength;
}

}  // namespace

std::string Place::ToString() const {
  if (line == 0) return file;
  std::string text = file + ":" + std::to_string(line);
  if (column != 0) text += ":" + std::to_string(column);
  return text;
}

bool IsStepId(const std::string& name) {
  return HasNameLength(name) && std::all_of(name.begin(), name.end(), IsWordCharacter);
}

bool IsFieldName(const std::string& name) {
  return HasNameLength(name) && std::all_of(name.begin(), name.end(),
                                            [](char c) { return IsWordCharacter(c) || c == '.'; });
}

}  // namespace weft

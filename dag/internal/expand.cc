#include "dag/internal/expand.h"

#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace weft::dag_internal {
namespace {

constexpr std::string_view kOpen = "${";
constexpr std::string_view kEscaped = "$${";

bool IsPlaceholder(std::string_view name) {
  return name.substr(0, 6) == "input." || name.substr(0, 7) == "output.";
}

std::string KnownNames(const Scope& scope) {
  std::string text;
  for (const auto& [name, value] : scope) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", name);
  }
  return text.empty() ? "none" : text;
}

// Copies `text`, with each ${NAME} replaced by what `resolve` answers; `escaped` replaces "$${".
absl::StatusOr<std::string> Replace(
    std::string_view text, std::string_view escaped,
    absl::FunctionRef<absl::StatusOr<std::string>(std::string_view)> resolve) {
  std::string out;
  while (!text.empty()) {
    const std::size_t open = text.find(kOpen);
    if (open == std::string_view::npos) break;
    if (open > 0 && text[open - 1] == '$') {
      out.append(text.substr(0, open - 1));
      out.append(escaped);
      text.remove_prefix(open + kOpen.size());
      continue;
    }
    const std::size_t close = text.find('}', open);
    if (close == std::string_view::npos) {
      return absl::InvalidArgumentError(
          "\"${\" without its \"}\"; write \"$${\" for the characters themselves");
    }
    const std::size_t begin = open + kOpen.size();
    absl::StatusOr<std::string> value = resolve(text.substr(begin, close - begin));
    if (!value.ok()) return value.status();
    out.append(text.substr(0, open));
    out.append(*value);
    text.remove_prefix(close + 1);
  }
  out.append(text);
  return out;
}

// A value that is put into a text with placeholders must not look like one.
std::string Escape(std::string_view value) {
  std::string out;
  for (std::size_t open = value.find(kOpen); open != std::string_view::npos;
       open = value.find(kOpen)) {
    out.append(value.substr(0, open));
    out.append(kEscaped);
    value.remove_prefix(open + kOpen.size());
  }
  out.append(value);
  return out;
}

absl::StatusOr<std::string> LookUp(std::string_view name, const Scope& scope) {
  const auto found = scope.find(name);
  if (found != scope.end()) return found->second;
  return absl::InvalidArgumentError(absl::StrCat(
      "${", std::string(name), "} stands for nothing here; known are: ", KnownNames(scope)));
}

}  // namespace

absl::StatusOr<std::string> Expand(std::string_view text, const Scope& scope,
                                   Placeholders placeholders) {
  const bool keep = placeholders == Placeholders::kKeep;
  return Replace(text, keep ? kEscaped : kOpen,
                 [&](std::string_view name) -> absl::StatusOr<std::string> {
                   if (keep && IsPlaceholder(name))
                     return absl::StrCat("${", std::string(name), "}");
                   absl::StatusOr<std::string> value = LookUp(name, scope);
                   if (keep && value.ok()) return Escape(*value);
                   return value;
                 });
}

std::vector<std::string> FindPlaceholders(std::string_view text) {
  std::vector<std::string> names;
  Replace(text, kOpen, [&](std::string_view name) -> absl::StatusOr<std::string> {
    names.emplace_back(name);
    return std::string();
  }).IgnoreError();
  return names;
}

absl::StatusOr<std::string> ExpandPlaceholders(std::string_view text, const Scope& scope) {
  return Replace(text, kOpen, [&](std::string_view name) { return LookUp(name, scope); });
}

}  // namespace weft::dag_internal

// dag/internal/expand.h — ${NAME} in the texts of a graph.
#ifndef WEFT_DAG_INTERNAL_EXPAND_H_
#define WEFT_DAG_INTERNAL_EXPAND_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace weft::dag_internal {

// What names stand for.
using Scope = std::map<std::string, std::string, std::less<>>;

// Whether ${input.NAME} and ${output.NAME} are left for the step to fill in.
enum class Placeholders { kRefuse, kKeep };

// Replaces each ${NAME} by its value. With kRefuse "$${" becomes "${"; with kKeep it stays for
// ExpandPlaceholders. Errors: InvalidArgument, which names what is known.
absl::StatusOr<std::string> Expand(std::string_view text, const Scope& scope,
                                   Placeholders placeholders);

// The names of the placeholders "input.NAME" and "output.NAME" in a text that Expand kept.
std::vector<std::string> FindPlaceholders(std::string_view text);

// Replaces the placeholders of a text that Expand kept, and "$${" by "${".
absl::StatusOr<std::string> ExpandPlaceholders(std::string_view text, const Scope& scope);

}  // namespace weft::dag_internal

#endif  // WEFT_DAG_INTERNAL_EXPAND_H_

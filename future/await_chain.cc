#include "future/await_chain.h"

#include <cstdint>
#include <cstdio>

namespace weft {

std::string ToString(const AwaitStep& step) {
  const bool is_coroutine = step.resume_address != nullptr;
  std::string text(2 * static_cast<std::size_t>(step.nesting), ' ');
  if (step.location.line() != 0) {
    text += step.location.function_name();
    text += " at ";
    text += step.location.file_name();
    text += ':' + std::to_string(step.location.line());
  } else if (is_coroutine) {
    text += "a coroutine that has not begun";
  }
  if (!step.awaits.empty()) {
    text += is_coroutine ? " awaits " : "awaits ";
    text += step.awaits;
  }
  if (step.task != 0) {
    char id[2 + 2 * sizeof(step.task) + 1];
    std::snprintf(id, sizeof(id), "%#jx", static_cast<std::uintmax_t>(step.task));
    text += ' ';
    text += id;
  }
  return text;
}

}  // namespace weft

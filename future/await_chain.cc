#include "future/await_chain.h"

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
  if (step.task != TaskId()) text += ' ' + ToString(step.task);
  return text;
}

}  // namespace weft

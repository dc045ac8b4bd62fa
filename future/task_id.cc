#include "future/task_id.h"

#include "absl/strings/str_format.h"

namespace weft {

std::string ToString(TaskId id) { return absl::StrFormat("%#x", static_cast<std::uintptr_t>(id)); }

}  // namespace weft

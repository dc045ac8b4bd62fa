#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "future/task_id.h"
#include "runtime/observe.h"

namespace weft {

std::string ToString(const Starvation& starvation) {
  const bool runs = starvation.kind == Starvation::Kind::kLongRun;
  return absl::StrCat(
      "weft::Runtime: task ",
      starvation.name.empty() ? "" : absl::StrCat("'", starvation.name, "' "), "(id ",
      ToString(starvation.task), ", ", starvation.type, ") ",
      runs ? "has been running for " : "was ready for ", absl::FormatDuration(starvation.duration),
      runs ? absl::StrCat(" on worker ", starvation.worker, " without a return to the scheduler")
           : absl::StrCat(" before worker ", starvation.worker, " ran it"),
      "; ", starvation.waiting_behind, " tasks wait behind it",
      runs ? "; let it co_await YieldNow() now and then, or use SpawnBlocking()" : "");
}

}  // namespace weft

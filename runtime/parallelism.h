// runtime/parallelism.h — how many threads this process can run at once.
#ifndef WEFT_RUNTIME_PARALLELISM_H_
#define WEFT_RUNTIME_PARALLELISM_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace weft {

// The number of processors in the calling thread's affinity mask, limited by the CPU quota of the
// process's control groups (versions 1 and 2, all levels), rounded up. At least 1. Reads a few
// files: call it once.
int AvailableParallelism();

// The numbers of the processors in the calling thread's affinity mask, ascending; at least one.
// Fails when the kernel does not tell.
absl::StatusOr<std::vector<int>> AllowedProcessors();

namespace runtime_internal {

// The smallest quota, in processors, of the control groups that the file `root`/proc/self/cgroup
// names and of their parents. Empty: there is none. `root` is empty but in tests.
std::optional<double> CgroupCpuQuota(const std::string& root);

}  // namespace runtime_internal
}  // namespace weft

#endif  // WEFT_RUNTIME_PARALLELISM_H_

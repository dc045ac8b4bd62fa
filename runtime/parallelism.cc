#include "runtime/parallelism.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/internal/processor_mask.h"

namespace weft {
namespace {

int CpusInAffinityMask() {
  const absl::StatusOr<std::vector<int>> processors = AllowedProcessors();
  if (processors.ok()) return static_cast<int>(processors->size());
  return static_cast<int>(std::thread::hardware_concurrency());
}

// "QUOTA PERIOD" in microseconds; QUOTA may be "max" or -1: none.
std::optional<double> ParseQuota(const std::string& quota_text, const std::string& period_text) {
  std::istringstream quota_stream(quota_text);
  std::istringstream period_stream(period_text);
  double quota = 0;
  double period = 0;
  if (!(quota_stream >> quota) || !(period_stream >> period)) return std::nullopt;
  if (quota <= 0 || period <= 0) return std::nullopt;
  return quota / period;
}

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::optional<double> QuotaV2(const std::string& directory) {
  std::istringstream line(FirstLine(directory + "/cpu.max"));
  std::string quota;
  std::string period;
  line >> quota >> period;
  return ParseQuota(quota, period);
}

std::optional<double> QuotaV1(const std::string& directory) {
  return ParseQuota(FirstLine(directory + "/cpu.cfs_quota_us"),
                    FirstLine(directory + "/cpu.cfs_period_us"));
}

// The smallest quota of `group` below `mount` and of all its parents.
template <typename Quota>
std::optional<double> SmallestQuota(const std::string& mount, std::string group, Quota quota) {
  std::optional<double> smallest;
  while (true) {
    const std::optional<double> here = quota(mount + group);
    if (here && (!smallest || *here < *smallest)) smallest = here;
    const std::size_t slash = group.find_last_of('/');
    if (slash == std::string::npos) return smallest;
    group.resize(slash);
  }
}

bool NamesCpu(const std::string& controllers) {
  std::istringstream stream(controllers);
  std::string controller;
  while (std::getline(stream, controller, ',')) {
    if (controller == "cpu") return true;
  }
  return false;
}

}  // namespace

namespace runtime_internal {

std::optional<double> CgroupCpuQuota(const std::string& root) {
  std::ifstream groups(root + "/proc/self/cgroup");
  std::optional<double> smallest;
  std::string line;
  // HIERARCHY:CONTROLLERS:/PATH; version 2 has no controllers.
  while (std::getline(groups, line)) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    std::optional<double> quota;
    if (controllers.empty()) {
      quota = SmallestQuota(root + "/sys/fs/cgroup", group, QuotaV2);
    } else if (NamesCpu(controllers)) {
      quota = SmallestQuota(root + "/sys/fs/cgroup/cpu", group, QuotaV1);
    }
    if (quota && (!smallest || *quota < *smallest)) smallest = quota;
  }
  return smallest;
}

}  // namespace runtime_internal

absl::StatusOr<std::vector<int>> AllowedProcessors() {
  const auto mask = runtime_internal::ProcessorMask::OfThread(0);
  if (!mask.ok()) return mask.status();
  return mask->Processors();
}

int AvailableParallelism() {
  int available = CpusInAffinityMask();
  if (const std::optional<double> quota = runtime_internal::CgroupCpuQuota("")) {
    available = std::min(available, static_cast<int>(std::ceil(std::min(*quota, 1e6))));
  }
  return std::max(available, 1);
}

}  // namespace weft

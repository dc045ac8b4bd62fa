#include "runtime/internal/processor_mask.h"

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace weft::runtime_internal {
namespace {

// More than a kernel can have.
constexpr std::size_t kMostSets = 64;
constexpr int kMostProcessors = static_cast<int>(kMostSets) * CPU_SETSIZE;

}  // namespace

absl::StatusOr<ProcessorMask> ProcessorMask::Of(std::span<const int> processors) {
  const auto is_impossible = [](int cpu) { return cpu < 0 || cpu >= kMostProcessors; };
  const auto wrong = std::find_if(processors.begin(), processors.end(), is_impossible);
  if (wrong != processors.end()) {
    return absl::InvalidArgumentError(absl::StrCat("a processor's number is from 0 to ",
                                                   kMostProcessors - 1, ", found ", *wrong));
  }
  ProcessorMask mask(kMostSets);
  for (const int cpu : processors) {
    CPU_SET_S(static_cast<std::size_t>(cpu), mask.bytes(), mask.sets_.data());
  }
  return mask;
}

absl::StatusOr<ProcessorMask> ProcessorMask::OfThread(pid_t thread) {
  // The kernel refuses a mask that is smaller than its own.
  for (std::size_t sets = 1; sets <= kMostSets; sets *= 2) {
    ProcessorMask mask(sets);
    if (sched_getaffinity(thread, mask.bytes(), mask.sets_.data()) == 0) return mask;
    if (errno != EINVAL) break;
  }
  return absl::ErrnoToStatus(errno, "asking on which processors a thread may run");
}

absl::Status ProcessorMask::ApplyTo(pid_t thread) const {
  if (sched_setaffinity(thread, bytes(), sets_.data()) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("letting a thread run on processor ",
                                                 absl::StrJoin(Processors(), ", "), " alone"));
}

void ProcessorMask::Remove(std::span<const int> processors) {
  for (const int cpu : processors) {
    CPU_CLR_S(static_cast<std::size_t>(cpu), bytes(), sets_.data());
  }
}

std::vector<int> ProcessorMask::Processors() const {
  std::vector<int> processors;
  for (int cpu = 0; cpu < static_cast<int>(bytes() * 8); ++cpu) {
    if (CPU_ISSET_S(static_cast<std::size_t>(cpu), bytes(), sets_.data())) {
      processors.push_back(cpu);
    }
  }
  return processors;
}

absl::Status SetAffinity(std::span<const int> processors) {
  const absl::StatusOr<ProcessorMask> mask = ProcessorMask::Of(processors);
  return mask.ok() ? mask->ApplyTo(0) : mask.status();
}

}  // namespace weft::runtime_internal

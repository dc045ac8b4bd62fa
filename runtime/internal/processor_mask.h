// runtime/internal/processor_mask.h — the processors that a thread may run on.
#ifndef WEFT_RUNTIME_INTERNAL_PROCESSOR_MASK_H_
#define WEFT_RUNTIME_INTERNAL_PROCESSOR_MASK_H_

#include <sched.h>
#include <sys/types.h>

#include <cstddef>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace weft::runtime_internal {

// A set of processors, as large as the kernel wants it. Thread-compatible.
class ProcessorMask {
 public:
  // Of no processor.
  ProcessorMask() = default;
  // Fails when there is one that cannot exist.
  static absl::StatusOr<ProcessorMask> Of(std::span<const int> processors);
  // Of a thread (0: the calling one). Fails when the kernel does not tell.
  static absl::StatusOr<ProcessorMask> OfThread(pid_t thread);

  // Lets a thread (0: the calling one) run on these alone. Fails when it may run on none of them.
  absl::Status ApplyTo(pid_t thread) const;

  // Takes processors out.
  void Remove(std::span<const int> processors);

  bool IsEmpty() const { return CPU_COUNT_S(bytes(), sets_.data()) == 0; }
  // Their numbers, ascending.
  std::vector<int> Processors() const;

  // For masks of threads, which all have the kernel's size.
  friend bool operator==(const ProcessorMask& a, const ProcessorMask& b) {
    return a.bytes() == b.bytes() && CPU_EQUAL_S(a.bytes(), a.sets_.data(), b.sets_.data());
  }

 private:
  explicit ProcessorMask(std::size_t sets) : sets_(sets) {}
  std::size_t bytes() const { return sets_.size() * sizeof(cpu_set_t); }

  std::vector<cpu_set_t> sets_;
};

// Lets the calling thread run on these processors alone. Fails when there is one that cannot exist,
// or when the thread may run on none of them.
absl::Status SetAffinity(std::span<const int> processors);

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_PROCESSOR_MASK_H_

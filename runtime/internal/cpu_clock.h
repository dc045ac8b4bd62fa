// runtime/internal/cpu_clock.h — how much processor time a thread has used, asked from any thread.
//
// The kernel counts it anyway: it costs the thread nothing, and the reader a system call.
#ifndef WEFT_RUNTIME_INTERNAL_CPU_CLOCK_H_
#define WEFT_RUNTIME_INTERNAL_CPU_CLOCK_H_

#include <atomic>

#include "absl/time/time.h"
#include "base/owner_counter.h"

namespace weft::runtime_internal {

class CpuClock {
 public:
  // The first and the last call of the thread.
  void Start();
  void Stop();

  // Any thread, at any time: zero before Start(), what was used by then after Stop().
  absl::Duration Read() const;

 private:
  static constexpr int kNone = 0;  // CLOCK_REALTIME, which is no thread's

  std::atomic<int> clock_{kNone};  // relaxed, as the counter: for statistics only
  OwnerCounter used_ns_;           // raised by Stop()
};

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_CPU_CLOCK_H_

// runtime/internal/whereabouts.h — where a worker runs, so that a woken one does not wait for the
// one that woke it.
//
// A worker that wakes another one goes on computing. The kernel lets a thread wake where it fell
// asleep, or beside the thread that wakes it, unless it sees that this processor is taken and
// another one idle. In a virtual machine it often does not see it: a halted virtual processor looks
// like one that the host has taken away. Then the woken worker waits behind its waker for a time
// slice of some milliseconds, while a processor idles; and as it sleeps there again, so does the
// next wake.
//
// So a worker that wakes another one keeps it off the processors of all busy workers; once awake,
// that one asks for its old mask. This costs two system calls on each side.
#ifndef WEFT_RUNTIME_INTERNAL_WHEREABOUTS_H_
#define WEFT_RUNTIME_INTERNAL_WHEREABOUTS_H_

#include <sys/types.h>

#include <atomic>
#include <span>

#include "runtime/internal/processor_mask.h"

namespace weft::runtime_internal {

// See the head of the file. Happens-before edge:
//   (1) a waker's Displace(), after it has changed the mask -> the sleeper's Return(), which undoes
//       that. A worker may wake by itself just after it was picked: then either Displace() finds it
//       awake and leaves it alone, or Return() waits for the waker's two system calls, as a sleeper
//       would who needs to be woken.
class Whereabouts {
 public:
  // A number that no processor has.
  static constexpr int kNowhere = -1;

  // On the worker's thread, before it sleeps for the first time.
  void Start();

  // On the worker's thread. It is busy here.
  void NoteBusy();
  // The same: it is about to sleep.
  void NoteSleep();
  // The same, after a sleep: it may run where it might before, and is busy.
  void Return();

  // Any thread. Where the worker is busy, or kNowhere.
  int busy_on() const { return busy_on_.load(std::memory_order_relaxed); }

  // Any thread, before it wakes the worker: keeps it off these processors until Return(), unless
  // nothing would be left, it does not sleep, or somebody else has changed where it may run.
  void Displace(std::span<const int> processors);

 private:
  enum class State : unsigned char { kAwake, kAsleep, kDisplacing, kDisplaced };

  pid_t thread_ = 0;
  ProcessorMask home_;  // constant once started
  std::atomic<int> busy_on_{kNowhere};
  std::atomic<State> state_{State::kAwake};
};

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_WHEREABOUTS_H_

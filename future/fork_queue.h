// future/fork_queue.h — how the tasks that run on one thread of an executor offer forks
// (fork_join.h) to its other threads, and take them back.
#ifndef WEFT_FUTURE_FORK_QUEUE_H_
#define WEFT_FUTURE_FORK_QUEUE_H_

#include "future/executor.h"

namespace weft {

// A stack of one thread, which calls the methods; open to the executor's other threads at its
// bottom.
class ForkQueue {
 public:
  // Offers `fork`, which the caller will take back, to threads that have nothing to do. What came
  // before the call is visible to whoever runs it. False: not offered, for want of memory.
  [[nodiscard]] virtual bool Push(Runnable* fork) noexcept = 0;

  // Takes back what was pushed last. False: another thread has it, and all that was pushed before
  // it.
  [[nodiscard]] virtual bool Pop(Runnable* fork) noexcept = 0;

 protected:
  ~ForkQueue() = default;
};

}  // namespace weft

#endif  // WEFT_FUTURE_FORK_QUEUE_H_

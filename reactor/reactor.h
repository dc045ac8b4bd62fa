// reactor/reactor.h — waits for the kernel on behalf of everybody else.
//
// A Reactor takes operations (operation.h) from any thread and completes them from whichever thread
// runs Poll. It owns no thread: a runtime lends it one. The interface has the shape of completion
// I/O, so that a readiness backend (epoll_reactor.h) and a completion backend can both stand behind
// it: nothing ends before its terminal completion, not even a cancelled operation.
//
// Guarantees
//   Thread safety    Submit, Cancel and Wake: any thread, also while another one is in Poll, and
//                    from completion callbacks. Poll: one thread at a time (checked), not from a
//                    callback. Different threads may take turns.
//   Memory ordering  What X did before Submit(op), Cancel(op) or Wake() is visible to the Poll that
//                    completes op or returns because of it.
//   Completion       Exactly one callback for each Submit, with the result or -ECANCELED. Callbacks
//                    run inside Poll only, never inside Submit or Cancel.
//   Lifetime         No operation may be in flight when the reactor is destroyed (checked).
//   Descriptors      A descriptor may be closed only when no operation on it is in flight.
#ifndef WEFT_REACTOR_REACTOR_H_
#define WEFT_REACTOR_REACTOR_H_

#include <cstddef>

#include "base/instant.h"
#include "reactor/operation.h"

namespace weft {

// The interface; see the top of the file.
class Reactor {
 public:
  Reactor() = default;
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;
  virtual ~Reactor() = default;

  // Starts an operation. Cannot fail, so it must not throw: an error of the kernel, and -ENOMEM if
  // there is no memory for the operation, is its result.
  // Precondition (checked): it is not in flight and has a callback.
  // Blocks: never.
  virtual void Submit(Operation* operation) = 0;

  // Asks for an early end. The operation still completes through its callback: with -ECANCELED, or
  // with its result if that was sooner. Does nothing if the operation is not in flight, so the
  // caller need not know whether it has just completed; it must only know that the object exists.
  // Blocks: never.
  virtual void Cancel(Operation* operation) = 0;

  // Waits until something completes, Wake() is called or `deadline` comes, then runs the callbacks
  // of what completed. Does not wait if something is complete already. May return early for no
  // reason. Returns how many operations completed. A deadline in the past looks without waiting;
  // Instant::InfiniteFuture() waits without limit.
  virtual size_t Poll(Instant deadline) = 0;

  // Makes the Poll that is running, or else the next one, return without waiting. Wakes may merge.
  // Blocks: never.
  virtual void Wake() = 0;
};

}  // namespace weft

#endif  // WEFT_REACTOR_REACTOR_H_

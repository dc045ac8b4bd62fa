// runtime/any_runtime.h — what all runtimes have in common.
//
//   Runtime               worker threads (runtime.h)
//   SingleThreadRuntime   everything on the thread that calls BlockOn (single_thread_runtime.h)
//   DeterministicRuntime  one thread, virtual time, simulated I/O, all choices from a seed
//                         (deterministic_runtime.h)
//
// Code that takes an AnyRuntime& can be run by a program on threads and by its tests under a
// thousand schedules. Libraries that neither block nor do I/O of their own take an Executor&.
#ifndef WEFT_RUNTIME_ANY_RUNTIME_H_
#define WEFT_RUNTIME_ANY_RUNTIME_H_

#include <optional>
#include <utility>

#include "absl/functional/function_ref.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/future.h"
#include "future/spawn.h"
#include "reactor/reactor.h"

namespace weft {

// See the head of the file.
class AnyRuntime : public Executor {
 public:
  // Runs `future` as a task and gives its result when it has ended; the calling thread blocks or
  // lends itself until then. Not from inside a task of the runtime (checked). A task that is
  // cancelled gives absl::CancelledError; an exception of the future is rethrown.
  template <Future F>
  JoinResult<OutputOf<F>> BlockOn(F future) {
    CheckMayBlock("BlockOn");
    JoinHandle<OutputOf<F>> handle = Spawn(*this, std::move(future));
    std::optional<JoinResult<OutputOf<F>>> result;
    RunUntil([&](Context& cx) {
      auto poll = handle.poll(cx);
      if (poll.IsReady()) result.emplace(std::move(poll).value());
      return result.has_value();
    });
    return *std::move(result);
  }

  // Where to submit I/O. Its Poll() is called by the runtime alone.
  virtual Reactor& reactor() = 0;

 protected:
  // Stops the program, naming `method`, if the caller is a task of this runtime.
  virtual void CheckMayBlock(const char* method) const = 0;
  // Calls is_done(cx) at once and again after each wake of cx.waker(), until it returns true.
  virtual void RunUntil(absl::FunctionRef<bool(Context&)> is_done) = 0;
};

}  // namespace weft

#endif  // WEFT_RUNTIME_ANY_RUNTIME_H_

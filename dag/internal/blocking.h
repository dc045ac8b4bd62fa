// dag/internal/blocking.h — a job of the blocking pool that its awaiter always sees to the end.
//
// SpawnBlocking leaves a job behind when its awaiter is cancelled; the job must then own all that
// it touches. Jobs here refer to a store, a registry or a step that live as long as the run, so the
// awaiter waits for the job even when it is cancelled, and is unwound at its next co_await.
#ifndef WEFT_DAG_INTERNAL_BLOCKING_H_
#define WEFT_DAG_INTERNAL_BLOCKING_H_

#include <type_traits>
#include <utility>

#include "future/context.h"
#include "future/executor.h"
#include "future/poll.h"
#include "future/spawn.h"

namespace weft::dag_internal {

// Awaits a JoinHandle with cancellation hidden.
template <typename T>
class [[nodiscard]] ShieldedJoin {
 public:
  using Output = JoinResult<T>;

  explicit ShieldedJoin(JoinHandle<T> handle) : handle_(std::move(handle)) {}

  Poll<Output> poll(Context& cx) {
    Context shielded = cx.Shielded();
    return handle_.poll(shielded);
  }

 private:
  JoinHandle<T> handle_;
};

// Runs `job()` where blocking is allowed; its captures may refer to what lives as long as the
// awaiting coroutine.
template <typename Job>
ShieldedJoin<std::invoke_result_t<Job>> RunBlocking(Executor& executor, Job job) {
  return ShieldedJoin<std::invoke_result_t<Job>>(SpawnBlocking(executor, std::move(job)));
}

}  // namespace weft::dag_internal

#endif  // WEFT_DAG_INTERNAL_BLOCKING_H_

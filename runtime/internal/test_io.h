// runtime/internal/test_io.h — one operation of a reactor as a future, for the runtimes' own tests.
#ifndef WEFT_RUNTIME_INTERNAL_TEST_IO_H_
#define WEFT_RUNTIME_INTERNAL_TEST_IO_H_

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "future/context.h"
#include "future/poll.h"
#include "future/waker.h"
#include "reactor/operation.h"
#include "reactor/reactor.h"

namespace weft::runtime_internal {

// Submits the operation when it is first polled; gives its result.
class OperationFuture {
 public:
  using Output = int64_t;

  OperationFuture(Reactor& reactor, OperationKind kind, int fd, void* buffer = nullptr,
                  std::size_t size = 0)
      : state_(std::make_unique<State>(reactor, kind, fd)) {
    state_->operation.buffer = static_cast<std::byte*>(buffer);
    state_->operation.size = size;
  }

  Poll<int64_t> poll(Context& cx) {
    bool must_submit = false;
    {
      MutexLock lock(&state_->mutex);
      if (state_->is_done) {
        if (state_->operation.result == -ECANCELED && cx.StopRequested()) return kStopped;
        return state_->operation.result;
      }
      state_->waker = cx.waker().Clone();
      must_submit = !std::exchange(state_->is_submitted, true);
    }
    if (must_submit) state_->reactor.Submit(&state_->operation);
    if (cx.StopRequested()) state_->reactor.Cancel(&state_->operation);
    return kPending;
  }

 private:
  struct State {
    State(Reactor& the_reactor, OperationKind kind, int fd)
        : reactor(the_reactor), operation(kind, fd, &State::OnComplete) {
      operation.context = this;
    }
    static void OnComplete(Operation* operation) {
      auto* const self = static_cast<State*>(operation->context);
      Waker woken;
      {
        MutexLock lock(&self->mutex);
        self->is_done = true;
        woken = std::move(self->waker);
      }
      std::move(woken).Wake();
    }

    Reactor& reactor;
    Mutex mutex;
    Operation operation;
    bool is_submitted ABSL_GUARDED_BY(mutex) = false;
    bool is_done ABSL_GUARDED_BY(mutex) = false;
    Waker waker ABSL_GUARDED_BY(mutex);
  };
  std::unique_ptr<State> state_;
};

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_TEST_IO_H_

// runtime/internal/test_support.h — small pieces for the runtime's own tests.
#ifndef WEFT_RUNTIME_INTERNAL_TEST_SUPPORT_H_
#define WEFT_RUNTIME_INTERNAL_TEST_SUPPORT_H_

#include <atomic>
#include <functional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/sleep.h"
#include "future/task.h"
#include "future/waker.h"
#include "runtime/runtime.h"

namespace weft::runtime_internal {

// Options with that many workers.
inline Runtime::Options Workers(int workers) {
  Runtime::Options options;
  options.workers = workers;
  return options;
}

// What runs does what a function says.
class Call final : public Runnable {
 public:
  explicit Call(std::function<void()> body) : body_(std::move(body)) {}
  void Run() noexcept override { body_(); }

 private:
  const std::function<void()> body_;
};

// A flag that a task can wait for and any thread can set.
class Event {
 public:
  void Set() {
    std::vector<Waker> wakers;
    {
      MutexLock lock(&mutex_);
      is_set_ = true;
      wakers.swap(wakers_);
    }
    for (Waker& waker : wakers) std::move(waker).Wake();
  }

  bool IsSet() {
    MutexLock lock(&mutex_);
    return is_set_;
  }

  auto Wait() {
    return PollFn([this](Context& cx) -> Poll<void> {
      MutexLock lock(&mutex_);
      if (is_set_) return Poll<void>::Ready();
      if (cx.StopRequested()) return kStopped;
      wakers_.push_back(cx.waker().Clone());
      return kPending;
    });
  }

 private:
  Mutex mutex_;
  bool is_set_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Waker> wakers_ ABSL_GUARDED_BY(mutex_);
};

inline Task<int> Add(int a, int b) { co_return a + b; }

// Keeps its worker busy with yields.
inline Task<void> YieldUntil(std::atomic<bool>& flag) {
  while (!flag.load()) co_await YieldNow();
}

inline Task<void> SleepThenSet(absl::Duration duration, std::atomic<bool>& flag) {
  co_await SleepFor(duration);
  flag = true;
}

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_TEST_SUPPORT_H_

// io/testing/test_loop.h — the smallest executor that runs real I/O, for tests and benchmarks.
//
// One thread runs tasks, timers on the real clock and blocking jobs. The reactor is polled by the
// same thread, or by one of its own, so that completions race with tasks. Programs use //runtime.
#ifndef WEFT_IO_TESTING_TEST_LOOP_H_
#define WEFT_IO_TESTING_TEST_LOOP_H_

#include <atomic>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "base/check.h"
#include "base/instant.h"
#include "base/mutex.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/future.h"
#include "future/spawn.h"
#include "future/task_registry.h"
#include "future/waker.h"
#include "reactor/epoll_reactor.h"
#include "reactor/reactor.h"
#include "timer/timer_wheel.h"

namespace weft {

// Run it from the thread that made it. Wakes may come from anywhere.
class TestLoop final : public Executor {
 public:
  enum class Reactors {
    kSameThread,   // The loop sleeps in the reactor.
    kOtherThread,  // Another thread polls the reactor; the loop sleeps elsewhere.
  };

  // kOn: tasks are listed for dumps.
  explicit TestLoop(Reactors reactors = Reactors::kSameThread,
                    TaskTracking track_tasks = TaskTracking::kOff);
  // Cancels what is left and runs until it has ended.
  ~TestLoop() override;

  // The reactor to give to I/O futures.
  Reactor& reactor() { return *io_reactor_; }

  // Runs one ready task, or sleeps until something happens or `deadline` comes.
  void RunOnce(Instant deadline = Instant::InfiniteFuture());

  // Runs ready tasks and completions until there is nothing to do without waiting.
  void RunReady();

  // Runs until `condition` holds, which something must make true.
  template <typename Condition>
  void RunUntil(Condition condition) {
    while (!condition()) RunOnce();
  }

  // Runs `future` to its end.
  template <Future F>
  JoinResult<OutputOf<F>> BlockOn(F future) {
    JoinHandle<OutputOf<F>> handle = Spawn(*this, std::move(future));
    return Join(handle);
  }

  // Runs until the task has ended.
  template <typename T>
  JoinResult<T> Join(JoinHandle<T>& handle) {
    const Waker waker;
    const CancelToken token;
    Context cx(waker, token, this);
    while (true) {
      auto poll = handle.poll(cx);
      if (poll.IsReady()) return std::move(poll).value();
      RunOnce();
    }
  }

  size_t live_tasks() const { return live_tasks_; }

  // Executor.
  void Schedule(Runnable* runnable, ScheduleHint hint) override;
  void ScheduleBlocking(Runnable* job) override { Schedule(job, ScheduleHint::kSpawn); }
  Instant Now() override { return MonotonicNow(); }
  TimerService& timers() override { return timers_; }
  const CancelToken& token() override { return source_.token(); }
  void OnTaskSpawned() override { ++live_tasks_; }
  void OnTaskFinished() override { --live_tasks_; }

 private:
  // Called by the loop's thread only, because that is where tasks run.
  class Timers final : public TimerService {
   public:
    Timers() : wheel_(MonotonicNow()) {}
    void Arm(TimerSlot& slot, Instant deadline, Waker waker) override;
    void Cancel(TimerSlot& slot) override;
    void Fire();
    Instant NextDeadline() const { return wheel_.NextDeadline(); }

   private:
    struct Node : TimerEntry {
      TimerSlot* slot = nullptr;
      Waker waker;
    };
    static Node* NodeOf(TimerSlot& slot);
    static Waker Take(Node* node);

    TimerWheel wheel_;
  };

  Runnable* PopReady();
  void Sleep(Instant deadline);

  std::optional<TaskRegistry> registry_;
  CancelSource source_;
  Timers timers_;
  std::unique_ptr<EpollReactor> loop_reactor_;  // What the loop sleeps in.
  std::unique_ptr<EpollReactor> other_reactor_;
  Reactor* io_reactor_;
  std::atomic<bool> stop_poller_{false};
  std::optional<std::thread> poller_;
  size_t live_tasks_ = 0;
  Mutex mu_;
  std::deque<Runnable*> ready_ ABSL_GUARDED_BY(mu_);
};

}  // namespace weft

#endif  // WEFT_IO_TESTING_TEST_LOOP_H_

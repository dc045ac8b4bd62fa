// Question: does a shutdown by cancelling end a program whose tasks wait in every way there is,
// while other threads still wake them, and does it leave nothing behind?
// Method: a thousand tasks in each kind of wait; guards count what is alive; the build with
// AddressSanitizer looks for leaks.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "channel/channel.h"
#include "channel/oneshot.h"
#include "future/context.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/select.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "future/task.h"
#include "future/timeout.h"
#include "future/waker.h"
#include "gtest/gtest.h"
#include "nursery/nursery.h"
#include "reactor/operation.h"
#include "reactor/reactor.h"
#include "runtime/runtime.h"
#include "sync/async_mutex.h"
#include "sync/notify.h"
#include "sync/semaphore.h"

namespace weft {
namespace {

constexpr int kEach = 1000;

struct Counts {
  std::atomic<int> begun{0};
  std::atomic<int> alive{0};
};

// Held by each task while it waits.
class Guard {
 public:
  explicit Guard(Counts& counts) : counts_(counts) {
    ++counts_.alive;
    ++counts_.begun;
  }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  ~Guard() { --counts_.alive; }

 private:
  Counts& counts_;
};

// What the blocking jobs wait for.
class Gate {
 public:
  void Open() {
    MutexLock lock(&mutex_);
    is_open_ = true;
    opened_.NotifyAll();
  }
  void Wait() {
    MutexLock lock(&mutex_);
    while (!is_open_) opened_.Wait(&mutex_);
  }

 private:
  Mutex mutex_;
  CondVar opened_;
  bool is_open_ ABSL_GUARDED_BY(mutex_) = false;
};

// An operation of the reactor as a leaf: ends with its terminal completion only.
class Readiness final : private Operation {
 public:
  Readiness(Reactor& reactor, int descriptor)
      : Operation(OperationKind::kPollReadable, descriptor, &OnComplete), reactor_(reactor) {}

  Poll<void> Ask(Context& cx) {
    {
      Waker previous;  // dropped after the lock
      MutexLock lock(&mutex_);
      if (is_complete_) return cx.StopRequested() ? Poll<void>(kStopped) : Poll<void>::Ready();
      previous = std::exchange(waker_, cx.waker().Clone());
    }
    if (!std::exchange(is_submitted_, true)) reactor_.Submit(this);
    if (cx.StopRequested()) reactor_.Cancel(this);
    return kPending;
  }

 private:
  static void OnComplete(Operation* operation) {
    auto* const self = static_cast<Readiness*>(operation);
    Waker waker;
    {
      MutexLock lock(&self->mutex_);
      self->is_complete_ = true;
      waker = std::move(self->waker_);
    }
    std::move(waker).Wake();
  }

  Reactor& reactor_;
  bool is_submitted_ = false;
  Mutex mutex_;
  bool is_complete_ ABSL_GUARDED_BY(mutex_) = false;
  Waker waker_ ABSL_GUARDED_BY(mutex_);
};

template <typename Make>
Task<> Wait(Counts& counts, Make make) {
  Guard guard(counts);
  auto future = make();
  (void)co_await future;
}

Task<> WaitForOneshot(Counts& counts) {
  Guard guard(counts);
  auto ends = MakeOneshot<int>();
  auto receive = ends.receiver.Receive();
  (void)co_await receive;
}

Task<> WaitForDescriptor(Counts& counts, Reactor& reactor, int descriptor) {
  Guard guard(counts);
  Readiness readiness(reactor, descriptor);
  PollFn ask([&readiness](Context& cx) { return readiness.Ask(cx); });
  co_await ask;
}

// The blocking jobs are not interrupted: they end because this task is.
Task<> OpenAtTheEnd(Counts& counts, Gate& gate) {
  struct Opener {
    ~Opener() { gate.Open(); }
    Gate& gate;
  };
  Opener opener{gate};
  Guard guard(counts);
  Never<> never;
  co_await never;
}

class Pipe {
 public:
  Pipe() { EXPECT_EQ(pipe2(ends_.data(), O_CLOEXEC | O_NONBLOCK), 0); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    for (int end : ends_) close(end);
  }
  int reader() const { return ends_[0]; }

 private:
  std::array<int, 2> ends_{};
};

// What tasks wait for, and what wakes some of them late.
struct World {
  ChannelEnds<int> empty = MakeChannel<int>(1);
  ChannelEnds<int> full = MakeChannel<int>(1);
  Semaphore semaphore{0};
  Notify notify;
  AsyncMutex mutex;
  std::optional<AsyncMutexGuard> locked = mutex.TryLock();
  Gate gate;
  Pipe pipe;
  Counts counts;
  Waker survivor;  // of a task; outlives the runtime

  World() { EXPECT_TRUE(full.sender.TrySend(0).ok()); }

  void WakeSome() {
    notify.NotifyOne();
    (void)empty.sender.TrySend(1);
    (void)full.receiver.TryReceive();
    semaphore.AddPermits(1);
  }
};

// Returns how many tasks hold a guard when all wait.
int SpawnAll(Runtime& runtime, World& world) {
  int tasks = 0;
  auto crowd = [&](auto make) {
    for (int i = 0; i < kEach; ++i) Spawn(runtime, Wait(world.counts, make)).Detach();
    tasks += kEach;
  };
  crowd([&world] { return world.empty.receiver.Receive(); });
  crowd([&world] { return world.full.sender.Send(1); });
  crowd([&world] { return world.semaphore.Acquire(); });
  crowd([&world] { return world.notify.Wait(); });
  crowd([&world] { return world.mutex.Lock(); });
  crowd([] { return SleepFor(absl::Hours(1)); });
  crowd([] { return Timeout(absl::Hours(1), Never<>()); });
  crowd([&world] { return Select(world.empty.receiver.Receive(), world.notify.Wait()); });
  crowd([] {
    return WithNursery([](Nursery& nursery) {
      nursery.Spawn(SleepFor(absl::Hours(1)));
      nursery.Spawn(Never<>());
      return Never<>();
    });
  });
  crowd([&runtime] { return Spawn(runtime, SleepFor(absl::InfiniteDuration())); });
  crowd([&runtime, &world] { return SpawnBlocking(runtime, [&world] { world.gate.Wait(); }); });
  for (int i = 0; i < kEach; ++i) {
    Spawn(runtime, WaitForOneshot(world.counts)).Detach();
    Spawn(runtime, WaitForDescriptor(world.counts, runtime.reactor(), world.pipe.reader()))
        .Detach();
    tasks += 2;
  }
  Spawn(runtime, OpenAtTheEnd(world.counts, world.gate)).Detach();
  return tasks + 1;
}

TEST(ShutdownTest, CancellingEndsTasksInEveryKindOfWaitAndLeaksNothing) {
  World world;
  RuntimeOptions options;
  options.workers = 3;
  options.max_blocking_threads = 4;  // most jobs queue
  auto runtime = std::make_unique<Runtime>(options);
  const int tasks = SpawnAll(*runtime, world);
  Spawn(*runtime, PollFn([&world](Context& cx) -> Poll<void> {
    if (cx.StopRequested()) return kStopped;
    world.survivor = cx.waker().Clone();
    ++world.counts.begun;
    return kPending;
  })).Detach();
  while (world.counts.begun.load() < tasks + 1) std::this_thread::yield();
  EXPECT_GT(world.counts.alive.load(), 0);

  std::atomic<bool> is_over{false};
  std::thread waker([&] {
    while (!is_over.load()) {
      world.WakeSome();
      std::this_thread::yield();
    }
  });
  runtime->Shutdown(ShutdownMode::kCancel);
  EXPECT_EQ(world.counts.alive.load(), 0);
  EXPECT_EQ(runtime->Stats().live_tasks, 0u);
  runtime.reset();
  world.survivor.WakeByRef();  // nothing happens
  is_over = true;
  waker.join();
}

}  // namespace
}  // namespace weft

// runtime/deterministic_runtime.h — the same user code under a schedule that a seed chooses.
//
//   TEST(Transfer, KeepsTheSum) {
//     for (const uint64_t seed : weft::SeedsToTry(1'000)) {
//       SCOPED_TRACE(weft::DeterministicRuntime::SeedMessage(seed));
//       weft::DeterministicRuntime runtime({.seed = seed});
//       EXPECT_EQ(runtime.BlockOn(TransferBackAndForth(runtime)).value(), 100);
//     }
//   }
//
// One thread, virtual time, simulated descriptors. What threads and the kernel decide elsewhere is
// drawn from the seed: which of the ready tasks runs next, how long a run takes (so that timers
// fire while others are ready), in which order timers of one instant fire, when a blocking call is
// made, which descriptor is reported, how long bytes travel, and how short a transfer is. A failure
// is found again by its seed: WEFT_SEED=17 makes SeedsToTry() return that one alone.
//
// A blocking call runs to its end between two runs of tasks, so it must not wait for a task.
//
// What it cannot show: data races and weak memory orders, since tasks never overlap (use the
// sanitizers and //tools/model); code that reads a real clock, addresses or random devices makes
// its own nondeterminism.
//
//   Thread safety    Everything on the thread that made it, wakes included (checked): a wake from
//                    elsewhere would come at a moment that no seed knows.
//   Determinism      Equal options, equal program: equal runs, up to ScheduleDigest().
//   Fairness         None: a ready task may be passed over for as long as the seed likes, but for
//                    ever with probability zero. Where several classes are ready, the seed chooses
//                    one of them first, kHigh, kNormal and kLow by 11 to 4 to 1: no program may
//                    rely on an order of classes, as workers side by side keep none.
//   Errors           BlockOn() stops the program, with the seed, when nothing can ever wake the
//                    future, or after Options::max_runs runs.
//   Cancellation     As in any runtime; the destructor cancels what is left and runs it to its end.
//   Lifetime         No operation may be in flight at reactor() when it is destroyed (checked).
#ifndef WEFT_RUNTIME_DETERMINISTIC_RUNTIME_H_
#define WEFT_RUNTIME_DETERMINISTIC_RUNTIME_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/fork_queue.h"
#include "future/task_registry.h"
#include "future/virtual_timers.h"
#include "reactor/simulated_reactor.h"
#include "runtime/any_runtime.h"

namespace weft {

struct DeterministicRuntimeOptions {
  uint64_t seed = 0;
  // The longest that one run of a task takes of the virtual time.
  absl::Duration max_run_time = absl::Microseconds(100);
  // The longest that bytes travel between simulated descriptors.
  absl::Duration max_io_latency = absl::Milliseconds(1);
  // After so many runs the program is taken for one that never ends.
  uint64_t max_runs = 10'000'000;
  // Whether tasks are listed for DumpTasks() (//future:task_dump). future/README.md has the cost.
  TaskTracking track_tasks = TaskTracking::kOff;
};

// See the head of the file.
class DeterministicRuntime final : public AnyRuntime {
 public:
  using Options = DeterministicRuntimeOptions;

  explicit DeterministicRuntime(const Options& options = {});
  // Precondition (checked): all tasks end once they are cancelled.
  ~DeterministicRuntime() override;

  // "seed 17; run again with WEFT_SEED=17".
  static std::string SeedMessage(uint64_t seed);

  // Runs ready tasks, and lets time pass where none is ready, until `now` + `duration`.
  void Advance(absl::Duration duration);

  // Cancels the token that all tasks inherit.
  void CancelAll() { source_.Cancel(); }

  // Pipes and sockets in memory.
  SimulatedReactor& reactor() override { return reactor_; }

  // Tasks that were spawned and have not finished.
  std::size_t live_tasks() const { return live_tasks_; }
  // How many runs of tasks there were.
  uint64_t runs() const { return runs_; }
  // A digest of all choices so far: differs, but for accidents, when the schedules differ.
  uint64_t ScheduleDigest() const { return digest_; }

  // Executor.
  void Schedule(Runnable* runnable, ScheduleHint hint) override;
  void ScheduleBlocking(Runnable* job) override;
  Instant Now() override { return now_; }
  TimerService& timers() override { return timers_; }
  const CancelToken& token() override { return source_.token(); }
  ForkQueue* forks() override { return Choose(4) == 0 ? nullptr : &forks_; }
  void OnTaskSpawned() override { ++live_tasks_; }
  void OnTaskFinished() override { --live_tasks_; }

 protected:
  void CheckMayBlock(const char* method) const override;
  void RunUntil(absl::FunctionRef<bool(Context&)> is_done) override;
  void ScheduleInClass(TaskPriority priority, Runnable* runnable) override;

 private:
  // The seed says which forks are offered, and which of these others take.
  class Forks final : public ForkQueue {
   public:
    explicit Forks(DeterministicRuntime* runtime) : ForkQueue(nullptr), runtime_(*runtime) {}

   private:
    void OnOffered() override;

    DeterministicRuntime& runtime_;
  };

  // Which of the ready tasks a seed tends to choose.
  enum class Taste : unsigned char { kAny, kNewest, kOldest };

  void CheckThread(const char* operation) const;
  // A number below `bound`, which becomes part of the digest.
  uint64_t Choose(uint64_t bound);
  std::vector<Runnable*>& ChooseClass();
  std::size_t ChooseReady(std::size_t count);
  bool IsNothingReady() const;
  // Runs one ready task; false if there is none.
  bool RunOne();
  // Moves the clock, and lets what is due by then happen.
  void AdvanceTo(Instant now);
  void FireDue();
  // Does one thing that can be done now; false if there is none.
  bool Step();
  // Lets time pass until something happens by itself; false if that is after `limit`, or never.
  bool JumpToNextEvent(Instant limit);

  const Options options_;
  const std::thread::id thread_;
  std::mt19937_64 random_;
  const Taste taste_;
  CancelSource source_;
  VirtualTimers timers_;
  SimulatedReactor reactor_;
  Instant now_;
  std::array<std::vector<Runnable*>, 3> ready_;  // by class; oldest first
  Forks forks_{this};
  std::size_t live_tasks_ = 0;
  uint64_t runs_ = 0;
  uint64_t digest_ = 0;
  bool is_running_ = false;  // inside a task
};

// The seeds for a test that explores `count` schedules: 1 to `count`, the same in each run; or the
// one in the environment variable WEFT_SEED alone. A WEFT_SEED that is no number ends the process
// with a message.
std::vector<uint64_t> SeedsToTry(int count);

}  // namespace weft

#endif  // WEFT_RUNTIME_DETERMINISTIC_RUNTIME_H_

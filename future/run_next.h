// future/run_next.h — the task that a thread of an executor runs next, where the tasks of that
// thread get at it without a call of the executor.
//
// A task that is spawned goes in, if there is none. Whoever awaits it, and finds it there still,
// takes it out and runs it, here and now: it was in no queue, and nobody was told. A task that
// gives way sees that no other one would run, and goes on.
//
// The executor opens it on its thread, the owner, and says for which reasons these short ways are
// not to be taken. Then they answer false, nothing is done, and the caller asks the executor. Each
// run that passes is counted; when so many have passed as the owner allows, it is asked, too.
// Threads that have nothing to do may raid the task, under a lock that costs the owner no locked
// instruction.
//
// Happens-before edges:
//   (1) a task is put here (release) -> raider (acquire).
//   (2) the end of a task is counted; light barrier; the owner looks whether ends are watched.
//       A watcher: says so; heavy barrier; reads the counts. One of the two sees the other.
//   (3) a task is put here; light barrier; the owner looks whether somebody wants it. The other
//       side is the executor's.
// And those of base/biased_lock.h: the owner takes under the lock, too.
#ifndef WEFT_FUTURE_RUN_NEXT_H_
#define WEFT_FUTURE_RUN_NEXT_H_

#include <atomic>
#include <cstdint>

#include "base/atomics.h"
#include "base/barrier_pair.h"
#include "base/biased_lock.h"
#include "base/cache_line.h"
#include "base/owner_counter.h"
#include "future/cancel.h"
#include "future/executor.h"
#include "future/task_ledger.h"

// Of a function that short ones call now and then: it saves all registers, so that these, which
// would have to save some of them in any case, save none. GCC has no such calls.
#if __has_cpp_attribute(clang::preserve_most) && defined(__x86_64__)
#define WEFT_SAVES_REGISTERS [[clang::preserve_most]]
#else
#define WEFT_SAVES_REGISTERS
#endif

namespace weft {
namespace future_internal {

// executor.MayGoOn().
WEFT_SAVES_REGISTERS bool MayGoOn(Executor& executor) noexcept;

}  // namespace future_internal

// See the head of the file. What does not say otherwise is for the owner's thread.
template <typename Atomics>
class BasicRunNext {
 public:
  // Why the executor is to be asked before a task is taken, or goes on.
  enum Reason : unsigned char {
    kSpecial = 1,  // also before one is put here
    kOthersWait = 2,
    kFreshWait = 4,
    kClasses = 8,
    kShut = 16,    // Open() and Close() set it
    kShares = 32,  // the next spawn is not for here; takes and yields go on
  };

  // By its lower half, as a signed number, the executor says whether it is to be told of a task
  // that is put here: where that is positive.
  using Wants = typename Atomics::template Atomic<uint64_t>;
  static bool IsWanted(uint64_t wants) { return static_cast<int32_t>(wants) > 0; }

  constexpr explicit BasicRunNext(BarrierKind kind = BestBarriers<Atomics>()) : lock_(kind) {}
  BasicRunNext(const BasicRunNext&) = delete;
  BasicRunNext& operator=(const BasicRunNext&) = delete;

  // ---- For tasks that run on the owner's thread.

  // Puts a new task of `executor` here, and counts it.
  [[gnu::always_inline]] bool TryStart(const Executor& executor, Runnable* task) {
    if (executor_ != &executor || !IsEmpty() || (reasons_ & (kSpecial | kShares)) != 0)
      return false;
    tally_.AddSpawn();  // before a raider can run it: task_ledger.h
    Put(task);
    Atomics::LightBarrier();                                             // (3)
    if (IsWanted(wants_->load(std::memory_order_relaxed))) [[unlikely]]  // (3)
      executor_->OnKept();
    return true;
  }

  // The executor's own token.
  [[gnu::always_inline]] const CancelToken& TokenOf(Executor& executor) const {
    return executor_ == &executor ? *token_ : executor.token();
  }

  // Takes `task` out, if it is here. The caller runs it now, on top of its own run, and calls
  // CountEnd() if it has ended.
  [[gnu::always_inline]] bool TryTake(const Runnable* task) {
    if (task_.load(std::memory_order_relaxed) != task) return false;
    if (!IsEasy() || runs_left_ <= 1 || IsStackLow() || !lock_.TryLockByOwner()) return false;
    const bool is_here = task_.load(std::memory_order_relaxed) == task;
    if (is_here) task_.store(nullptr, std::memory_order_relaxed);
    lock_.UnlockByOwner();
    if (is_here) Count(taken_);
    return is_here;
  }

  // The end of a task that was taken.
  [[gnu::always_inline]] void CountEnd() {
    tally_.AddEnd();
    Atomics::LightBarrier();                                             // (2)
    if (ends_are_watched_.load(std::memory_order_relaxed)) [[unlikely]]  // (2)
      executor_->OnEndCounted();
  }

  // Whether there is no reason to ask the owner.
  bool IsEasy() const { return (reasons_ & ~kShares) == 0; }
  bool IsEasyBut(Reason reason) const { return (reasons_ & ~(kShares | reason)) == 0; }

  // For a task of `executor` that gives way: whether it would be the next to run. It then goes on,
  // as if it had been. Precondition: IsEasy().
  [[gnu::always_inline]] bool TryGoOn(const Executor* executor) {
    if (executor_ != executor || !IsEmpty()) return false;
    if (runs_left_ <= 1) [[unlikely]]
      return future_internal::MayGoOn(*executor_);
    Count(went_on_);
    return true;
  }

  // ---- For the executor's code on the owner's thread.

  // Those that run on top of one another use the stack down to `limit`. Before all else.
  void LimitStack(const char* limit) { stack_limit_ = limit; }
  // From now on tasks of `executor` pass here, until Close(). Not where the process has no
  // asymmetric barriers.
  void Open(Executor& executor, const Wants& wants) {
    if (!Atomics::AsymmetricBarriersAreAvailable()) return;
    wants_ = &wants;
    token_ = &executor.token();
    executor_ = &executor;
    Clear(kShut);
  }
  void Close() {
    executor_ = nullptr;
    Set(kShut);
  }
  bool IsOpen() const { return executor_ != nullptr; }
  bool IsStackLow() const {
    return static_cast<const char*>(__builtin_frame_address(0)) < stack_limit_;
  }

  void Set(Reason reason) {
    if (!Is(reason)) reasons_ |= reason;  // a store less, as a rule
  }
  void Clear(Reason reason) { reasons_ &= static_cast<unsigned char>(~reason); }
  bool Is(Reason reason) const { return (reasons_ & reason) != 0; }

  // Runs until the executor is asked: counted down to 1 here.
  int& runs_left() { return runs_left_; }

  // ---- Any thread.

  // A moment's truth.
  bool IsEmpty() const { return task_.load(std::memory_order_relaxed) == nullptr; }
  // Runs that have passed here: of tasks that were taken, and of those that went on.
  uint64_t taken() const { return taken_.Get(); }
  uint64_t went_on() const { return went_on_.Get(); }
  // Before a heavy barrier and a look at the counts: from then on, OnEndCounted() is called.
  void WatchEnds() { ends_are_watched_.store(true, std::memory_order_relaxed); }  // (2)
  TaskTally<Atomics, TallyWriters::kOne>& tally() { return tally_; }
  const TaskTally<Atomics, TallyWriters::kOne>& tally() const { return tally_; }

  // The owner, or a raider, holds it for these. To put a task where there is none, the owner does
  // not need it: a raider only writes where it has found one.
  BiasedLock<Atomics>& lock() { return lock_; }
  Runnable* Peek() const { return task_.load(std::memory_order_acquire); }    // (1)
  void Put(Runnable* task) { task_.store(task, std::memory_order_release); }  // (1)

 private:
  void Count(OwnerCounter& kind) {
    --runs_left_;
    kind.Add(1);
  }

  typename Atomics::template Atomic<Runnable*> task_{nullptr};
  Executor* executor_ = nullptr;
  const CancelToken* token_ = nullptr;
  const char* stack_limit_ = nullptr;
  const Wants* wants_ = nullptr;
  int runs_left_ = 1;
  unsigned char reasons_ = kShut;
  typename Atomics::template Atomic<bool> ends_are_watched_{false};
  OwnerCounter taken_, went_on_;
  TaskTally<Atomics, TallyWriters::kOne> tally_;
  alignas(kCacheLineSize) BiasedLock<Atomics> lock_;
};

using RunNext = BasicRunNext<StdAtomics>;

namespace future_internal {

// Of the calling thread; one that is never open where the thread has none. The name is for
// ThisRunNext().
extern constinit thread_local RunNext* run_next [[gnu::tls_model("initial-exec")]]
asm("weft_run_next");

// Compilers take the address of a thread_local for a constant of the function; a coroutine, into
// which this is inlined, may wake up on another thread. So they do not see it.
#if defined(__x86_64__)
[[gnu::always_inline]] inline RunNext& ThisRunNext() {
  RunNext* next;
  asm volatile("movq weft_run_next@gottpoff(%%rip), %0\n\tmovq %%fs:(%0), %0" : "=r"(next));
  return *next;
}
#else
RunNext& ThisRunNext();
#endif

}  // namespace future_internal

// Makes `next` that of the calling thread, while it lives.
class RunNextOfThread {
 public:
  explicit RunNextOfThread(RunNext& next);
  RunNextOfThread(const RunNextOfThread&) = delete;
  RunNextOfThread& operator=(const RunNextOfThread&) = delete;
  ~RunNextOfThread();
};

}  // namespace weft

#endif  // WEFT_FUTURE_RUN_NEXT_H_

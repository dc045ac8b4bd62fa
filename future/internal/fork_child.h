// future/internal/fork_child.h — the children of a ForkJoin(), which lie inside of it.
//
// A child is begun in place, as part of its parent's chain, or by whichever thread has taken it
// from the ForkQueue, or as a task of the executor where the stack is low. Nearly always it ends
// there, and nothing but the child's place was needed for it. A child that has to wait, or was
// begun elsewhere, is a task of its own from then on (task_cell.h): it is allocated, because wakers
// may outlive the fork. What waits in place is polled a second time by that task: so its leaf gets
// the task's waker instead of the parent's.
//
//   ForkAwaiter -- ForkGroup         what the children share, among it the count of those away
//               \- ForkChild, ...    each: Task, result, and the task that it has become
//
// A child in place for which there is no memory stays with its parent, and is polled by it.
//
// Happens-before edges:
//   (1) the child's task is there (read-modify-write, release) -> whoever stops it, or looks at it
//       for a dump (acquire).
// That a stop request which came first is seen, is the order of two read-modify-writes of one word.
// The end of a child reaches the parent by fork_count.h, wakes and stops the polls by task_state.h,
// and the begin elsewhere the queues.
#ifndef WEFT_FUTURE_INTERNAL_FORK_CHILD_H_
#define WEFT_FUTURE_INTERNAL_FORK_CHILD_H_

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <optional>
#include <source_location>
#include <utility>

#include "base/atomics.h"
#include "future/await_chain.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/internal/chain.h"
#include "future/internal/fork_count.h"
#include "future/internal/local_node.h"
#include "future/internal/result.h"
#include "future/poll.h"
#include "future/task.h"

namespace weft::future_internal {

class CellBase;
class ForkChildBase;

// What the children of one fork share: who awaits them, and the context of the poll in which they
// begin.
class ForkGroup : public Leaf {
 public:
  ForkGroup(PromiseBase& frame, std::source_location location)
      : ForkGroup(frame, location, frame.chain().context()) {}

  // The parent is about to return, and children outlive the context of its poll.
  void Keep() {
    if (!kept_) kept_.emplace(token_, LocalRef(locals_));
  }

  Executor* executor() const { return executor_; }
  const CancelToken& token() const { return token_; }
  const LocalNode* locals() const { return locals_; }

  ForkCount<StdAtomics>& count() { return count_; }
  const ForkCount<StdAtomics>& count() const { return count_; }

  // A child has ended without a value.
  void NoteFailure(ForkChildBase* child);
  // The first in time. Precondition: all have ended.
  const ForkChildBase* first_failed() const { return first_failed_; }

 protected:
  ~ForkGroup() {}

 private:
  using Kept = std::pair<CancelToken, LocalRef>;

  ForkGroup(PromiseBase& frame, std::source_location location, Context& cx)
      : Leaf(frame, location),
        executor_(cx.HasExecutor() ? &cx.executor() : nullptr),
        locals_(cx.locals()),
        token_(cx.token().Lend()) {}

  Executor* const executor_;  // or null
  const LocalNode* const locals_;
  union {
    const CancelToken token_;  // lent: by the poll, then by what is kept
  };
  std::optional<Kept> kept_;
  ForkChildBase* first_failed_ = nullptr;
  ForkCount<StdAtomics> count_;
};

// What became of a child that was polled by its parent.
enum class InPlace : unsigned char {
  kEnded,
  kAway,  // it waits, as a task
  kHere,  // it waits, and its parent shall poll it
};

// The part of a child that does not depend on its type.
class ForkChildBase : public Runnable {
 public:
  ForkChildBase(const ForkChildBase&) = delete;
  ForkChildBase& operator=(const ForkChildBase&) = delete;

  // For whoever has taken the child: begins it as a task of its own.
  void Run() noexcept final;

  // Before the rest.
  void SetGroup(ForkGroup* group) { group_ = group; }

  // The same on the parent's thread, by way of the executor's queue.
  void StartAway() noexcept;

  // Has all further polls see a stop request, and wakes the child. By the parent, while any child
  // is unfinished.
  void RequestStop();

  // Whether it waits, and its parent shall poll it by PollHere(), which answers kHere or kEnded.
  bool IsHere() const { return is_here_; }
  InPlace PollHere(Context& cx) noexcept;

  // The child has ended without a value.
  virtual bool HasFailed() = 0;

  // For dumps.
  void VisitAwaited(AwaitVisitor& visitor) const;

 protected:
  ForkChildBase() = default;
  ~ForkChildBase() {
    if (cell() != nullptr) [[unlikely]]
      DropCell();
  }

  // The child, begun in place, waits.
  InPlace GoAway() noexcept;
  const ForkGroup& group() const { return *group_; }

 private:
  friend class ForkedPart;

  static constexpr std::uintptr_t kStop = 1;

  // Polls the child; returns whether it has ended.
  virtual bool PollOnce(Context& cx) noexcept = 0;
  // Ends a child that was never polled: with the exception, or stopped if that is null.
  virtual void EndUnbegun(std::exception_ptr exception) noexcept = 0;
  virtual bool HasStopped() const = 0;
  virtual void VisitTask(AwaitVisitor& visitor) const = 0;

  // For the thread that runs the child, and at its end.
  CellBase* cell() const { return CellOf(cell_and_stop_.load(std::memory_order_relaxed)); }
  static CellBase* CellOf(std::uintptr_t word) {
    return reinterpret_cast<CellBase*>(word & ~kStop);
  }
  void DropCell();
  // Makes the child a task, which is for the caller to queue or run; null if there is no memory.
  CellBase* MakeCell() noexcept;
  // The child, which was away, has ended.
  void Arrive();

  ForkGroup* group_ = nullptr;
  std::atomic<std::uintptr_t> cell_and_stop_{0};
  bool is_here_ = false;
};

// A Task that is begun in place or polled.
template <typename T>
class ForkedTask {
 public:
  explicit ForkedTask(Task<T>&& task) : task_(std::move(task)) {}
  // Precondition: not begun.
  ForkedTask(ForkedTask&& other) noexcept : task_(std::move(other.task_)) {}

  // Runs it below `parent`; GoOn() or SetEnded() must follow.
  [[gnu::always_inline]] void BeginInPlace(PromiseBase& parent, std::source_location location) {
    static_cast<ResultSlot&>(slot_) = ResultSlot(location, kPresumes<T>);
    task_.BeginKept(parent.chain(), slot_);
  }
  // Does what the parent does for a child that has not just ended. True: it has, and the result is
  // set. False: it waits, and is to be polled.
  bool GoOn(PromiseBase& parent) {
    PollState state = PollState::kReady;
    if (!slot_.IsSet()) state = parent.chain().RunBranch(parent, task_.promise(), task_.chain_);
    if (state == PollState::kPending) return false;
    SetEnded();
    if (state == PollState::kStopped) slot_.SetStopped();
    return true;
  }
  void SetEnded() { task_.LeaveKept(); }
  // Whether it has ended, and the result is set.
  bool PollOnce(Context& cx) noexcept { return slot_.PollFrom(task_, cx) != PollState::kPending; }

  SlotResult<T>& result() { return slot_; }
  const SlotResult<T>& result() const { return slot_; }
  const Task<T>& task() const { return task_; }

 private:
  Task<T> task_;
  SlotResult<T> slot_;
};

// What a failure of a child is: whether its errors count.
enum class ForkErrors : unsigned char { kAreValues, kFail };

// A child.
template <typename T, ForkErrors errors>
class ForkChild final : public ForkChildBase {
 public:
  using Output = T;

  explicit ForkChild(Task<T>&& task) : task_(std::move(task)) {}
  // Precondition: not begun.
  ForkChild(ForkChild&& other) noexcept : task_(std::move(other.task_)) {}

  SlotResult<T>& result() { return task_.result(); }

  // As a part of the parent's chain. Whether it has ended with a value; if not, GoOn() must follow.
  [[gnu::always_inline]] bool BeginInPlace(PromiseBase& parent, std::source_location location) {
    task_.BeginInPlace(parent, location);
    if (ForkChild::HasFailed()) [[unlikely]]
      return false;
    task_.SetEnded();
    return true;
  }
  InPlace GoOn(PromiseBase& parent) { return task_.GoOn(parent) ? InPlace::kEnded : GoAway(); }

  void EndUnbegun(std::exception_ptr exception) noexcept override {
    if (exception == nullptr) {
      task_.result().SetStopped();
    } else {
      task_.result().SetException(std::move(exception));
    }
  }
  bool HasFailed() override {
    if (!task_.result().HasValue()) return true;
    if constexpr (errors == ForkErrors::kFail) return !task_.result().value().ok();
    return false;
  }

 private:
  bool PollOnce(Context& cx) noexcept override { return task_.PollOnce(cx); }
  bool HasStopped() const override { return task_.result().IsStopped(); }
  void VisitTask(AwaitVisitor& visitor) const override { visitor.Visit(task_.task()); }

  ForkedTask<T> task_;
};

}  // namespace weft::future_internal

#endif  // WEFT_FUTURE_INTERNAL_FORK_CHILD_H_

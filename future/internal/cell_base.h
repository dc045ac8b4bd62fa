// future/internal/cell_base.h — the part of a task's cell that does not depend on the future: state
// word, scheduling, joining.
//
// The protocol is task_state.h; this adds what the words mean: the executor that runs the task, and
// the token that stops it. A task that never waits touches neither the token's lock nor a waker.
#ifndef WEFT_FUTURE_INTERNAL_CELL_BASE_H_
#define WEFT_FUTURE_INTERNAL_CELL_BASE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <source_location>
#include <string_view>
#include <utility>

#include "base/atomics.h"
#include "future/await_chain.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/internal/chain.h"
#include "future/internal/task_record.h"
#include "future/internal/task_state.h"
#include "future/run_next.h"
#include "future/task_registry.h"
#include "future/waker.h"

namespace weft {

// Where a task is in its life.
enum class TaskStatus : unsigned char {
  kWaiting,    // pending: waits, or is queued
  kRunning,    // is being polled
  kCompleted,  // has a value, maybe an error status
  kFailed,     // ended by an exception
  kCancelled,  // was stopped before it had a value
};

namespace future_internal {

// See the head of the file.
class CellBase : public Runnable, private CancelEntry {
 public:
  CellBase(const CellBase&) = delete;
  CellBase& operator=(const CellBase&) = delete;

  void Run() noexcept final { (void)RunAt(nullptr); }

  // Before the start: nobody has a handle.
  void BeginDetached() { state_.BeginDetached(); }

  // The handle's. All may be called while the task runs.

  // Whether the result is published.
  bool IsComplete() const { return state_.IsComplete(); }
  // Like IsComplete(); if not, `waker` is woken when it is.
  bool PollJoin(const Waker& waker) { return state_.PollJoin(waker); }
  // Whether the caller is to run the task, which this thread would have run next. For what
  // RunNext::TryTake() refuses.
  bool TakeIfNext() { return executor_.TakeIfNext(this); }
  // Makes every further poll see a stop request, and wakes the task.
  void RequestStop() { Do(state_.RequestStop()); }
  // Drops the handle's reference and its waker.
  void DropHandle();
  TaskStatus status() const;
  // Empty if it has none.
  std::string_view name() const;

  // For dumps. The caller keeps the cell alive by a waker of it.

  Waker MakeWaker() {
    state_.AddWaker();
    return Waker(&kWakerVTable, this);
  }
  // Takes the task if it waits, so that VisitAwaits() may look at it; wakes are kept until
  // GiveBack().
  bool TryClaim() { return state_.TryClaim(); }
  void GiveBack() { Do(state_.EndPoll()); }
  virtual void VisitAwaits(AwaitVisitor& visitor) const = 0;
  const CancelToken& token() const { return token_; }
  // Precondition: the executor lists its tasks.
  TaskRecord& record() const { return *reinterpret_cast<TaskRecord*>(tail()); }

  Executor& executor() { return executor_; }

 protected:
  // A token for the task: `own`, which is moved from, or without it that of the executor, which
  // outlives the task.
  struct Token {
    Token(Executor& executor, CancelToken* own)
        : node(own != nullptr ? std::exchange(own->node_, nullptr)
                              : ThisRunNext().TokenOf(executor).node_),
          is_own(own != nullptr) {}
    CancelToken Take() const { return CancelToken(node); }

    CancelFlag* const node;
    const bool is_own;
  };
  // Born queued, with a handle. The executor is asked before: so nobody sees the cell meanwhile.
  CellBase(Executor& executor, Token token)
      : CancelEntry(&TakeRegisteredWaker),
        flags_(token.is_own ? kOwnsToken : 0),
        executor_(executor),
        token_(token.Take()) {}
  ~CellBase() {
    if ((flags_ & kOwnsToken) != 0) token_.~CancelToken();
  }

  // What a record and a name take behind the cell; what this cell has there.
  static std::size_t TailBytes(bool is_listed, std::string_view name) {
    return (is_listed ? sizeof(TaskRecord) : 0) +
           (name.empty() ? 0 : sizeof(std::size_t) + name.size());
  }
  std::size_t TailBytes() const { return TailBytes(is_listed(), name()); }
  // Whether it has a token of its own, a record or a name.
  bool IsSpecial() const { return flags_ != 0; }
  // These before the start, in this order: puts a record behind the cell; copies the name there;
  // lists the task.
  void MakeRecord(std::source_location location);
  void SetName(std::string_view name);
  void EnterRegistry() { executor_.task_registry()->Add(record()); }

  // Destroys and frees the cell, with its tail.
  virtual void DestroyCell() = 0;

  // The size of the whole cell.
  virtual std::size_t bytes() const = 0;

  // What came of one poll.
  enum class Polled : unsigned char {
    kEnded,    // the future
    kAgain,    // it asked for another poll: the caller queues the task, which stayed active
    kPending,  // the run is over: the task waits, or is queued; the cell may be gone
  };

  // Polls once by `poll(cx)`, which returns whether the future has ended. Inlined: the way of each
  // run goes through here.
  template <typename PollOnce>
  [[gnu::always_inline]] Polled RunOnce(PollOnce&& poll) {
    const bool is_stopped = BeginPoll();
    const BorrowedWaker waker(&kWakerVTable, this);
    bool again = false;
    Context cx(waker.get(), token_, &executor_, &again);
    if (is_stopped) [[unlikely]]
      cx.Stop();
    const bool has_ended = poll(cx);
    return EndPoll(has_ended, again);
  }

  // What a run has for the futures that are chains: it may poll those of several cells of one
  // executor, one after the other. Not for others: their polls have these as variables, of which
  // nothing is left where a future does not look at them.
  class ChainPolls {
   public:
    [[gnu::always_inline]] explicit ChainPolls(CellBase& cell)
        : waker_(&kWakerVTable, &cell),
          cx_(waker_.get(), cell.token_, &cell.executor_, &again_),
          driver_(cx_) {}
    ChainPolls(const ChainPolls&) = delete;
    ChainPolls& operator=(const ChainPolls&) = delete;

    // The next poll is that of `cell`.
    [[gnu::always_inline]] void TurnTo(CellBase& cell) {
      waker_.TurnTo(&cell);
      cx_.TurnTo(cell.token_);
      again_ = false;
    }

   private:
    friend class CellBase;

    bool again_ = false;
    BorrowedWaker waker_;
    Context cx_;
    Chain::Driver driver_;
  };

  // The same by `poll(driver)`.
  template <typename PollOnce>
  [[gnu::always_inline]] Polled RunOnce(ChainPolls& polls, PollOnce&& poll) {
    if (BeginPoll()) [[unlikely]]
      polls.cx_.Stop();
    const bool has_ended = poll(polls.driver_);
    return EndPoll(has_ended, polls.driver_.GaveWay() || polls.again_);
  }

  void Yield() { executor_.Schedule(this, ScheduleHint::kYield); }

  // Before Finish(): how the future ended.
  void SetStatus(TaskStatus status) { status_.store(status, std::memory_order_relaxed); }

  // For a run inside a call of the handle, when the future has ended: whether nobody but the handle
  // refers to the task.
  bool IsOnlyTheHandles() const { return state_.IsOnlyTheHandles(); }
  // When the future has ended: whether nobody but the run refers to the task.
  bool IsOnlyTheRuns() const { return state_.IsOnlyTheRuns(); }
  // The future is destroyed, result and outcome are set: publishes them and ends the run. The cell
  // may be gone afterwards.
  void Finish();

 private:
  using State = TaskState<StdAtomics>;

  // Bits of flags_. Written as one byte: single bits would be put into what was there before.
  static constexpr uint8_t kOwnsToken = 1;
  static constexpr uint8_t kNamed = 2;
  static constexpr uint8_t kListed = 4;

  bool is_listed() const { return (flags_ & kListed) != 0; }

  static const Waker::VTable kWakerVTable;

  static Waker TakeRegisteredWaker(CancelEntry* entry);
  // Returns whether a stop was requested.
  [[gnu::always_inline]] bool BeginPoll() {
    const bool is_stopped = state_.BeginPoll();
    SetStatus(TaskStatus::kRunning);
    if (is_listed()) [[unlikely]]
      RecordPollBegin();
    return is_stopped;
  }
  [[gnu::always_inline]] Polled EndPoll(bool has_ended, bool again) {
    if (is_listed()) [[unlikely]]
      RecordPollEnd(has_ended);
    if (has_ended) {
      if (is_registered_) [[unlikely]]
        Unregister();
      return Polled::kEnded;
    }
    SetStatus(TaskStatus::kWaiting);
    // A task that stays active is not touched by wakes of this moment.
    if (again) return Polled::kAgain;
    EndPollPending();
    return Polled::kPending;
  }
  // The poll ended pending: waits, or queues itself again. The cell may be gone afterwards.
  void EndPollPending();
  // The future has ended: its token forgets the task, before it is complete, because what waits for
  // the end may rely on it.
  void Unregister();
  void RecordPollBegin();
  // A task that has ended is listed no more: before somebody asks who refers to it.
  void RecordPollEnd(bool has_ended);
  void Do(State::Then then);
  void Destroy();
  // The record, if the task is listed; the name's length, then the name.
  char* tail() const { return reinterpret_cast<char*>(const_cast<CellBase*>(this)) + bytes(); }
  char* name_tail() const { return tail() + (is_listed() ? sizeof(TaskRecord) : 0); }

  [[no_unique_address]] State state_;                     // the next five share its last word
  std::atomic<TaskStatus> status_{TaskStatus::kWaiting};  // the run's; relaxed: for looking on
  bool is_registered_ = false;                            // the run's, once started
  uint8_t flags_;                                         // constant once started
  Executor& executor_;
  union {
    const CancelToken token_;  // lent by the executor, or one's own
  };
};

}  // namespace future_internal
}  // namespace weft

#endif  // WEFT_FUTURE_INTERNAL_CELL_BASE_H_

// future/context.h — what a future is told when it is polled.
//
// A Context lives as long as one poll. It says how to be polled again (waker), whether to give up
// (StopRequested), what to hand to tasks that are spawned from here (token), where to run them
// (executor), and which task-local values there are (task_local.h).
#ifndef WEFT_FUTURE_CONTEXT_H_
#define WEFT_FUTURE_CONTEXT_H_

#include "base/check.h"
#include "future/cancel.h"
#include "future/run_next.h"
#include "future/waker.h"

namespace weft {

class Executor;

namespace future_internal {
class LocalNode;
class CellBase;
}  // namespace future_internal

// Cheap to copy: it only refers to what the poller owns.
class Context {
 public:
  // `executor` may be null: then futures that need one (timers, spawns) stop the program with a
  // message.
  Context(const Waker& waker, const CancelToken& token, Executor* executor = nullptr)
      : waker_(&waker), token_(&token), stop_(token.node_), executor_(executor) {}

  // The same for who polls by runs that are queued: sets `*again` where a future asks for another
  // poll (PollAgain()), which then needs no waker.
  Context(const Waker& waker, const CancelToken& token, Executor* executor, bool* again)
      : waker_(&waker), token_(&token), stop_(token.node_), executor_(executor), again_(again) {}

  Context(const Context&) = default;
  // Not assigned: the polls of several tasks may share one.
  Context& operator=(const Context&) = delete;

  // Keep waker().Clone() when answering kPending.
  const Waker& waker() const { return *waker_; }

  // Asks for another poll, behind all tasks that are ready. Means what waker().WakeByRef() means,
  // and is cheaper: nobody else has to be told. Answer kPending then.
  void PollAgain() const {
    if (again_ != nullptr) {
      *again_ = true;
    } else {
      waker_->WakeByRef();
    }
  }

  // For a future that would ask for another poll, to do nothing but to give way: whether it may as
  // well go on at once, because nothing else is ready, nor a stop requested.
  [[gnu::always_inline]] bool TryGoOn() const {
    RunNext& next = future_internal::ThisRunNext();
    return next.IsEasy() && again_ != nullptr && !StopRequested() && next.TryGoOn(executor_);
  }

  // The token of the task that is being polled: the parent for what is spawned from here.
  const CancelToken& token() const { return *token_; }

  // Whether the future shall end soon: with its value if it already has it, else with kStopped as
  // soon as it holds nothing that is in flight.
  bool StopRequested() const { return stop_ != nullptr && stop_->IsCancelled(); }

  // Where to run spawned tasks and timers. Precondition (checked): the poller gave one.
  Executor& executor() const {
    WEFT_CHECK(executor_ != nullptr) << "Context::executor(): a future needs timers or tasks, but "
                                        "it is polled without an executor; "
                                        "run it by an executor or with BlockOn(executor, future)";
    return *executor_;
  }
  bool HasExecutor() const { return executor_ != nullptr; }

  // The innermost task-local value, for task_local.h; null if there are none. Kept alive by the
  // poller for the length of the poll.
  const future_internal::LocalNode* locals() const { return locals_; }

  // The same context with the stop requested: how a combinator cancels one of its children.
  Context WithStop() const { return With(kAlways); }

  // The same context with cancellation hidden: for clean-up that must finish.
  Context Shielded() const {
    Context shielded = With(kNever);
    shielded.token_ = &NeverCancelled();
    return shielded;
  }

  // The same context with another waker: for combinators that track which child was woken.
  Context WithWaker(const Waker& waker) const {
    Context other = *this;
    other.waker_ = &waker;
    other.again_ = nullptr;
    return other;
  }

  // The same context with another token, which shall be a descendant of token().
  Context WithToken(const CancelToken& token) const {
    Context other = *this;
    if (stop_ == token_->node_) other.stop_ = token.node_;
    other.token_ = &token;
    return other;
  }

  // The same context with other task-local values, which outlive the poll.
  Context WithLocals(const future_internal::LocalNode* locals) const {
    Context other = *this;
    other.locals_ = locals;
    return other;
  }

 private:
  // A flag of no token.
  class FixedFlag final : public future_internal::CancelFlag {
   public:
    constexpr explicit FixedFlag(bool is_cancelled) : CancelFlag(is_cancelled) {}
  };
  static const FixedFlag kAlways;
  static const FixedFlag kNever;

  static const CancelToken& NeverCancelled() {
    static const CancelToken kToken;
    return kToken;
  }

  friend class future_internal::CellBase;

  // For a poller that has several tasks in turn: the next poll is of the one with that token.
  void TurnTo(const CancelToken& token) {
    token_ = &token;
    stop_ = token.node_;
  }
  void Stop() { stop_ = &kAlways; }
  Context With(const FixedFlag& stop) const {
    Context other = *this;
    other.stop_ = &stop;
    return other;
  }

  const Waker* waker_;
  const CancelToken* token_;
  const future_internal::CancelFlag* stop_;  // the token's, or null if that has none; or fixed
  Executor* executor_;
  bool* again_ = nullptr;  // or null: by the waker
  const future_internal::LocalNode* locals_ = nullptr;
};

inline constinit const Context::FixedFlag Context::kAlways(true);
inline constinit const Context::FixedFlag Context::kNever(false);

}  // namespace weft

#endif  // WEFT_FUTURE_CONTEXT_H_

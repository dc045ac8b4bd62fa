// future/internal/chain.h — the frames of one task, from its root coroutine down to the leaf that
// waits.
//
// A coroutine that awaits another Task does not poll it: the child joins the chain of its parent.
// It is begun in place, like a call, before its parent suspends: a child that completes without
// waiting costs no suspension. One that waits returns through the parents that began it, each of
// which suspends then, to the driver (Chain::Resume); from there on only the driver resumes frames.
// So a wake-up goes straight to the deepest frame, and unwinding after a cancellation is a loop
// from the leaf to the root.
//
//   root.poll(cx) -> Chain::Resume -> [ leaf.Poll(cx) ] -> frame.resume() -> ... -> a Request
//
// A frame gives control back to the driver by leaving a Request and resuming nobody. No compiler
// has to make tail calls of anything. Beginning in place ends where a chain has used some kilobytes
// of stack: the child is then begun by the driver, when all frames have returned to it.
#ifndef WEFT_FUTURE_INTERNAL_CHAIN_H_
#define WEFT_FUTURE_INTERNAL_CHAIN_H_

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <source_location>

#include "future/await_chain.h"
#include "future/context.h"
#include "future/poll.h"

namespace weft {
class ForkQueue;
}

namespace weft::future_internal {

class PromiseBase;

// The part of a Task that the driver needs: the frame, which unwinding takes away.
class TaskBase {
 protected:
  friend class Chain;
  std::coroutine_handle<> frame_;  // null: moved from, unwound, or returned early
};

// Where a frame leaves its result, who holds the frame, and where it is awaited. Lies with whoever
// awaits the frame.
struct Slot {
  TaskBase* owner;
  std::source_location location = {};  // not set for a root
};

// A suspended await of something that is not a Task.
class Leaf {
 public:
  Leaf(PromiseBase& frame, std::source_location location) : frame_(frame), location_(location) {}
  Leaf(const Leaf&) = delete;
  Leaf& operator=(const Leaf&) = delete;

  // Polls what is awaited and keeps its result. Never throws: an exception counts as kReady.
  virtual PollState Poll(Context& cx) noexcept = 0;

  // Visits what is awaited by `step`. Only while it is pending.
  virtual void Visit(const AwaitStep& step, AwaitVisitor& visitor) const = 0;

  // The frame that awaits, and where in it.
  PromiseBase& frame() const { return frame_; }
  std::source_location location() const { return location_; }

 protected:
  ~Leaf() = default;

 private:
  PromiseBase& frame_;
  const std::source_location location_;
};

// Stop the program: misuse of a Task. Out of line, since every co_await looks for it.
[[noreturn]] void FailMovedLate();
[[noreturn]] void FailDestroyedSuspended();
[[noreturn]] void FailRunTwice();

// See the head of the file. One word. Thread-compatible; pinned from the first Resume() on.
class Chain {
 public:
  Chain() : leaf_(nullptr) {}
  Chain(const Chain&) = delete;
  Chain& operator=(const Chain&) = delete;

  // Runs until the chain waits (kPending), its root has finished (kReady), or it was unwound
  // (kStopped). `root` is linked.
  PollState Resume(Context& cx, PromiseBase& root);

  // Visits the frames from the leaf to the root. Between calls of Resume(); nothing is left before
  // the first and after the last.
  void Visit(AwaitVisitor& visitor) const;
  // The step of a suspended frame.
  static AwaitStep StepOf(PromiseBase& frame, std::source_location location);

  // The rest is for frames that run.

  // The context of the poll that is running.
  Context& context() { return *driver_->context; }
  // Whether so much stack is used that a child should be begun by the driver.
  bool IsStackLow() const {
    return static_cast<const char*>(__builtin_frame_address(0)) < driver_->stack_limit;
  }

  // The same, for a frame whose children may as well be tasks: with some more of the stack.
  bool IsStackVeryLow() const {
    return static_cast<const char*>(__builtin_frame_address(0)) <
           driver_->stack_limit - kMoreStackBytes;
  }
  // What the executor has for forks of this thread; null if it has nothing.
  ForkQueue* forks() { return driver_->forks != nullptr ? driver_->forks : FindForks(); }
  // For a frame that has begun `child` in place, and others beside it: does the driver's part until
  // the child has finished, is unwound (kStopped), or waits (kPending). Then its frames leave this
  // chain and become `branch`, that of the child, which is resumed for itself.
  PollState RunBranch(PromiseBase& child, Chain& branch);

  // What a frame asks of the driver when it is suspended and about to return to whoever resumed it.
  void Wait(Leaf& leaf) {  // until the leaf is ready
    driver_->leaf = &leaf;
    driver_->request = Request::kWait;
  }
  void Stop(PromiseBase& frame) { Ask(Request::kStop, &frame); }                // unwind everything
  void ReturnEarly(PromiseBase& frame) { Ask(Request::kReturnEarly, &frame); }  // its result is set
  void Transfer(PromiseBase& frame) { Ask(Request::kTransfer, &frame); }        // resume that one
  void FinishRoot() { Ask(Request::kFinished, nullptr); }
  // The child that returned early was destroyed by its parent.
  void ForgetRequest() { driver_->request = Request::kNone; }

  // Destroys a suspended frame; returns its parent.
  static PromiseBase* Destroy(PromiseBase& frame);

 private:
  enum class Request : unsigned char { kNone, kWait, kStop, kReturnEarly, kTransfer, kFinished };

  static constexpr std::ptrdiff_t kMoreStackBytes = 48 * 1024;

  struct Driver {
    Context* context;
    const char* stack_limit;
    PromiseBase* frame = nullptr;  // with kStop, kReturnEarly, kTransfer
    Leaf* leaf = nullptr;          // with kWait
    ForkQueue* forks = nullptr;    // once asked for
    Request request = Request::kNone;
  };

  PollState Drive(PromiseBase* frame);
  ForkQueue* FindForks();
  static void Unwind(PromiseBase* frame);
  void Ask(Request request, PromiseBase* frame) {
    driver_->request = request;
    driver_->frame = frame;
  }

  union {
    Leaf* leaf_;      // between polls: what the deepest frame waits for; null before the start
    Driver* driver_;  // during Resume()
  };
};

// What every promise has: its place in the chain. The promises of all Tasks are aligned like it, so
// that it finds its frame.
class PromiseBase {
 public:
  PromiseBase(const PromiseBase&) = delete;
  PromiseBase& operator=(const PromiseBase&) = delete;

  Chain& chain() const { return *chain_; }
  // Whether the frame was linked.
  bool IsLinked() const { return chain_ != nullptr; }
  std::coroutine_handle<PromiseBase> frame() {
    return std::coroutine_handle<PromiseBase>::from_promise(*this);
  }

  // Puts the frame below `parent` (null: at the root) before it runs for the first time.
  void Link(Chain& chain, PromiseBase* parent, Slot& slot) {
    chain_ = &chain;
    parent_ = reinterpret_cast<std::uintptr_t>(parent) | kInPlace;
    slot_ = &slot;
  }
  // The root's slot lies in each poll.
  void SetSlot(Slot& slot) { slot_ = &slot; }
  Slot& slot() const { return *slot_; }

  PromiseBase* parent() const { return reinterpret_cast<PromiseBase*>(parent_ & ~kInPlace); }
  // The parent, which began this frame in place, suspends: its end resumes the parent.
  void LeavePlace() { parent_ &= ~kInPlace; }
  // The frame, and what it awaits, become the root of another chain.
  void Join(Chain& chain) { chain_ = &chain; }
  void BecomeRoot() { parent_ = kInPlace; }
  // The frame has finished, and returns to whoever resumed it.
  void Finish() {
    if (parent_ == kInPlace) return chain_->FinishRoot();
    if ((parent_ & kInPlace) == 0) chain_->Transfer(*parent());
  }

 protected:
  PromiseBase() = default;

 private:
  static constexpr std::uintptr_t kInPlace = 1;

  Chain* chain_ = nullptr;
  std::uintptr_t parent_ = 0;  // and kInPlace: the parent runs, below this frame on the stack
  Slot* slot_ = nullptr;
};

}  // namespace weft::future_internal

#endif  // WEFT_FUTURE_INTERNAL_CHAIN_H_

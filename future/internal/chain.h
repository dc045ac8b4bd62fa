// future/internal/chain.h — the frames of one task, from its root coroutine down to the leaf that
// waits.
//
// A coroutine that awaits another Task does not poll it: the child joins the chain of its parent,
// and only the driver (Chain::Resume) resumes frames. So a wake-up goes straight to the deepest
// frame, and unwinding after a cancellation is a loop from the leaf to the root.
//
//   root.poll(cx) -> Chain::Resume -> [ leaf.Poll(cx) ] -> frame.resume() -> ... -> a Request
//
// A frame gives control back to the driver by leaving a Request and resuming nobody. Passing
// control between parent and child is done by symmetric transfer where the compiler makes that a
// tail call in every build mode (Clang), and through the driver's loop elsewhere (GCC 12 grows the
// stack at -O0, -O1 and under sanitizers).
#ifndef WEFT_FUTURE_INTERNAL_CHAIN_H_
#define WEFT_FUTURE_INTERNAL_CHAIN_H_

#include <coroutine>
#include <utility>

#include "future/context.h"
#include "future/poll.h"

#if defined(__clang__)
#define WEFT_SYMMETRIC_TRANSFER 1
#else
#define WEFT_SYMMETRIC_TRANSFER 0
#endif

namespace weft::future_internal {

class PromiseBase;

// The part of a Task that the driver needs: the frame, which unwinding takes away.
class TaskBase {
 protected:
  friend class Chain;
  std::coroutine_handle<> frame_;  // null: moved from, unwound, or returned early
};

// A suspended await of something that is not a Task.
class Leaf {
 public:
  // Polls what is awaited and keeps its result. Never throws: an exception counts as kReady.
  virtual PollState Poll(Context& cx) noexcept = 0;

 protected:
  ~Leaf() = default;
};

// See the head of the file. Thread-compatible; pinned from the first Resume() on.
class Chain {
 public:
  Chain() = default;
  Chain(const Chain&) = delete;
  Chain& operator=(const Chain&) = delete;

  // Makes `promise` the root frame.
  void Start(PromiseBase& promise) { deepest_ = &promise; }

  // Whether Start() was called.
  bool IsStarted() const { return deepest_ != nullptr; }

  // Runs until the chain waits (kPending), its root has finished (kReady), or it was unwound
  // (kStopped).
  PollState Resume(Context& cx);

  // The context of the poll that is running.
  Context& context() { return *context_; }

  // The calls of a frame that is suspended and is about to return to the driver. Each returns what
  // await_suspend shall return.
  std::coroutine_handle<> Wait(Leaf& leaf);           // until the leaf is ready
  std::coroutine_handle<> Stop();                     // unwind everything
  std::coroutine_handle<> ReturnEarly();              // drop this frame; its result is set
  std::coroutine_handle<> Enter(PromiseBase& child);  // run a child
  std::coroutine_handle<> Leave(PromiseBase& child);  // the child has finished: run its parent

 private:
  enum class Request : unsigned char { kNone, kWait, kStop, kReturnEarly, kTransfer, kFinished };

  PollState Drive(std::coroutine_handle<> frame);
  std::coroutine_handle<> Ask(Request request);
  std::coroutine_handle<> Transfer(std::coroutine_handle<> frame);
  PromiseBase* DestroyDeepest();
  void Unwind();

  Context* context_ = nullptr;      // during Resume() only
  PromiseBase* deepest_ = nullptr;  // the frame that runs or waits; null before the start
  Leaf* leaf_ = nullptr;            // what deepest_ waits for; null while it runs
  std::coroutine_handle<> next_;    // with Request::kTransfer
  Request request_ = Request::kNone;
};

// What every promise has: its place in the chain.
class PromiseBase {
 public:
  PromiseBase() = default;
  PromiseBase(const PromiseBase&) = delete;
  PromiseBase& operator=(const PromiseBase&) = delete;

  Chain& chain() { return *chain_; }

  // Puts the frame below `parent` (null: at the root) before it runs for the first time.
  void Link(Chain& chain, PromiseBase* parent, TaskBase& owner) {
    chain_ = &chain;
    parent_ = parent;
    owner_ = &owner;
  }

 protected:
  explicit PromiseBase(std::coroutine_handle<> frame) : frame_(frame) {}
  TaskBase* owner() const { return owner_; }

 private:
  friend class Chain;

  Chain* chain_ = nullptr;
  PromiseBase* parent_ = nullptr;
  TaskBase* owner_ = nullptr;  // holds the frame and receives the result
  std::coroutine_handle<> frame_;
};

inline std::coroutine_handle<> Chain::Ask(Request request) {
  request_ = request;
  return std::noop_coroutine();
}

inline std::coroutine_handle<> Chain::Transfer(std::coroutine_handle<> frame) {
#if WEFT_SYMMETRIC_TRANSFER
  return frame;
#else
  next_ = frame;
  return Ask(Request::kTransfer);
#endif
}

inline std::coroutine_handle<> Chain::Wait(Leaf& leaf) {
  leaf_ = &leaf;
  return Ask(Request::kWait);
}

inline std::coroutine_handle<> Chain::Stop() { return Ask(Request::kStop); }

inline std::coroutine_handle<> Chain::ReturnEarly() { return Ask(Request::kReturnEarly); }

inline std::coroutine_handle<> Chain::Enter(PromiseBase& child) {
  deepest_ = &child;
  return Transfer(child.frame_);
}

inline std::coroutine_handle<> Chain::Leave(PromiseBase& child) {
  if (child.parent_ == nullptr) return Ask(Request::kFinished);
  deepest_ = child.parent_;
  return Transfer(deepest_->frame_);
}

}  // namespace weft::future_internal

#endif  // WEFT_FUTURE_INTERNAL_CHAIN_H_

#include "future/internal/chain.h"

#include "base/check.h"

namespace weft::future_internal {

PollState Chain::Resume(Context& cx) {
  context_ = &cx;
  if (leaf_ != nullptr) {
    switch (leaf_->Poll(cx)) {
      case PollState::kPending:
        return PollState::kPending;
      case PollState::kStopped:
        Unwind();
        return PollState::kStopped;
      case PollState::kReady:
        leaf_ = nullptr;
        break;
    }
  } else if (cx.StopRequested()) {  // not begun: there is nothing to let go of but the arguments
    Unwind();
    return PollState::kStopped;
  }
  return Drive(deepest_->frame_);
}

PollState Chain::Drive(std::coroutine_handle<> frame) {
  while (true) {
    request_ = Request::kNone;
    frame.resume();
    switch (request_) {
      case Request::kWait:
        return PollState::kPending;
      case Request::kFinished:
        deepest_ = nullptr;  // so that another poll is refused
        return PollState::kReady;
      case Request::kStop:
        Unwind();
        return PollState::kStopped;
      case Request::kReturnEarly:
        deepest_ = DestroyDeepest();
        if (deepest_ == nullptr) return PollState::kReady;
        frame = deepest_->frame_;
        break;
      case Request::kTransfer:
        frame = next_;
        break;
      case Request::kNone:
        WEFT_FATAL() << "a Task suspended without going through the task's own machinery; await "
                        "Futures and Tasks only, and with GCC 12 name the result of an await "
                        "before testing it in a condition";
    }
  }
}

PromiseBase* Chain::DestroyDeepest() {
  PromiseBase* const parent = deepest_->parent_;
  std::coroutine_handle<> const frame = deepest_->frame_;
  deepest_->owner_->frame_ =
      nullptr;  // the owner lies in the parent's frame, and must not destroy it again
  frame.destroy();
  return parent;
}

void Chain::Unwind() {
  leaf_ = nullptr;
  while (deepest_ != nullptr) deepest_ = DestroyDeepest();
}

}  // namespace weft::future_internal

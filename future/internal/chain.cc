#include "future/internal/chain.h"

#include <cstddef>
#include <utility>

#include "base/check.h"
#include "future/executor.h"

namespace weft::future_internal {
namespace {

// What one poll uses for beginning children in place: a hundred frames or so.
constexpr std::ptrdiff_t kStackBytes = 16 * 1024;

[[noreturn]] void FailForeignSuspension() {
  WEFT_FATAL()
      << "a Task suspended without going through the task's own machinery; await Futures "
         "and Tasks only, and with GCC 12 name the result of an await before testing it in "
         "a condition";
}

}  // namespace

void FailMovedLate() {
  WEFT_FATAL() << "a Task was moved after it had been polled or awaited; move it before";
}

void FailDestroyedSuspended() {
  WEFT_FATAL() << "a Task was destroyed while it is suspended; poll it with a stop requested until "
                  "it answers kStopped";
}

void FailRunTwice() {
  WEFT_FATAL() << "a Task was polled or awaited after it was moved from, awaited or finished; a "
                  "Task runs once";
}

PollState Chain::Resume(Context& cx, PromiseBase& root) {
  Leaf* const leaf = leaf_;
  if (leaf == nullptr) {
    if (cx.StopRequested()) {  // not begun: there is nothing to let go of but the arguments
      Destroy(root);
      return PollState::kStopped;
    }
  } else {
    const PollState state = leaf->Poll(cx);
    if (state == PollState::kPending) return state;
    if (state == PollState::kStopped) {
      leaf_ = nullptr;
      Unwind(&leaf->frame());
      return state;
    }
  }
  Driver driver{.context = &cx,
                .stack_limit = static_cast<const char*>(__builtin_frame_address(0)) - kStackBytes};
  driver_ = &driver;
  const PollState state = Drive(leaf == nullptr ? &root : &leaf->frame());
  leaf_ = driver.leaf;  // no pointer into this call stays behind
  return state;
}

void Chain::Visit(AwaitVisitor& visitor) const {
  if (leaf_ == nullptr) return;
  PromiseBase* frame = &leaf_->frame();
  leaf_->Visit(StepOf(*frame, leaf_->location()), visitor);
  while (frame->parent() != nullptr) {
    const std::source_location location = frame->slot().location;
    frame = frame->parent();
    visitor.Report(StepOf(*frame, location));
  }
}

AwaitStep Chain::StepOf(PromiseBase& frame, std::source_location location) {
  // The ABI of all compilers: a frame begins with the address of its code.
  const void* const code = *static_cast<void**>(frame.frame().address());
  return {.location = location, .resume_address = code};
}

PollState Chain::Drive(PromiseBase* frame) {
  Driver& driver = *driver_;
  while (true) {
    driver.request = Request::kNone;
    frame->frame().resume();
    switch (driver.request) {
      case Request::kWait:
        return PollState::kPending;
      case Request::kFinished:
        return PollState::kReady;
      case Request::kStop:
        Unwind(driver.frame);
        return PollState::kStopped;
      case Request::kReturnEarly:
        frame = Destroy(*driver.frame);
        if (frame == nullptr) return PollState::kReady;
        break;
      case Request::kTransfer:
        frame = driver.frame;
        break;
      case Request::kNone:
        FailForeignSuspension();
    }
  }
}

ForkQueue* Chain::FindForks() {
  const Context& cx = *driver_->context;
  if (cx.HasExecutor()) driver_->forks = cx.executor().forks();
  return driver_->forks;
}

PollState Chain::RunBranch(PromiseBase& child, Chain& branch) {
  PromiseBase* const parent = child.parent();
  Driver& driver = *driver_;
  while (true) {
    switch (std::exchange(driver.request, Request::kNone)) {
      case Request::kWait:
        branch.leaf_ = std::exchange(driver.leaf, nullptr);
        for (PromiseBase* frame = &branch.leaf_->frame(); frame != parent;
             frame = frame->parent()) {
          frame->Join(branch);
        }
        child.BecomeRoot();
        return PollState::kPending;
      case Request::kStop:
        for (PromiseBase* frame = driver.frame; frame != parent;) frame = Destroy(*frame);
        return PollState::kStopped;
      case Request::kReturnEarly:
        driver.frame = Destroy(*driver.frame);
        if (driver.frame == parent) return PollState::kReady;
        [[fallthrough]];
      case Request::kTransfer:
        driver.frame->frame().resume();
        break;
      case Request::kNone:
      case Request::kFinished:
        if (!child.frame().done()) FailForeignSuspension();
        return PollState::kReady;
    }
  }
}

PromiseBase* Chain::Destroy(PromiseBase& frame) {
  PromiseBase* const parent = frame.parent();
  // The owner lies in the parent's frame, and must not destroy this one again.
  frame.slot().owner->frame_ = nullptr;
  frame.frame().destroy();
  return parent;
}

void Chain::Unwind(PromiseBase* frame) {
  while (frame != nullptr) frame = Destroy(*frame);
}

}  // namespace weft::future_internal

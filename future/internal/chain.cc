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

void FailMovedLate() noexcept {
  WEFT_FATAL() << "a Task was moved after it had been polled or awaited; move it before";
}

void FailDestroyedSuspended() noexcept {
  WEFT_FATAL() << "a Task was destroyed while it is suspended; poll it with a stop requested until "
                  "it answers kStopped";
}

void FailRunTwice() noexcept {
  WEFT_FATAL() << "a Task was polled or awaited after it was moved from, awaited or finished; a "
                  "Task runs once";
}

PollState Chain::Resume(Context& cx, PromiseBase& root) {
  Leaf* const leaf = leaf_;
  if (leaf == nullptr) {
    if (cx.StopRequested()) {  // not begun: there is nothing to let go of but the arguments
      root.frame().destroy();
      return PollState::kStopped;
    }
  } else {
    const PollState state = leaf->Poll(cx);
    if (state == PollState::kPending) return state;
    if (state == PollState::kStopped) {
      leaf_ = nullptr;
      Unwind(&leaf->frame(), nullptr);
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
  for (Slot* slot; (slot = frame->slot()) != nullptr && slot->parent() != nullptr;) {
    frame = slot->parent();
    visitor.Report(StepOf(*frame, slot->location()));
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
        Unwind(driver.frame, nullptr);
        return PollState::kStopped;
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

PollState Chain::RunBranch(PromiseBase& parent, PromiseBase& child, Chain& branch) {
  Slot& slot = *child.slot();
  slot.LeavePlace(parent);  // so that its end is told
  Driver& driver = *driver_;
  while (true) {
    switch (std::exchange(driver.request, Request::kNone)) {
      case Request::kWait:
        branch.leaf_ = std::exchange(driver.leaf, nullptr);
        for (PromiseBase* frame = &branch.leaf_->frame(); frame != &parent;
             frame = frame->slot()->parent()) {
          frame->Join(branch);
        }
        slot = Slot();
        return PollState::kPending;
      case Request::kStop:
        Unwind(driver.frame, &parent);
        return PollState::kStopped;
      case Request::kTransfer:
        if (driver.frame == &parent) return PollState::kReady;
        driver.frame->frame().resume();
        break;
      case Request::kNone:
      case Request::kFinished:
        FailForeignSuspension();
    }
  }
}

void Chain::Unwind(PromiseBase* frame, PromiseBase* end) {
  while (frame != end) {
    PromiseBase* const parent = frame->slot()->parent();
    frame->frame().destroy();
    frame = parent;
  }
}

}  // namespace weft::future_internal

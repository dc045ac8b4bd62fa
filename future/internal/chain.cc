#include "future/internal/chain.h"

#include <cstddef>
#include <utility>

#include "base/check.h"
#include "future/executor.h"

namespace weft::future_internal {

static_assert(alignof(Leaf) >= 8 && alignof(PromiseBase) >= 8, "three bits are Chain's");

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

// In three functions, so that the common ways save few registers.
PollState Chain::Resume(Context& cx, PromiseBase& root) {
  const Asked waits = asked_;
  if (waits != kNothing) [[likely]] {
    Leaf& leaf = *LeafOf(waits);
    if ((waits & kYield) == 0) return PollLeaf(leaf, cx);
    if (leaf.Leaf::Poll(cx) == PollState::kStopped) [[unlikely]]
      return EndStopped(leaf.frame());
    return Drive(leaf.frame(), cx);
  }
  if (cx.StopRequested()) [[unlikely]] {
    // Not begun: there is nothing to let go of but the arguments.
    root.frame().destroy();
    return PollState::kStopped;
  }
  return Drive(root, cx);
}

PollState Chain::PollLeaf(Leaf& leaf, Context& cx) {
  PromiseBase& frame = leaf.frame();
  switch (leaf.Poll(cx)) {
    case PollState::kPending:
      return PollState::kPending;
    case PollState::kStopped:
      return EndStopped(frame);
    case PollState::kReady:
      break;
  }
  return Drive(frame, cx);
}

PollState Chain::Drive(PromiseBase& first, Context& cx) {
  Driver driver{.context = &cx,
                .stack_limit = static_cast<const char*>(__builtin_frame_address(0)) - kStackBytes};
  driver_ = &driver;
  PromiseBase* frame = &first;
  while (true) {
    driver.asked = kNone;
    frame->frame().resume();
    // In each case, no pointer into this call stays behind.
    const Asked asked = driver.asked;
    if (IsWait(asked)) [[likely]] {
      // A stop is looked at by the poll that this asks for.
      if ((asked & kYield) != 0) driver.context->PollAgain();
      asked_ = asked;
      return PollState::kPending;
    }
    if (asked == kFinished) {
      asked_ = kNothing;
      return PollState::kReady;
    }
    if (asked == kNone) [[unlikely]]
      FailForeignSuspension();
    frame = FrameOf(asked);
    if ((asked & kBits) == kStop) [[unlikely]]
      return EndStopped(*frame);
  }
}

PollState Chain::EndStopped(PromiseBase& frame) {
  asked_ = kNothing;
  Unwind(&frame, nullptr);
  return PollState::kStopped;
}

void Chain::Visit(AwaitVisitor& visitor) const {
  if (asked_ == kNothing) return;
  const Leaf& leaf = *LeafOf(asked_);
  PromiseBase* frame = &leaf.frame();
  leaf.Visit(StepOf(*frame, leaf.location()), visitor);
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
    const Asked asked = std::exchange(driver.asked, kNone);
    switch (asked & kBits) {
      case kYield:
        if (driver.context->StopRequested()) {
          Unwind(&LeafOf(asked)->frame(), &parent);
          return PollState::kStopped;
        }
        driver.context->PollAgain();
        [[fallthrough]];
      case kWait:
        branch.asked_ = asked;
        for (PromiseBase* frame = &LeafOf(asked)->frame(); frame != &parent;
             frame = frame->slot()->parent()) {
          frame->Join(branch);
        }
        slot = Slot();
        return PollState::kPending;
      case kStop:
        Unwind(FrameOf(asked), &parent);
        return PollState::kStopped;
      case kTransfer:
        if (FrameOf(asked) == &parent) return PollState::kReady;
        FrameOf(asked)->frame().resume();
        break;
      default:
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

#include "future/internal/chain.h"

#include <cstddef>
#include <utility>

#include "base/check.h"
#include "future/executor.h"

namespace weft::future_internal {

static_assert(alignof(Leaf) >= 8 && alignof(PromiseBase) >= 8, "three bits are Chain's");

namespace {

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
  Driver driver(cx);
  const PollState state = Resume(driver, root);
  // A stop is looked at by the poll that this asks for.
  if (state == PollState::kPending && driver.GaveWay()) cx.PollAgain();
  return state;
}

PollState Chain::BeginOrPollLeaf(Driver& driver, PromiseBase& root) {
  if (HasBegun()) return PollLeaf(*LeafOf(asked_), driver);
  if (driver.context.StopRequested()) [[unlikely]] {
    // Not begun: there is nothing to let go of but the arguments.
    root.frame().destroy();
    return PollState::kStopped;
  }
  return Drive(root, driver);
}

PollState Chain::PollLeaf(Leaf& leaf, Driver& driver) {
  PromiseBase& frame = leaf.frame();
  switch (leaf.Poll(driver.context)) {
    case PollState::kPending:
      driver.asked = kWait;  // not what the chain before this one has asked
      return PollState::kPending;
    case PollState::kStopped:
      return EndStopped(frame);
    case PollState::kReady:
      break;
  }
  return Drive(frame, driver);
}

PromiseBase* Chain::FrameAskedFor(Asked asked, PollState& end) {
  if (asked == kFinished) {
    asked_ = kNothing;
    end = PollState::kReady;
    return nullptr;
  }
  if (asked == kNone) [[unlikely]]
    FailForeignSuspension();
  PromiseBase* const frame = FrameOf(asked);
  if ((asked & kBits) == kTransfer) return frame;
  end = EndStopped(*frame);
  return nullptr;
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
  const Context& cx = driver_->context;
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
        if (driver.context.StopRequested()) {
          Unwind(&LeafOf(asked)->frame(), &parent);
          return PollState::kStopped;
        }
        driver.context.PollAgain();
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

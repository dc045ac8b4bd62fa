#include "future/internal/fork_child.h"

#include <new>

#include "future/internal/task_cell.h"
#include "future/task_id.h"

namespace weft::future_internal {

// A child as the future of its task.
class ForkedPart {
 public:
  using Output = void;

  explicit ForkedPart(ForkChildBase* child) : child_(child) {}

  Poll<void> poll(Context& cx) {
    Context own = cx.WithLocals(child_->group_->locals());
    if (!child_->PollOnce(own)) return kPending;
    const bool has_stopped = child_->HasStopped();
    child_->Arrive();  // the fork may be gone
    if (has_stopped) return kStopped;
    return Poll<void>::Ready();
  }

  void VisitAwaitChain(AwaitVisitor& visitor) const { child_->VisitTask(visitor); }

 private:
  ForkChildBase* child_;
};

void ForkGroup::NoteFailure(ForkChildBase* child) {
  auto [is_first, waker] = count_.Fail();
  if (is_first) first_failed_ = child;  // read when `child` has arrived
  std::move(waker).Wake();
}

void ForkChildBase::Run() noexcept {
  if ((cell_and_stop_.load(std::memory_order_relaxed) & kStop) != 0) {
    EndUnbegun(nullptr);
    return Arrive();
  }
  CellBase* const cell = MakeCell();
  if (cell == nullptr) {
    EndUnbegun(std::make_exception_ptr(std::bad_alloc()));
    return Arrive();
  }
  group_->executor()->OnTaskSpawned();
  cell->Run();
}

void ForkChildBase::StartAway() noexcept {
  CellBase* const cell = MakeCell();
  if (cell == nullptr) {
    EndUnbegun(std::make_exception_ptr(std::bad_alloc()));
    return Arrive();
  }
  group_->executor()->StartTask(cell);
}

InPlace ForkChildBase::GoAway() noexcept {
  CellBase* const cell = group_->executor() == nullptr ? nullptr : MakeCell();
  is_here_ = cell == nullptr;
  if (is_here_) return InPlace::kHere;
  group_->executor()->StartTask(cell);
  return InPlace::kAway;
}

InPlace ForkChildBase::PollHere(Context& cx) noexcept {
  is_here_ = !PollOnce(cx);
  return is_here_ ? InPlace::kHere : InPlace::kEnded;
}

void ForkChildBase::RequestStop() {
  const std::uintptr_t before = cell_and_stop_.fetch_or(kStop, std::memory_order_acquire);  // (1)
  if (CellBase* const cell = CellOf(before)) cell->RequestStop();
}

void ForkChildBase::VisitAwaited(AwaitVisitor& visitor) const {
  if (is_here_) return VisitTask(visitor);
  const CellBase* const cell = CellOf(cell_and_stop_.load(std::memory_order_acquire));  // (1)
  if (cell == nullptr || cell->IsComplete()) return;
  visitor.Report({.awaits = "a task", .task = TaskIdOf(cell)});
}

CellBase* ForkChildBase::MakeCell() noexcept {
  CellBase* cell = nullptr;
  try {
    CancelToken token = group_->token();
    cell = TaskCell<ForkedPart>::Make(*group_->executor(), ForkedPart(this), group_->location(),
                                      &token, {});
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
  const std::uintptr_t before = cell_and_stop_.fetch_or(reinterpret_cast<std::uintptr_t>(cell),
                                                        std::memory_order_release);  // (1)
  if ((before & kStop) != 0) cell->RequestStop();
  return cell;
}

void ForkChildBase::DropCell() { cell()->DropHandle(); }

void ForkChildBase::Arrive() {
  ForkGroup& group = *group_;
  if (HasFailed()) group.NoteFailure(this);
  group.count().Arrive().Wake();
}

}  // namespace weft::future_internal

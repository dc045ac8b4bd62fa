#include "future/internal/ready_set.h"

#include <utility>

#include "base/check.h"

namespace weft::future_internal {

const Waker::VTable ReadySet::kWakerVTable = {
    .add_ref = [](void* member) { static_cast<Member*>(member)->AddRef(); },
    .drop = [](void* member) { static_cast<Member*>(member)->Release(); },
    .wake = [](void* member) { static_cast<Member*>(member)->Wake(); },
};

void ReadySet::Member::Wake() {
  Waker poller;
  {
    MutexLock lock(&core_->mutex);
    if (is_removed_ || hook_.IsLinked()) return;
    Push(*core_, this);
    poller = std::move(core_->poller);
  }
  std::move(poller).Wake();
}

void ReadySet::Push(Core& core, Member* member) {
  core.ready.PushBack(&member->hook_);
  ++core.ready_count;
}

ReadySet::~ReadySet() {
  WEFT_CHECK(in_flight_ == 0) << "a FuturesUnordered or FlattenUnordered() was destroyed while "
                              << in_flight_ << " of its futures or streams may be in flight; "
                              << "co_await Close() of it before";
  while (Member* const member = members_.Front()) Remove(member);
}

void ReadySet::Add(Member* member) {
  member->core_ = core_;
  member->hook_.member = member;
  members_.PushBack(member);
  ++size_;
  MutexLock lock(&core_->mutex);
  Push(*core_, member);
}

void ReadySet::BeginPoll(const Context& cx) {
  // Kept also when there is none: a set that was closed may go on, and be closed again.
  const bool was_stopping = std::exchange(is_stopping_, cx.StopRequested());
  const bool must_tell_all = is_stopping_ && !was_stopping;
  Waker previous;  // dropped after the lock
  MutexLock lock(&core_->mutex);
  if (!core_->poller.WillWake(cx.waker())) {
    previous = std::exchange(core_->poller, cx.waker().Clone());
  }
  if (must_tell_all) {
    for (Member* member = members_.Front(); member != nullptr; member = members_.Next(member)) {
      if (!member->hook_.IsLinked()) Push(*core_, member);
    }
  }
  turns_ = core_->ready_count;
}

ReadySet::Member* ReadySet::TakeReady() {
  if (turns_ == 0) return nullptr;
  --turns_;
  MutexLock lock(&core_->mutex);
  ReadyHook* const hook = core_->ready.PopFront();
  if (hook == nullptr) return nullptr;  // removed since the poll began
  --core_->ready_count;
  if (!std::exchange(hook->member->was_taken_, true)) ++in_flight_;
  return hook->member;
}

void ReadySet::PutBack(Member* member) {
  MutexLock lock(&core_->mutex);
  if (!member->hook_.IsLinked()) Push(*core_, member);  // else it was woken meanwhile
}

Waker ReadySet::WakerOf(Member* member) {
  member->AddRef();
  return Waker(&kWakerVTable, member);
}

void ReadySet::Remove(Member* member) {
  {
    MutexLock lock(&core_->mutex);
    member->is_removed_ = true;
    if (member->hook_.IsLinked()) {
      member->hook_.Unlink();
      --core_->ready_count;
    }
  }
  member->Unlink();
  if (member->was_taken_) --in_flight_;
  --size_;
  member->Release();
}

}  // namespace weft::future_internal

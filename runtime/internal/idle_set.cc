#include "runtime/internal/idle_set.h"

#include <atomic>
#include <vector>

#include "base/check.h"

namespace weft::runtime_internal {

bool IdleSet::EndSearch() {
  const uint64_t before = state_.fetch_sub(kOneSearcher, std::memory_order_seq_cst);  // (2)
  std::atomic_thread_fence(std::memory_order_seq_cst);                                // (2)
  return Searchers(before) == 1;
}

IdleRole IdleSet::Enter(Idler* idler) {
  IdleRole role = IdleRole::kSleeper;
  {
    MutexLock lock(&mutex_);
    if (is_stopped_) {
      state_.fetch_sub(kOneSearcher, std::memory_order_seq_cst);  // (1)
      return IdleRole::kStopped;
    }
    if (poller_ == nullptr) {
      role = IdleRole::kPoller;
      poller_ = idler;
      has_poller_.store(true, std::memory_order_relaxed);
      idler->is_picked_ = false;
    } else {
      sleepers_.PushFront(idler);
    }
    state_.fetch_add(kOneIdle - kOneSearcher, std::memory_order_seq_cst);  // (1)
  }
  std::atomic_thread_fence(std::memory_order_seq_cst);  // (1)
  return role;
}

bool IdleSet::LeaveSleepers(Idler* idler) {
  MutexLock lock(&mutex_);
  if (!idler->IsLinked()) return false;
  idler->Unlink();
  state_.fetch_add(kOneSearcher - kOneIdle, std::memory_order_seq_cst);  // (2)
  return true;
}

void IdleSet::LeavePolling(Idler* idler) {
  MutexLock lock(&mutex_);
  WEFT_DCHECK(poller_ == idler) << "IdleSet::LeavePolling(): the caller is not the poller";
  poller_ = nullptr;
  has_poller_.store(false, std::memory_order_relaxed);
  // Who was picked counts as a searcher already.
  if (!idler->is_picked_)
    state_.fetch_add(kOneSearcher - kOneIdle, std::memory_order_seq_cst);  // (2)
}

bool IdleSet::IsPicked(const Idler& poller) {
  MutexLock lock(&mutex_);
  return poller.is_picked_;
}

Pick IdleSet::PickOne() {
  std::atomic_thread_fence(std::memory_order_seq_cst);            // (1) (2)
  const uint64_t state = state_.load(std::memory_order_seq_cst);  // (1) (2)
  if (Searchers(state) > 0 || Idle(state) == 0) return {};
  MutexLock lock(&mutex_);
  return PickLocked();
}

Pick IdleSet::PickLocked() {
  Pick pick;
  if (Idler* const sleeper = sleepers_.PopFront()) {
    pick = {sleeper, IdleRole::kSleeper};
  } else if (poller_ != nullptr && !poller_->is_picked_) {
    poller_->is_picked_ = true;
    pick = {poller_, IdleRole::kPoller};
  } else {
    return pick;
  }
  state_.fetch_add(kOneSearcher - kOneIdle, std::memory_order_seq_cst);  // (2)
  return pick;
}

std::vector<Pick> IdleSet::Stop() {
  std::vector<Pick> picks;
  MutexLock lock(&mutex_);
  is_stopped_ = true;
  for (Pick pick = PickLocked(); pick.idler != nullptr; pick = PickLocked()) picks.push_back(pick);
  return picks;
}

}  // namespace weft::runtime_internal

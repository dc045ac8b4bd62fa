#include "nursery/internal/scope_state.h"

#include <string>
#include <utility>

#include "base/check.h"
#include "future/process_counts.h"

namespace weft::nursery_internal {
namespace {

absl::Status StatusOf(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& thrown) {
    return absl::UnknownError(std::string("exception: ") + thrown.what());
  } catch (...) {
    return absl::UnknownError("exception of a type that is not a std::exception");
  }
}

}  // namespace

void ScopeState::Cancel() {
  source_.Cancel();
  Waker waker;
  {
    MutexLock lock(&mutex_);
    waker = waker_.Clone();
  }
  std::move(waker).Wake();
}

void ScopeState::OnChildStart() {
  MutexLock lock(&mutex_);
  WEFT_CHECK(!is_closed_) << "Nursery::Spawn(): all children of this nursery have ended and its "
                             "scope is closing; spawn from the body or from a live child";
  ++live_children_;
  future_internal::Count(ProcessCount::kScopeChildrenSpawned);
}

void ScopeState::OnChildEnd(End end) {
  if (end.exception != nullptr || !end.error.ok() || end.is_stopped) {
    bool cancel;
    {
      MutexLock lock(&mutex_);
      cancel = Record(std::move(end));
    }
    // Before the child is counted out: the scope does not end while this runs.
    if (cancel) Cancel();
  }
  Waker waker;
  {
    MutexLock lock(&mutex_);
    if (--live_children_ == 0 && is_joining_) waker = std::move(waker_);
  }
  // From here on the scope may end on another thread. This object lives as long as the caller's
  // reference.
  std::move(waker).Wake();
}

std::size_t ScopeState::live_children() {
  MutexLock lock(&mutex_);
  return live_children_;
}

void ScopeState::AddDeferred(std::unique_ptr<Deferred> deferred) {
  MutexLock lock(&mutex_);
  deferred_.push_back(std::move(deferred));
}

void ScopeState::SetWaker(const Waker& waker) {
  Waker previous;  // dropped after the lock
  MutexLock lock(&mutex_);
  if (waker_.WillWake(waker)) return;
  previous = std::move(waker_);
  waker_ = waker.Clone();
}

void ScopeState::OnOwnEnd(End end) {
  bool cancel = end.is_stopped;  // then the scope is being unwound
  {
    MutexLock lock(&mutex_);
    cancel |= Record(std::move(end));
  }
  if (cancel) CancelChildren();
}

void ScopeState::OnDeadline() {
  End end;
  end.error = absl::DeadlineExceededError(
      "WithNursery(): the scope did not end before its deadline and was cancelled");
  OnOwnEnd(std::move(end));
  CancelChildren();
}

bool ScopeState::Close() {
  MutexLock lock(&mutex_);
  if (!is_joining_ && live_children_ > 0) future_internal::Count(ProcessCount::kScopesWaited);
  is_joining_ = true;
  if (live_children_ == 0) is_closed_ = true;
  return is_closed_;
}

std::unique_ptr<Deferred> ScopeState::PopDeferred() {
  MutexLock lock(&mutex_);
  if (deferred_.empty()) return nullptr;
  std::unique_ptr<Deferred> last = std::move(deferred_.back());
  deferred_.pop_back();
  return last;
}

ScopeState::Summary ScopeState::TakeSummary() {
  MutexLock lock(&mutex_);
  return std::move(summary_);
}

bool ScopeState::Record(End end) noexcept {
  if (end.is_stopped) summary_.has_stopped = true;
  if (end.exception == nullptr) {
    if (end.error.ok()) return false;
    // A child that answers our own cancellation with an error has not failed.
    if (absl::IsCancelled(end.error) && source_.StopRequested()) return false;
  }
  try {
    const bool is_exception = end.exception != nullptr;
    summary_.errors.push_back(is_exception ? StatusOf(end.exception) : std::move(end.error));
  } catch (...) {
    // No memory for the error: then that is the error.
    if (end.exception == nullptr) end.exception = std::current_exception();
  }
  if (summary_.exception == nullptr) summary_.exception = std::move(end.exception);
  return cancels_on_error_;
}

}  // namespace weft::nursery_internal

#include "nursery/internal/scope.h"

#include <exception>
#include <utility>

#include "future/process_counts.h"

namespace weft::nursery_internal {

using future_internal::Count;

Scope::Scope(Context& cx, bool cancels_on_error, std::optional<Instant> deadline)
    : state_(new ScopeState(cx, cancels_on_error)) {
  if (deadline) sleep_.emplace(*deadline);
  Count(ProcessCount::kScopesOpened);
}

Scope::~Scope() { Count(ProcessCount::kScopesClosed); }

void Scope::Watch(Context& cx) {
  if (are_children_done_) return;
  // Before the flag is looked at: a Cancel() on another thread either is seen below or wakes.
  state_->SetWaker(cx.waker());
  if (cx.StopRequested()) {
    sleep_.reset();
    if (!state_->StopRequested()) state_->CancelChildren();
  }
  if (sleep_) PollDeadline(cx);
}

void Scope::PollDeadline(Context& cx) noexcept {
  try {
    if (!sleep_->poll(cx).IsReady()) return;
    state_->OnDeadline();
  } catch (...) {
    // The timer failed: without the deadline the scope shall not go on, nor leave its children.
    End end;
    end.exception = std::current_exception();
    state_->OnOwnEnd(std::move(end));
    state_->CancelChildren();
  }
  sleep_.reset();
}

Context Scope::BodyContext(Context& cx) const {
  const Context inner = cx.WithToken(state_->token());
  // Said aloud, because a shielded context does not look at its token.
  return state_->StopRequested() ? inner.WithStop() : inner;
}

bool Scope::PollRest(Context& cx) {
  if (!are_children_done_) {
    if (!state_->Close()) return false;
    are_children_done_ = true;
    if (state_->StopRequested()) Count(ProcessCount::kScopesCancelled);
    sleep_.reset();
  }
  return PollDeferred(cx);
}

bool Scope::PollDeferred(Context& cx) {
  Context shielded = cx.Shielded();
  while (true) {
    if (deferred_ == nullptr) deferred_ = state_->PopDeferred();
    if (deferred_ == nullptr) return true;
    End end;
    if (deferred_->Poll(shielded, end) == PollState::kPending) return false;
    deferred_.reset();
    state_->OnOwnEnd(std::move(end));
  }
}

}  // namespace weft::nursery_internal

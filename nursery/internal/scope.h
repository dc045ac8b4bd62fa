// nursery/internal/scope.h — the part of a scope that does not depend on its body.
#ifndef WEFT_NURSERY_INTERNAL_SCOPE_H_
#define WEFT_NURSERY_INTERNAL_SCOPE_H_

#include <memory>
#include <optional>
#include <utility>

#include "base/instant.h"
#include "future/context.h"
#include "future/sleep.h"
#include "nursery/internal/scope_state.h"

namespace weft::nursery_internal {

// Drives a scope from the first poll on. Pinned. Used by the scope's task only.
class Scope {
 public:
  Scope(Context& cx, bool cancels_on_error, std::optional<Instant> deadline);
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  ~Scope();

  const ScopeStateRef& state() const { return state_; }

  // At the start of each poll while body or children live: keeps the waker, passes a stop request
  // on, looks at the deadline.
  void Watch(Context& cx);

  // The context for the body.
  Context BodyContext(Context& cx) const;

  // Whether all children and then all deferred tasks have ended. Precondition: the body has ended.
  bool PollRest(Context& cx);

 private:
  // Precondition: there is one.
  void PollDeadline(Context& cx) noexcept;
  bool PollDeferred(Context& cx);

  ScopeStateRef state_;
  std::optional<SleepUntil> sleep_;  // until the deadline; empty without one and after it
  bool are_children_done_ = false;
  std::unique_ptr<Deferred> deferred_;  // the one that runs
};

}  // namespace weft::nursery_internal

#endif  // WEFT_NURSERY_INTERNAL_SCOPE_H_

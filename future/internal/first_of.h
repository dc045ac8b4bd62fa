// future/internal/first_of.h — what Select and Race share: the first child to finish, with the
// others stopped and awaited.
#ifndef WEFT_FUTURE_INTERNAL_FIRST_OF_H_
#define WEFT_FUTURE_INTERNAL_FIRST_OF_H_

#include <cstddef>
#include <optional>
#include <utility>

#include "future/await_chain.h"
#include "future/context.h"
#include "future/internal/children.h"

namespace weft::future_internal {

// The winner is the first child that gives a value or throws. One that stops by itself does not
// win; when all do, nobody has won.
template <typename Children>
class FirstOf {
 public:
  explicit FirstOf(Children children) : group_(std::move(children)) {}

  // Polls; returns whether all children have ended.
  bool PollAll(Context& cx) {
    return group_.PollAll(cx, [this](std::size_t index, auto& result) {
      if (!winner_ && !result.IsStopped()) winner_ = index;
      return winner_.has_value();
    });
  }

  const std::optional<std::size_t>& winner() const { return winner_; }
  Children& children() { return group_.children(); }
  void VisitAwaited(AwaitVisitor& visitor) const { group_.VisitAwaited(visitor); }

 private:
  ChildGroup<Children> group_;
  std::optional<std::size_t> winner_;
};

}  // namespace weft::future_internal

#endif  // WEFT_FUTURE_INTERNAL_FIRST_OF_H_

// future/any_future.h — a future whose type is only what it gives.
//
//   weft::AnyFuture<int> price = weft::Map(Ask(), ParsePrice);
//   std::vector<weft::AnyFuture<int>> many;      // Tasks, combinators and leaves, mixed
//
// For interfaces and containers; where the type is known, an indirect call is saved without it.
//
//   Errors           The future's.
//   Cancellation     The future's. Safe to drop if it is.
//   Complexity       No allocation for a future that fits into kInlineBytes and whose move does not
//                    throw (a Task of a few words does); one for another. A poll is one indirect
//                    call more; so is a move.
#ifndef WEFT_FUTURE_ANY_FUTURE_H_
#define WEFT_FUTURE_ANY_FUTURE_H_

#include <concepts>
#include <cstddef>
#include <utility>

#include "future/context.h"
#include "future/future.h"
#include "future/internal/any_polled.h"
#include "future/poll.h"

namespace weft {

namespace future_internal {

struct AskFuture {
  template <Future F>
  Poll<OutputOf<F>> operator()(F& future, Context& cx) const {
    return future.poll(cx);
  }
};

}  // namespace future_internal

// See the head of the file. Move-only.
template <typename T, std::size_t kInlineBytes = 120>
class [[nodiscard]] AnyFuture
    : public future_internal::AnyPolled<Poll<T>, future_internal::AskFuture, kInlineBytes> {
 public:
  using Output = T;

  // NOTE: implicit on purpose: any future of T is an AnyFuture<T>.
  template <Future F>
    requires(std::same_as<OutputOf<F>, T> && !std::same_as<F, AnyFuture>)
  AnyFuture(F future) : AnyFuture::AnyPolled(std::in_place, std::move(future)) {}

  // Precondition (checked): not moved from.
  Poll<T> poll(Context& cx) { return this->AskIt(cx); }
};

}  // namespace weft

#endif  // WEFT_FUTURE_ANY_FUTURE_H_

// nursery/internal/call.h — a future that calls a function for the future which it then is.
//
// It keeps the function and its arguments until that future is gone: so a capturing lambda may be a
// coroutine here.
#ifndef WEFT_NURSERY_INTERNAL_CALL_H_
#define WEFT_NURSERY_INTERNAL_CALL_H_

#include <functional>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "future/await_chain.h"
#include "future/context.h"
#include "future/future.h"
#include "future/poll.h"

namespace weft::nursery_internal {

// Arguments are moved into the call; std::ref(x) becomes x&.
template <typename T>
T&& PassOn(T& argument) {
  return std::move(argument);
}
template <typename T>
T& PassOn(std::reference_wrapper<T>& argument) {
  return argument.get();
}
template <typename T>
using PassedOn = decltype(PassOn(std::declval<T&>()));

template <typename Fn, typename... Args>
class CallFuture {
 public:
  using Called = std::invoke_result_t<Fn&, PassedOn<Args>...>;
  using Output = OutputOf<Called>;

  explicit CallFuture(Fn fn, Args... args) : fn_(std::move(fn)), args_(std::move(args)...) {}

  // Calls the function at the first poll, unless that already finds the stop requested.
  Poll<Output> poll(Context& cx) {
    if (!future_) {
      if (cx.StopRequested()) return kStopped;
      std::apply([this](auto&... args) { future_.emplace(std::invoke(fn_, PassOn(args)...)); },
                 args_);
    }
    return future_->poll(cx);
  }

  // See await_chain.h.
  void VisitAwaitChain(AwaitVisitor& visitor) const {
    if (future_) visitor.Visit(*future_);
  }

 private:
  Fn fn_;
  std::tuple<Args...> args_;
  std::optional<Called> future_;  // after what it may refer to
};

}  // namespace weft::nursery_internal

#endif  // WEFT_NURSERY_INTERNAL_CALL_H_

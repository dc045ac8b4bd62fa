// future/lazy.h — a future that is made at its first poll.
//
//   auto warm_up = weft::Lazy([cache] { return cache->Load(); });  // Load() is called when awaited
//   auto sum = weft::Lazy([x, y]() -> weft::Task<int> { co_return x + co_await Ask(y); });
//
// The function lives as long as the future that it made: a capturing lambda that is a coroutine,
// whose frame refers to the lambda (C++ Core Guidelines CP.51), is safe here.
//
//   Errors           An exception of the function is thrown by the poll.
//   Cancellation     Before the first poll: kStopped, and the function is never called. Then the
//                    made future's. Safe to drop if that one is.
//   Complexity       No allocation.
#ifndef WEFT_FUTURE_LAZY_H_
#define WEFT_FUTURE_LAZY_H_

#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "future/await_chain.h"
#include "future/context.h"
#include "future/future.h"
#include "future/poll.h"

namespace weft {

// What Lazy() makes: see the head of the file.
template <typename Function>
  requires Future<std::invoke_result_t<Function&>>
class [[nodiscard]] LazyFuture {
 public:
  using Made = std::invoke_result_t<Function&>;
  using Output = OutputOf<Made>;

  explicit LazyFuture(Function function) : function_(std::move(function)) {}

  Poll<Output> poll(Context& cx) {
    if (!made_) {
      if (cx.StopRequested()) return kStopped;
      made_.emplace(std::invoke(function_));
    }
    return made_->poll(cx);
  }

  void VisitAwaited(AwaitVisitor& visitor) const {
    if (made_) visitor.Visit(*made_);
  }

 private:
  Function function_;  // outlives what it made
  std::optional<Made> made_;
};

// The future that function() returns, made when it is first polled.
template <typename Function>
LazyFuture<Function> Lazy(Function function) {
  return LazyFuture<Function>(std::move(function));
}

}  // namespace weft

#endif  // WEFT_FUTURE_LAZY_H_

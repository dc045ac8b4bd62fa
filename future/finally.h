// future/finally.h — clean-up that may wait, and that runs however the body ends.
//
//   co_await weft::Finally(Transfer(&connection), Close(&connection));
//
// When the body has given its value, thrown or stopped, the clean-up runs to its end, shielded from
// cancellation; then the result is the body's. (Destructors cannot await; this is their place.)
//
//   Errors           An exception of the clean-up is thrown, unless the body threw first. The
//                    clean-up gives no value: it deals with its own errors.
//   Cancellation     From the first poll on the clean-up runs exactly once, even if that poll
//                    already finds the stop requested. Never polled: neither runs.
//   Complexity       No allocation.
#ifndef WEFT_FUTURE_FINALLY_H_
#define WEFT_FUTURE_FINALLY_H_

#include <type_traits>
#include <utility>

#include "future/await_chain.h"
#include "future/context.h"
#include "future/future.h"
#include "future/internal/children.h"
#include "future/poll.h"

namespace weft {

// What Finally() makes.
template <Future Body, Future Cleanup>
  requires std::is_void_v<OutputOf<Cleanup>>
class [[nodiscard]] FinallyFuture {
 public:
  using Output = OutputOf<Body>;

  FinallyFuture(Body body, Cleanup cleanup)
      : body_(std::move(body)), cleanup_(std::move(cleanup)) {}

  Poll<Output> poll(Context& cx) {
    if (!body_.IsFinished() && !body_.PollOnce(cx)) return kPending;
    Context shielded = cx.Shielded();
    if (!cleanup_.PollOnce(shielded)) return kPending;
    if (cleanup_.result().HasException() && !body_.result().HasException()) {
      cleanup_.result().Take();
    }
    return body_.result().TakePoll();
  }

  void VisitAwaited(AwaitVisitor& visitor) const {
    body_.VisitAwaited(visitor);
    if (body_.IsFinished()) cleanup_.VisitAwaited(visitor);
  }

 private:
  future_internal::Child<Body> body_;
  future_internal::Child<Cleanup> cleanup_;
};

// `body`, then `cleanup`.
template <Future Body, Future Cleanup>
FinallyFuture<Body, Cleanup> Finally(Body body, Cleanup cleanup) {
  return FinallyFuture<Body, Cleanup>(std::move(body), std::move(cleanup));
}

}  // namespace weft

#endif  // WEFT_FUTURE_FINALLY_H_

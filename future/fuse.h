// future/fuse.h — a future that may be polled after its end.
//
//   auto reply = weft::Fuse(Ask());
//   co_await weft::PollFn([&](weft::Context& cx) -> weft::Poll<void> {
//     if (auto poll = reply.poll(cx); poll.IsReady()) Use(std::move(poll).value());
//     ...                                  // polled again and again, for other reasons
//   });
//
// For futures written by hand that poll several others in a loop.
//
//   Errors           Those of the future, once.
//   Cancellation     The future's; after its end: stops. The future is destroyed at its end. Safe
//                    to drop if the future is.
//   Complexity       No allocation.
#ifndef WEFT_FUTURE_FUSE_H_
#define WEFT_FUTURE_FUSE_H_

#include <optional>
#include <utility>

#include "future/await_chain.h"
#include "future/context.h"
#include "future/future.h"
#include "future/poll.h"

namespace weft {

// What Fuse() makes: see the head of the file.
template <Future F>
class [[nodiscard]] FuseFuture {
 public:
  using Output = OutputOf<F>;

  explicit FuseFuture(F future) : future_(std::in_place, std::move(future)) {}

  // Whether the future has given its value, thrown or stopped.
  bool IsFinished() const { return !future_.has_value(); }

  // The future's answer; after its end kPending for ever, without a wake-up, or kStopped if a stop
  // is requested.
  Poll<Output> poll(Context& cx) {
    if (IsFinished()) {
      if (cx.StopRequested()) return kStopped;
      return kPending;
    }
    try {
      Poll<Output> poll = future_->poll(cx);
      if (!poll.IsPending()) future_.reset();
      return poll;
    } catch (...) {
      future_.reset();
      throw;
    }
  }

  void VisitAwaited(AwaitVisitor& visitor) const {
    if (future_) visitor.Visit(*future_);
  }

 private:
  std::optional<F> future_;
};

// `future`, which may be polled after its end.
template <Future F>
FuseFuture<F> Fuse(F future) {
  return FuseFuture<F>(std::move(future));
}

}  // namespace weft

#endif  // WEFT_FUTURE_FUSE_H_

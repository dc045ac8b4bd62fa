// future/futures_unordered.h — a set of futures that grows while it runs, as a stream of their
// results in the order in which they finish.
//
//   weft::FuturesUnordered<weft::Task<Page>> fetches;
//   for (const Url& url : urls) fetches.Add(Fetch(url));
//   while (std::optional<Page> page = co_await weft::Next(fetches)) Show(*page);
//
// Unlike WhenAll() of a vector, which asks every child at each poll, a poll asks only the children
// that were woken: a million waiting children cost nothing. They take turns on one worker; to run
// them in parallel, spawn them in a nursery.
//
//   End              The stream ends while the set is empty, and goes on after the next Add().
//   Thread safety    Thread-compatible; wakes come from any thread.
//   Errors           A child's exception is thrown by the poll_next that would have given its
//                    value; the other children go on, and so may the caller.
//   Cancellation     Each child sees the stop request; those that stop give no item; when all have
//                    ended, kStopped. A child that stops by itself gives no item.
//   Complexity       Add: one allocation. A poll: O(children woken). A finished child is destroyed
//                    at once.
//   Lifetime         Movable at any time. Destroyed while no child has been polled, or when all
//                    have ended: Close() it.
#ifndef WEFT_FUTURE_FUTURES_UNORDERED_H_
#define WEFT_FUTURE_FUTURES_UNORDERED_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "future/await_chain.h"
#include "future/context.h"
#include "future/future.h"
#include "future/internal/children.h"
#include "future/internal/ready_set.h"
#include "future/poll.h"
#include "future/waker.h"

namespace weft {

// See the head of the file. A future of void gives std::monostate.
template <Future F>
class FuturesUnordered {
 public:
  using Item = NonVoid<OutputOf<F>>;

  FuturesUnordered() = default;
  FuturesUnordered(FuturesUnordered&&) = default;
  FuturesUnordered& operator=(FuturesUnordered&&) = delete;

  // Adds a future; it is first polled by the next poll_next.
  void Add(F future) { set_->Add(new Member(std::move(future))); }

  // How many futures have not finished.
  std::size_t size() const { return set_->size(); }

  Poll<std::optional<Item>> poll_next(Context& cx) {
    set_->BeginPoll(cx);
    while (future_internal::ReadySet::Member* const member = set_->TakeReady()) {
      auto& child = static_cast<Member*>(member)->child;
      const Waker waker = set_->WakerOf(member);
      Context child_cx = cx.WithWaker(waker);
      if (!(cx.StopRequested() ? child.Stop(child_cx) : child.PollOnce(child_cx))) continue;
      // `waker` keeps the member until its result is taken.
      set_->Remove(member);
      if (child.result().IsStopped()) continue;
      if constexpr (std::is_void_v<OutputOf<F>>) {
        child.result().Take();
        return std::optional<Item>(Item());
      } else {
        return std::optional<Item>(child.result().Take());
      }
    }
    if (set_->size() > 0) return kPending;
    if (cx.StopRequested()) return kStopped;
    return std::optional<Item>();
  }

  void VisitAwaited(AwaitVisitor& visitor) const {
    if (set_ == nullptr) return;
    set_->ForEach([&visitor](const future_internal::ReadySet::Member& member) {
      static_cast<const Member&>(member).child.VisitAwaited(visitor);
    });
  }

 private:
  struct Member final : future_internal::ReadySet::Member {
    explicit Member(F future) : child(std::move(future)) {}
    future_internal::Child<F> child;
  };

  std::unique_ptr<future_internal::ReadySet> set_ = std::make_unique<future_internal::ReadySet>();
};

}  // namespace weft

#endif  // WEFT_FUTURE_FUTURES_UNORDERED_H_

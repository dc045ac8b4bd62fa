// future/select.h — the first of several futures to finish, and which one it was.
//
//   std::variant<Message, std::monostate> first =
//       co_await weft::Select(Receive(), weft::SleepFor(absl::Seconds(1)));
//
// Differs from Race (race.h) in the result: a std::variant with the winner's index.
//
//   Errors           The winner's exception is rethrown. Those of losers are dropped.
//   Cancellation     Losers are asked to stop and awaited before the result is given; a loser that
//                    was never polled is dropped without a poll. A loser's value, should it still
//                    come, is destroyed: take care when the value is something that must not get
//                    lost.
//   Complexity       No allocation. Each poll asks every child that has not finished, in order: the
//                    earlier one wins a tie.
#ifndef WEFT_FUTURE_SELECT_H_
#define WEFT_FUTURE_SELECT_H_

#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "future/await_chain.h"
#include "future/context.h"
#include "future/future.h"
#include "future/internal/children.h"
#include "future/internal/first_of.h"
#include "future/poll.h"

namespace weft {

// What Select() makes: see the head of the file.
template <Future... F>
class [[nodiscard]] SelectFuture {
 public:
  using Output = std::variant<NonVoid<OutputOf<F>>...>;

  explicit SelectFuture(F... futures)
      : first_of_(Children(future_internal::Child<F>(std::move(futures))...)) {}

  Poll<Output> poll(Context& cx) {
    if (!first_of_.PollAll(cx)) return kPending;
    if (!first_of_.winner()) return kStopped;
    return future_internal::VisitChild(
        first_of_.children(), *first_of_.winner(), [](auto index, auto& child) -> Poll<Output> {
          constexpr std::size_t kIndex = decltype(index)::value;
          if constexpr (std::is_void_v<typename std::remove_reference_t<decltype(child)>::Output>) {
            child.result().Take();
            return Output(std::in_place_index<kIndex>);
          } else {
            return Output(std::in_place_index<kIndex>, child.result().Take());
          }
        });
  }

  void VisitAwaited(AwaitVisitor& visitor) const { first_of_.VisitAwaited(visitor); }

 private:
  using Children = std::tuple<future_internal::Child<F>...>;
  future_internal::FirstOf<Children> first_of_;
};

// A future of the first value.
template <Future... F>
  requires(sizeof...(F) > 0)
SelectFuture<F...> Select(F... futures) {
  return SelectFuture<F...>(std::move(futures)...);
}

}  // namespace weft

#endif  // WEFT_FUTURE_SELECT_H_

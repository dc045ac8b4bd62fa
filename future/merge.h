// future/merge.h — several streams of the same items become one, as the items come.
//
//   auto events = weft::Merge(Keys(terminal), Keys(network));
//   auto all = weft::Merge(std::move(many));       // std::vector of streams
//
// For streams of different items map them to a std::variant first (MapItems). Zip() (zip.h) waits
// for one of each; Concat() (concat.h) keeps an order.
//
//   Order            Of each stream; among them, who gave an item is asked last the next time. Ends
//                    when all have.
//   Errors           When a stream throws, the others are asked to stop; the items that they still
//                    give are handed on, and at their end the exception is rethrown.
//   Cancellation     All streams see the stop request, and what they still give is handed on: none
//                    is lost. One that stops by itself stops the others in the same way. One that
//                    was never polled is not begun only to be stopped.
//   Complexity       No allocation. Each poll asks all streams until one has an item.
#ifndef WEFT_FUTURE_MERGE_H_
#define WEFT_FUTURE_MERGE_H_

#include <concepts>
#include <cstddef>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "future/await_chain.h"
#include "future/context.h"
#include "future/internal/children.h"
#include "future/internal/stream_child.h"
#include "future/poll.h"
#include "future/stream.h"

namespace weft {

// What Merge() makes: see the head of the file.
template <typename T, typename Children>
class [[nodiscard]] MergeStream {
 public:
  using Item = T;

  explicit MergeStream(Children children) : children_(std::move(children)) {}

  Poll<std::optional<Item>> poll_next(Context& cx) {
    while (true) {
      const bool was_ending = end_.is_ending;
      bool all = true;
      std::optional<Item> item;
      // First those behind the one that gave the last item, then the others.
      const std::size_t first = next_;
      for (const bool is_behind : {true, false}) {
        future_internal::ForEachChild(children_, [&](std::size_t index, auto& child) {
          if (item || child.IsFinished() || (index >= first) != is_behind) return;
          auto poll = child.PollNext(cx, end_);
          if (poll.IsPending()) {
            all = false;
          } else if (poll.value().has_value()) {
            item = *std::move(poll).value();
            next_ = index + 1;
          }
        });
      }
      if (item) return item;
      if (all) return end_.template Take<Item>();
      // Those before the one that brought the end have not heard of it.
      if (end_.is_ending == was_ending) return kPending;
    }
  }

  void VisitAwaited(AwaitVisitor& visitor) const {
    future_internal::ForEachChild(
        children_, [&](std::size_t, const auto& child) { child.VisitAwaited(visitor); });
  }

 private:
  Children children_;
  std::size_t next_ = 0;  // who is asked first
  future_internal::StreamEnd end_;
};

// The items of all `streams`.
template <Stream S, Stream... Rest>
  requires(std::same_as<ItemOf<S>, ItemOf<Rest>> && ...)
auto Merge(S stream, Rest... rest) {
  using Children =
      std::tuple<future_internal::StreamChild<S>, future_internal::StreamChild<Rest>...>;
  return MergeStream<ItemOf<S>, Children>(
      Children(future_internal::StreamChild<S>(std::move(stream)),
               future_internal::StreamChild<Rest>(std::move(rest))...));
}
template <Stream S>
auto Merge(std::vector<S> streams) {
  using Children = std::vector<future_internal::StreamChild<S>>;
  Children children;
  children.reserve(streams.size());
  for (S& stream : streams) children.emplace_back(std::move(stream));
  return MergeStream<ItemOf<S>, Children>(std::move(children));
}

}  // namespace weft

#endif  // WEFT_FUTURE_MERGE_H_

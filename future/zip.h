// future/zip.h — one item of each of several streams at a time.
//
//   auto lines = weft::Zip(Lines(left), Lines(right));     // of std::tuple<Line, Line>
//
// The streams wait side by side; the tuple comes when each has given its item. Ends with the first
// of them that ends; the others are then closed.
//
//   Errors           When a stream throws, the others are closed; then it is rethrown.
//   Cancellation     All streams see the stop request, or are closed when one stops by itself; then
//                    kStopped. Items that waited for their partners are dropped, as at the end.
//   Complexity       No allocation. Each poll asks the streams whose item is missing.
#ifndef WEFT_FUTURE_ZIP_H_
#define WEFT_FUTURE_ZIP_H_

#include <optional>
#include <tuple>
#include <utility>

#include "future/await_chain.h"
#include "future/context.h"
#include "future/internal/stream_child.h"
#include "future/poll.h"
#include "future/stream.h"

namespace weft {

// What Zip() makes: see the head of the file.
template <Stream... S>
class [[nodiscard]] ZipStream {
 public:
  using Item = std::tuple<ItemOf<S>...>;

  explicit ZipStream(S... streams) : places_(Place<S>(std::move(streams))...) {}

  Poll<std::optional<Item>> poll_next(Context& cx) {
    if (!end_.is_ending) {
      const bool is_complete = std::apply(
          [&](auto&... place) {
            (Fill(place, cx), ...);
            return (place.item.has_value() && ...);
          },
          places_);
      if (is_complete) {
        return std::apply(
            [](auto&... place) {
              return std::optional<Item>(std::in_place,
                                         *std::exchange(place.item, std::nullopt)...);
            },
            places_);
      }
      if (!end_.is_ending) return kPending;
    }
    const bool are_closed =
        std::apply([&](auto&... place) { return (Close(place, cx) & ...); }, places_);
    if (!are_closed) return kPending;
    return end_.template Take<Item>();
  }

  void VisitAwaited(AwaitVisitor& visitor) const {
    std::apply([&](const auto&... place) { (Visit(place, visitor), ...); }, places_);
  }

 private:
  // A stream, and its item that waits for the others.
  template <typename T>
  struct Place {
    explicit Place(T stream) : child(std::move(stream)) {}
    future_internal::StreamChild<T> child;
    std::optional<ItemOf<T>> item;
  };

  template <typename T>
  void Fill(Place<T>& place, Context& cx) {
    if (place.item || end_.is_ending) return;
    auto poll = place.child.PollNext(cx, end_);
    if (poll.IsPending()) return;
    place.item = std::move(poll).value();
    if (!place.item) end_.is_ending = true;
  }
  template <typename T>
  bool Close(Place<T>& place, Context& cx) {
    place.item.reset();
    return place.child.Close(cx, end_);
  }
  template <typename T>
  static void Visit(const Place<T>& place, AwaitVisitor& visitor) {
    if (!place.item) place.child.VisitAwaited(visitor);
  }

  std::tuple<Place<S>...> places_;
  future_internal::StreamEnd end_;
};

// The tuples of the items of `streams`.
template <Stream... S>
  requires(sizeof...(S) > 0)
ZipStream<S...> Zip(S... streams) {
  return ZipStream<S...>(std::move(streams)...);
}

}  // namespace weft

#endif  // WEFT_FUTURE_ZIP_H_

// future/any_stream.h — a stream whose type is only what it gives.
//
//   weft::AnyStream<Line> lines = weft::MapItems(Reads(socket), ParseLine);
//   std::vector<weft::AnyStream<Line>> many;      // generators, ranges and combinators, mixed
//
// The AnyFuture (any_future.h) of streams: for interfaces and containers. Merge() of many in a
// vector takes streams of one type: this one, when they differ.
//
//   Thread safety    The stream's.
//   Errors           The stream's.
//   Cancellation     The stream's. Safe to drop if it is.
//   Complexity       No allocation for a stream that fits into kInlineBytes and whose move does not
//                    throw; one for another. A poll is one indirect call more; so is a move.
//   Lifetime         The stream's: not movable after the first poll.
#ifndef WEFT_FUTURE_ANY_STREAM_H_
#define WEFT_FUTURE_ANY_STREAM_H_

#include <concepts>
#include <cstddef>
#include <optional>
#include <utility>

#include "future/context.h"
#include "future/internal/any_polled.h"
#include "future/poll.h"
#include "future/stream.h"

namespace weft {

namespace future_internal {

struct AskStream {
  template <Stream S>
  Poll<std::optional<ItemOf<S>>> operator()(S& stream, Context& cx) const {
    return stream.poll_next(cx);
  }
};

}  // namespace future_internal

// See the head of the file. Move-only.
template <typename T, std::size_t kInlineBytes = 120>
class [[nodiscard]] AnyStream
    : public future_internal::AnyPolled<Poll<std::optional<T>>, future_internal::AskStream,
                                        kInlineBytes> {
 public:
  using Item = T;

  // NOTE: implicit on purpose: any stream of T is an AnyStream<T>.
  template <Stream S>
    requires(std::same_as<ItemOf<S>, T> && !std::same_as<S, AnyStream>)
  AnyStream(S stream) : AnyStream::AnyPolled(std::in_place, std::move(stream)) {}

  // Precondition (checked): not moved from.
  Poll<std::optional<T>> poll_next(Context& cx) { return this->AskIt(cx); }
};

}  // namespace weft

#endif  // WEFT_FUTURE_ANY_STREAM_H_

// future/chunk_items.h — items in handfuls.
//
//   auto batches = weft::ChunkItems(std::move(rows), 100);        // std::vector<Row>, 100 each
//   auto bursts = weft::ReadyChunks(std::move(messages), 100);    // what is there, up to 100
//
//   Errors           Those of the source; the items of an unfinished chunk are dropped. If memory
//                    for a chunk runs out, std::bad_alloc when the source has been closed.
//   Cancellation     A stop request goes to the source; when it has stopped, the items that have
//                    been gathered are the last chunk before kStopped: nothing is lost.
//   Complexity       One allocation for a chunk as large as the one before.
#ifndef WEFT_FUTURE_CHUNK_ITEMS_H_
#define WEFT_FUTURE_CHUNK_ITEMS_H_

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "base/check.h"
#include "future/await_chain.h"
#include "future/context.h"
#include "future/poll.h"
#include "future/stream.h"

namespace weft {

// When a chunk that is not full is handed on: at the end only, or also when the source has to wait.
enum class ChunkWhen : unsigned char { kFull, kReady };

// What ChunkItems() and ReadyChunks() make: see the head of the file.
template <Stream S, ChunkWhen kWhen>
class [[nodiscard]] ChunkStream {
 public:
  using Item = std::vector<ItemOf<S>>;

  ChunkStream(S source, std::size_t size) : source_(std::move(source)), size_(size) {
    WEFT_CHECK(size > 0) << "ChunkItems(source, size): the size must be positive, found 0";
  }

  Poll<std::optional<Item>> poll_next(Context& cx) {
    if (end_) return *std::exchange(end_, std::nullopt);
    auto poll = source_.template PollNext<Item>(cx, [this](ItemOf<S> item, bool&) {
      if (chunk_.empty()) chunk_.reserve(last_size_);
      chunk_.push_back(std::move(item));
      return chunk_.size() == size_ ? std::optional<Item>(Take()) : std::nullopt;
    });
    if (chunk_.empty() || (poll.IsPending() && kWhen == ChunkWhen::kFull)) return poll;
    // What was gathered goes first.
    if (!poll.IsPending()) end_.emplace(std::move(poll));
    return std::optional<Item>(Take());
  }

  void VisitAwaited(AwaitVisitor& visitor) const {
    if (!end_) source_.VisitAwaited(visitor);
  }

 private:
  Item Take() {
    last_size_ = chunk_.size();
    return std::exchange(chunk_, Item());
  }

  future_internal::GuardedSource<S> source_;
  const std::size_t size_;
  std::size_t last_size_ = 1;
  Item chunk_;
  std::optional<Poll<std::optional<Item>>> end_;  // the answer after the last chunk
};

// Chunks of `size` items; the last one may have fewer, and none is empty.
template <Stream S>
ChunkStream<S, ChunkWhen::kFull> ChunkItems(S source, std::size_t size) {
  return ChunkStream<S, ChunkWhen::kFull>(std::move(source), size);
}

// Chunks of at most `size` items: as many as the source gives without waiting, at least one.
template <Stream S>
ChunkStream<S, ChunkWhen::kReady> ReadyChunks(S source, std::size_t size) {
  return ChunkStream<S, ChunkWhen::kReady>(std::move(source), size);
}

}  // namespace weft

#endif  // WEFT_FUTURE_CHUNK_ITEMS_H_

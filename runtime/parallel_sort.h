// runtime/parallel_sort.h — ParallelSort, which sorts on all workers of a runtime.
//
//   weft::RunOn(runtime, [&] { weft::ParallelSort(numbers); });
//   weft::ParallelSort(people, std::ranges::less(), &Person::age);    // on a worker
//
// Quicksort by Join (fork_join.h, whose guarantees hold here), in place: large ranges are divided
// by all workers together, smaller ones by one worker each.
//
// Guarantees
//   Result           What std::ranges::sort gives. Not stable: equal elements come in any order.
//   Where            On a worker of a Runtime by all of them; on any other thread, or with one
//                    worker, in order.
//   Elements         Movable is enough. comp and proj are not copied, and are called by several
//                    workers at the same time; the order of two elements must not change meanwhile.
//   Exceptions       Of comp, proj, moves and swaps: one of them leaves, when all workers are done
//                    with the range. Then the elements are in some order, each is there, none
//                    twice; if a move or swap threw, its two elements are what that left.
//   Bad orders       With a comp that is no strict weak order the elements come in some order; no
//                    access leaves the range.
//   Cancellation     No cancellation point.
//   Complexity       O(n log n) comparisons and moves, also in the worst case; of p workers each
//                    does about 1/p on large ranges, but inputs made to defeat the choice of pivots
//                    are sorted by fewer. O(n) if the range is sorted or reversed. No allocation;
//                    the stack is O(log n) deep, some KB a level.
//
// Example: parallel_sort_example.cc
#ifndef WEFT_RUNTIME_PARALLEL_SORT_H_
#define WEFT_RUNTIME_PARALLEL_SORT_H_

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <functional>
#include <iterator>
#include <ranges>
#include <utility>

#include "base/check.h"
#include "runtime/fork_join.h"
#include "runtime/internal/fork_job.h"
#include "runtime/internal/sort_in_order.h"

namespace weft {

// How a range is divided that is to be sorted.
struct SortOptions {
  // Most elements that one worker sorts in order. Larger pieces leave workers without work at the
  // end; smaller ones gain nothing, as a fork costs less than sorting some elements. Where
  // comparisons take microseconds, some tens are better. Precondition (checked): positive.
  std::ptrdiff_t grain = 2'048;
};

namespace runtime_internal {

// What a worker divides at least, of a range that several divide.
constexpr std::ptrdiff_t kLeastSortChunk = 1 << 14;
constexpr std::ptrdiff_t kMostSortChunks = 64;

// Positions of elements, [begin, begin + size).
struct PositionRun {
  std::ptrdiff_t begin;
  std::ptrdiff_t size;
};

// Goes through the positions of runs, from the `skipped`th on.
class PositionCursor {
 public:
  PositionCursor(const PositionRun* runs, std::ptrdiff_t skipped) : run_(runs), done_(skipped) {
    Settle();
  }

  std::ptrdiff_t position() const { return run_->begin + done_; }
  std::ptrdiff_t left_in_run() const { return run_->size - done_; }
  // By at most left_in_run(); there must be more.
  void Advance(std::ptrdiff_t count) {
    done_ += count;
    Settle();
  }

 private:
  void Settle() {
    while (done_ >= run_->size) done_ -= run_++->size;
  }

  const PositionRun* run_;
  std::ptrdiff_t done_;  // of the run
};

// PartitionInOrder() by all workers: each divides chunks; then those elements change places which
// lie on the wrong side of the middle of all.
template <typename I, typename GoesLeft>
Partitioned<I> PartitionInParallel(I first, I last, GoesLeft& goes_left) {
  const std::ptrdiff_t size = last - first;
  const std::ptrdiff_t chunks =
      std::min({kMostSortChunks, size / kLeastSortChunk, std::ptrdiff_t{4} * WorkersHere()});
  if (chunks < 2) return PartitionInOrder(first, last, goes_left);
  const auto begin_of = [size, chunks](std::ptrdiff_t chunk) {
    return size / chunks * chunk + std::min(size % chunks, chunk);
  };
  std::array<std::ptrdiff_t, kMostSortChunks> lefts;
  auto divide = [&](std::ptrdiff_t from, std::ptrdiff_t to) {
    for (; from < to; ++from) {
      const I begin = first + begin_of(from);
      lefts[static_cast<std::size_t>(from)] =
          PartitionInOrder(begin, first + begin_of(from + 1), goes_left).middle - begin;
    }
  };
  ForPieces(0, chunks, 1, divide);

  std::ptrdiff_t middle = 0;
  for (std::ptrdiff_t i = 0; i < chunks; ++i) middle += lefts[static_cast<std::size_t>(i)];
  // Elements that go left but lie right, and the other way round, chunk by chunk. As many of both.
  std::array<PositionRun, kMostSortChunks> go_left;
  std::array<PositionRun, kMostSortChunks> go_right;
  std::ptrdiff_t misplaced = 0;
  for (std::ptrdiff_t i = 0; i < chunks; ++i) {
    const auto slot = static_cast<std::size_t>(i);
    const std::ptrdiff_t begin = begin_of(i);
    const std::ptrdiff_t end = begin_of(i + 1);
    const std::ptrdiff_t border = begin + lefts[slot];
    const std::ptrdiff_t from = std::max(begin, middle);
    const std::ptrdiff_t to = std::min(end, middle);
    go_left[slot] = {from, std::max(border - from, std::ptrdiff_t{0})};
    go_right[slot] = {border, std::max(to - border, std::ptrdiff_t{0})};
    misplaced += go_left[slot].size;
  }
  auto exchange = [&](std::ptrdiff_t from, std::ptrdiff_t to) {
    PositionCursor a(go_left.data(), from);
    PositionCursor b(go_right.data(), from);
    while (true) {
      const std::ptrdiff_t count = std::min({to - from, a.left_in_run(), b.left_in_run()});
      const I i = first + a.position();
      const I j = first + b.position();
      for (std::ptrdiff_t k = 0; k < count; ++k) std::ranges::iter_swap(i + k, j + k);
      from += count;
      if (from == to) return;
      a.Advance(count);
      b.Advance(count);
    }
  };
  if (misplaced > 0) ForPieces(0, misplaced, kLeastSortChunk, exchange);
  return {first + middle, false};
}

// SortInOrder() by all workers.
template <typename I, typename Less>
void SortPieces(I begin, I first, I last, Less& less, std::ptrdiff_t grain, int bad_divisions) {
  if (last - first <= grain || bad_divisions == 0) {
    return SortInOrder(begin, first, last, less, bad_divisions);
  }
  const Division<I> parts = Divide(begin, first, last, less, [](I from, I to, auto& goes_left) {
    return PartitionInParallel(from, to, goes_left);
  });
  if (!parts.is_balanced) {
    --bad_divisions;
    BreakPattern(first, parts.left_end);
    BreakPattern(parts.right_begin, last);
  }
  weft::Join(
      [&, begin, first] { SortPieces(begin, first, parts.left_end, less, grain, bad_divisions); },
      [&, begin, last] { SortPieces(begin, parts.right_begin, last, less, grain, bad_divisions); });
}

}  // namespace runtime_internal

// Sorts [first, last) by comp(proj(a), proj(b)). See the head of the file. Returns the end.
template <std::random_access_iterator I, std::sentinel_for<I> S, typename Comp = std::ranges::less,
          typename Proj = std::identity>
  requires std::sortable<I, Comp, Proj>
I ParallelSort(I first, S last, Comp comp = {}, Proj proj = {}, SortOptions options = {}) {
  WEFT_CHECK(options.grain > 0) << "ParallelSort(): expected a positive grain, found "
                                << options.grain;
  const I end = std::ranges::next(first, last);
  const runtime_internal::ElementOrder less(comp, proj);
  if (runtime_internal::SortIfOneRun(first, end, less)) return end;
  const int bad_divisions = runtime_internal::BadDivisionsAllowed(first, end);
  const std::ptrdiff_t grain = runtime_internal::WorkersHere() > 1 ? options.grain : end - first;
  runtime_internal::SortPieces(first, first, end, less, grain, bad_divisions);
  return end;
}

// The same for a range.
template <std::ranges::random_access_range Range, typename Comp = std::ranges::less,
          typename Proj = std::identity>
  requires std::sortable<std::ranges::iterator_t<Range>, Comp, Proj>
std::ranges::borrowed_iterator_t<Range> ParallelSort(Range&& range, Comp comp = {}, Proj proj = {},
                                                     SortOptions options = {}) {
  return ParallelSort(std::ranges::begin(range), std::ranges::end(range), std::move(comp),
                      std::move(proj), options);
}

}  // namespace weft

#endif  // WEFT_RUNTIME_PARALLEL_SORT_H_

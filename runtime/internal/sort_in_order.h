// runtime/internal/sort_in_order.h — sorts a range on the calling thread; the pieces of which
// ParallelSort() is made.
//
// Quicksort that recognizes what is easy or hostile, after pdqsort [Peters2021], with partitions
// that do not branch on comparisons, after [EdelkampWeiss2016].
//
// Whatever throws: elements are exchanged, or wait in a Hole that puts them back, so each is in the
// range afterwards. Whatever the comparison answers, no iterator leaves the range.
#ifndef WEFT_RUNTIME_INTERNAL_SORT_IN_ORDER_H_
#define WEFT_RUNTIME_INTERNAL_SORT_IN_ORDER_H_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <functional>
#include <iterator>
#include <limits>
#include <type_traits>
#include <utility>

namespace weft::runtime_internal {

// Compares elements by comp and proj, which it does not copy.
template <typename Comp, typename Proj>
class ElementOrder {
 public:
  ElementOrder(Comp& comp, Proj& proj) : comp_(comp), proj_(proj) {}

  template <typename A, typename B>
  bool operator()(A&& a, B&& b) const {
    return static_cast<bool>(std::invoke(comp_, std::invoke(proj_, std::forward<A>(a)),
                                         std::invoke(proj_, std::forward<B>(b))));
  }

 private:
  Comp& comp_;
  Proj& proj_;
};

// An element on its way to its place. `place` gets it when this goes.
template <typename I>
struct Hole {
  explicit Hole(I i) : value(std::ranges::iter_move(i)), place(i) {}
  Hole(const Hole&) = delete;
  Hole& operator=(const Hole&) = delete;
  ~Hole() { *place = std::move(value); }

  std::iter_value_t<I> value;
  I place;
};

// Moves *i, which is less than what precedes it, to its place in [first, i], the rest of which is
// sorted.
template <typename I, typename Less>
void Insert(I first, I i, Less& less) {
  using Value = std::iter_value_t<I>;
  if constexpr (std::is_nothrow_move_constructible_v<Value> &&
                std::is_nothrow_move_assignable_v<Value>) {
    Hole<I> hole(i);
    do {
      *hole.place = std::ranges::iter_move(hole.place - 1);
      --hole.place;
    } while (hole.place != first && less(hole.value, *(hole.place - 1)));
  } else {
    do {
      std::ranges::iter_swap(i, i - 1);
      --i;
    } while (i != first && less(*i, *(i - 1)));
  }
}

// Gives up, and returns false, when more than `most_insertions` elements are out of place.
template <typename I, typename Less>
bool InsertionSort(I first, I last, Less& less,
                   int most_insertions = std::numeric_limits<int>::max()) {
  if (last - first < 2) return true;
  int insertions = 0;
  for (I i = first + 1; i != last; ++i) {
    if (!less(*i, *(i - 1))) continue;
    if (++insertions > most_insertions) return false;
    Insert(first, i, less);
  }
  return true;
}

template <typename I, typename Less>
void SiftDown(I first, std::iter_difference_t<I> size, std::iter_difference_t<I> parent,
              Less& less) {
  while (2 * parent + 1 < size) {
    auto child = 2 * parent + 1;
    if (child + 1 < size && less(first[child], first[child + 1])) ++child;
    if (!less(first[parent], first[child])) return;
    std::ranges::iter_swap(first + parent, first + child);
    parent = child;
  }
}

// O(n log n) whatever the input; in practice slower than all else here.
template <typename I, typename Less>
void HeapSort(I first, I last, Less& less) {
  auto size = last - first;
  for (auto parent = size / 2; parent > 0; --parent) SiftDown(first, size, parent - 1, less);
  for (; size > 1; --size) {
    std::ranges::iter_swap(first, first + (size - 1));
    SiftDown(first, size - 1, 0, less);
  }
}

template <typename I>
struct Partitioned {
  I middle;  // what goes left ends here
  // Nothing had to be moved.
  bool was_partitioned;
};

// Of elements that have to change sides: how far each is from where the block begins.
using SideOffsets = unsigned char[128];

// Lists for which i < size is_wrong(i) says so, by code that has no branch on the answer. Returns
// how many there are.
template <typename IsWrong>
std::ptrdiff_t ListWrong(SideOffsets& offsets, std::ptrdiff_t size, IsWrong is_wrong) {
  std::ptrdiff_t count = 0;
  for (std::ptrdiff_t i = 0; i < size; ++i) {
    offsets[count] = static_cast<unsigned char>(i);
    count += is_wrong(i) ? 1 : 0;
  }
  return count;
}

// Elements left_base + left[i] and right_base - right[i], of `pairs` i, change sides: in a cycle,
// which takes two moves a pair instead of three, where no move throws.
template <typename I>
void Exchange(I left_base, const unsigned char* left, I right_base, const unsigned char* right,
              std::ptrdiff_t pairs) {
  using Value = std::iter_value_t<I>;
  if constexpr (std::is_nothrow_move_constructible_v<Value> &&
                std::is_nothrow_move_assignable_v<Value>) {
    if (pairs == 0) return;
    I place = left_base + left[0];
    Value first(std::ranges::iter_move(place));
    for (std::ptrdiff_t i = 0;; ++i) {
      const I from = right_base - right[i];
      *place = std::ranges::iter_move(from);
      if (i + 1 == pairs) {
        *from = std::move(first);
        return;
      }
      place = left_base + left[i + 1];
      *from = std::ranges::iter_move(place);
    }
  } else {
    for (std::ptrdiff_t i = 0; i < pairs; ++i) {
      std::ranges::iter_swap(left_base + left[i], right_base - right[i]);
    }
  }
}

// Brings the elements for which goes_left(*i) to the front. Both sides list, block by block, which
// elements are on the wrong one; those of the lists change places.
template <typename I, typename GoesLeft>
Partitioned<I> PartitionInOrder(I first, I last, GoesLeft& goes_left) {
  while (first != last && goes_left(*first)) ++first;
  while (first != last && !goes_left(*(last - 1))) --last;
  if (first == last) return {first, true};

  constexpr std::ptrdiff_t kBlock = sizeof(SideOffsets);
  SideOffsets left_offsets;
  SideOffsets right_offsets;
  // What remains of the lists.
  const unsigned char* left = left_offsets;
  const unsigned char* right = right_offsets;
  std::ptrdiff_t left_count = 0;
  std::ptrdiff_t right_count = 0;
  I left_base = first;
  I right_base = last;
  // [first, last) is unknown. One list at least is empty here.
  while (first != last) {
    const std::ptrdiff_t unknown = last - first;
    std::ptrdiff_t to_left = 0;
    if (left_count == 0) {
      to_left = std::min(kBlock, right_count == 0 ? unknown - unknown / 2 : unknown);
      left_base = first;
      left = left_offsets;
      left_count = ListWrong(left_offsets, to_left,
                             [&](std::ptrdiff_t i) { return !goes_left(left_base[i]); });
      first += to_left;
    }
    if (right_count == 0) {
      const std::ptrdiff_t to_right = std::min(kBlock, unknown - to_left);
      right_base = last - 1;
      right = right_offsets;
      right_count = ListWrong(right_offsets, to_right,
                              [&](std::ptrdiff_t i) { return goes_left(*(right_base - i)); });
      last -= to_right;
    }
    const std::ptrdiff_t pairs = std::min(left_count, right_count);
    Exchange(left_base, left, right_base, right, pairs);
    left += pairs;
    right += pairs;
    left_count -= pairs;
    right_count -= pairs;
  }
  // The innermost of what is left goes first.
  while (left_count > 0) std::ranges::iter_swap(left_base + left[--left_count], --first);
  while (right_count > 0) std::ranges::iter_swap(right_base - right[--right_count], first++);
  return {first, false};
}

template <typename I, typename Less>
I MedianOf3(I a, I b, I c, Less& less) {
  if (less(*b, *a)) std::swap(a, b);
  if (!less(*c, *b)) return b;
  return less(*c, *a) ? a : c;
}

// Of nine elements where there are many.
template <typename I, typename Less>
I ChoosePivot(I first, I last, Less& less) {
  const auto size = last - first;
  const I middle = first + size / 2;
  if (size <= 128) return MedianOf3(first, middle, last - 1, less);
  const auto step = size / 8;
  return MedianOf3(MedianOf3(first, first + step, first + 2 * step, less),
                   MedianOf3(middle - step, middle, middle + step, less),
                   MedianOf3(last - 1 - 2 * step, last - 1 - step, last - 1, less), less);
}

// How a range was divided; what lies between the two parts is in its place.
template <typename I>
struct Division {
  I left_end;
  I right_begin;
  bool was_partitioned;
  bool is_balanced;
};

// Around a pivot. What precedes `first`, if that is not `begin`, is no greater than anything in the
// range. partition(from, to, goes_left) is PartitionInOrder() or does the same. Precondition: two
// elements at least.
template <typename I, typename Less, typename Partition>
Division<I> Divide(I begin, I first, I last, Less& less, Partition partition) {
  using Value = std::iter_value_t<I>;
  std::ranges::iter_swap(first, ChoosePivot(first, last, less));
  // Kept in a register where that is possible.
  using Pivot = std::conditional_t<std::is_trivially_copyable_v<Value> && sizeof(Value) <= 16,
                                   const Value, std::iter_reference_t<I>>;
  Pivot pivot = *first;
  if (first != begin && !less(*(first - 1), pivot)) {
    // It is the least there is; all that equal it are in their places then.
    const auto is_least = [&](auto&& element) { return !less(pivot, element); };
    return {first, partition(first + 1, last, is_least).middle, false, true};
  }
  const auto goes_left = [&](auto&& element) { return less(element, pivot); };
  const auto [middle, was_partitioned] = partition(first + 1, last, goes_left);
  const I place = middle - 1;
  std::ranges::iter_swap(first, place);
  const auto least = (last - first) / 8;
  return {place, middle, was_partitioned, place - first >= least && last - middle >= least};
}

// Against inputs of which the chosen pivots are always among the least or the greatest.
template <typename I>
void BreakPattern(I first, I last) {
  const auto quarter = (last - first) / 4;
  if (quarter < 2) return;
  std::ranges::iter_swap(first, first + quarter);
  std::ranges::iter_swap(first + 1, first + quarter + 1);
  std::ranges::iter_swap(last - 1, last - quarter);
  std::ranges::iter_swap(last - 2, last - quarter - 1);
}

// After so many divisions that were not balanced, sort by other means.
template <typename I>
int BadDivisionsAllowed(I first, I last) {
  return std::bit_width(static_cast<std::size_t>(last - first));
}

// See Divide() for `begin`. O(n log n), also in the worst case; O(n) if the range is sorted, or
// nearly, or has few different elements. The stack is O(log n) deep.
template <typename I, typename Less>
void SortInOrder(I begin, I first, I last, Less& less, int bad_divisions) {
  constexpr std::iter_difference_t<I> kInsertion = 24;
  constexpr int kNearlySorted = 8;
  while (last - first > kInsertion) {
    if (bad_divisions == 0) return HeapSort(first, last, less);
    const auto [left_end, right_begin, was_partitioned, is_balanced] =
        Divide(begin, first, last, less,
               [](I from, I to, auto& goes_left) { return PartitionInOrder(from, to, goes_left); });
    if (!is_balanced) {
      --bad_divisions;
      BreakPattern(first, left_end);
      BreakPattern(right_begin, last);
    } else if (was_partitioned && InsertionSort(first, left_end, less, kNearlySorted) &&
               InsertionSort(right_begin, last, less, kNearlySorted)) {
      return;
    }
    if (left_end - first < last - right_begin) {
      SortInOrder(begin, first, left_end, less, bad_divisions);
      first = right_begin;
    } else {
      SortInOrder(begin, right_begin, last, less, bad_divisions);
      last = left_end;
    }
  }
  (void)InsertionSort(first, last, less);
}

// Whether the range was sorted, or could be by reversing it, which was done then. Stops at the
// first element that says no.
template <typename I, typename Less>
bool SortIfOneRun(I first, I last, Less& less) {
  if (last - first < 2) return true;
  I i = first + 1;
  if (!less(*i, *first)) {
    while (++i != last) {
      if (less(*i, *(i - 1))) return false;
    }
    return true;
  }
  while (++i != last) {
    if (!less(*i, *(i - 1))) return false;
  }
  for (--last; first < last; ++first, --last) std::ranges::iter_swap(first, last);
  return true;
}

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_SORT_IN_ORDER_H_

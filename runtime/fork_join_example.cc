// A parallel merge sort of a million numbers: halves are sorted by Join, and merged when both are
// done.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <span>
#include <vector>

#include "runtime/fork_join.h"
#include "runtime/runtime.h"

namespace {

using Numbers = std::span<std::uint32_t>;

// `scratch` is as long as `numbers`.
void MergeSort(Numbers numbers, Numbers scratch) {
  constexpr std::size_t kSortedAtOnce = 4'096;
  if (numbers.size() <= kSortedAtOnce) {
    std::sort(numbers.begin(), numbers.end());
    return;
  }
  const std::size_t half = numbers.size() / 2;
  const Numbers left = numbers.first(half);
  const Numbers right = numbers.subspan(half);
  weft::Join([=] { MergeSort(left, scratch.first(half)); },
             [=] { MergeSort(right, scratch.subspan(half)); });
  std::merge(left.begin(), left.end(), right.begin(), right.end(), scratch.begin());
  std::copy(scratch.begin(), scratch.end(), numbers.begin());
}

}  // namespace

int main() {
  std::vector<std::uint32_t> numbers(1'000'000);
  weft::Runtime runtime;
  const std::uint64_t in_order = weft::RunOn(runtime, [&] {
    weft::ParallelFor(std::size_t{0}, numbers.size(), [&](std::size_t i) {
      numbers[i] = static_cast<std::uint32_t>(i) * 2'654'435'761u;
    });
    std::vector<std::uint32_t> scratch(numbers.size());
    MergeSort(numbers, scratch);
    return weft::ParallelReduce(
        std::size_t{1}, numbers.size(), std::uint64_t{1},
        [&](std::size_t i) { return std::uint64_t{numbers[i - 1] <= numbers[i]}; },
        [](std::uint64_t a, std::uint64_t b) { return a * b; });
  });
  std::cout << (in_order == 1 ? "sorted" : "not sorted") << "\n";
  return in_order == 1 ? 0 : 1;
}

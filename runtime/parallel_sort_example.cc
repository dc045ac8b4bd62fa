// Sorts the words of a list by length on all workers, with a projection; then a part of it in
// reverse.
#include <algorithm>
#include <cstddef>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "runtime/fork_join.h"
#include "runtime/parallel_sort.h"
#include "runtime/runtime.h"

int main() {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < 200'000; ++i) words.emplace_back(i * 7'919 % 40, 'w');

  weft::Runtime runtime;
  weft::RunOn(runtime, [&] {
    weft::ParallelSort(words, std::ranges::less(), &std::string::size);
    // Only there where the words have less than 20 letters.
    const auto middle = std::ranges::lower_bound(words, 20u, {}, &std::string::size);
    weft::ParallelSort(words.begin(), middle, std::ranges::greater());
  });

  std::cout << "from " << words.front().size() << " letters to " << words.back().size() << "\n";
  return words.front().size() == 19 && words.back().size() == 39 ? 0 : 1;
}

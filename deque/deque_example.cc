// One thread adds up numbers that it keeps in its deque; another one helps by stealing.
#include <atomic>
#include <iostream>
#include <optional>
#include <thread>

#include "deque/deque.h"

int main() {
  weft::Deque<int> deque;
  for (int i = 1; i <= 1'000; ++i) deque.Push(i);

  std::atomic<int> sum{0};
  std::thread helper([stealer = deque.stealer(), &sum] {
    while (true) {
      const weft::StealResult<int> result = stealer.Steal();
      if (result) sum += *result.item;
      if (result.outcome == weft::StealOutcome::kEmpty) return;
    }
  });
  while (const std::optional<int> item = deque.Pop()) sum += *item;
  helper.join();

  std::cout << "sum of 1 to 1000: " << sum << "\n";
  return sum == 500'500 ? 0 : 1;
}

// Two workers share numbers that the main thread injects: each takes a batch into a deque of its
// own, and steals from the other when the injector is empty.
#include <atomic>
#include <cstddef>
#include <iostream>
#include <optional>
#include <thread>
#include <vector>

#include "deque/deque.h"
#include "deque/injector.h"

int main() {
  weft::Injector<int> injector;
  std::vector<weft::FifoDeque<int>> deques(2);
  std::atomic<int> sum{0};
  std::atomic<int> missing{1'000};

  const auto work = [&](int self) {
    weft::FifoDeque<int>& own = deques[static_cast<std::size_t>(self)];
    const weft::Stealer<int> other = deques[static_cast<std::size_t>(1 - self)].stealer();
    while (missing.load(std::memory_order_relaxed) > 0) {
      std::optional<int> item = own.Pop();
      if (!item) item = injector.StealHalf(&own).item;
      if (!item) item = other.StealHalf(&own).item;
      if (!item) {
        std::this_thread::yield();  // a real worker would park
        continue;
      }
      sum += *item;
      missing -= 1;
    }
  };
  std::thread first(work, 0);
  std::thread second(work, 1);
  for (int i = 1; i <= 1'000; ++i) injector.Push(i);
  first.join();
  second.join();

  std::cout << "sum of 1 to 1000: " << sum << "\n";
  return sum == 500'500 ? 0 : 1;
}

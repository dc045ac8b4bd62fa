// Two threads hand numbers to a third through a queue of eight places; who finds it full waits.
#include <cstdio>
#include <optional>
#include <thread>

#include "mpmc/bounded_queue.h"

int main() {
  weft::BoundedQueue<int> queue(8);

  auto produce = [&queue](int first) {
    for (int value = first; value < first + 100; ++value) {
      while (!queue.TryPush(value).ok()) std::this_thread::yield();
    }
  };
  std::thread low(produce, 0);
  std::thread high(produce, 100);

  int sum = 0;
  for (int received = 0; received < 200;) {
    if (std::optional<int> value = queue.TryPop()) {
      sum += *value;
      ++received;
    } else {
      std::this_thread::yield();
    }
  }
  low.join();
  high.join();

  std::printf("sum of 0..199: %d\n", sum);
  return sum == 199 * 200 / 2 ? 0 : 1;
}

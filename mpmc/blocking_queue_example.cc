// Two threads hand numbers to a third through a queue of eight places; who finds it full sleeps, and
// so does who finds it empty.
#include <cstdio>
#include <thread>

#include "mpmc/blocking_queue.h"
#include "mpmc/bounded_queue.h"

int main() {
  weft::BlockingQueue<weft::BoundedQueue<int>> queue(8);

  auto produce = [&queue](int first) {
    for (int value = first; value < first + 100; ++value) {
      if (!queue.Push(value).ok()) return;  // Closed.
    }
  };
  int sum = 0;
  std::thread consumer([&] {
    while (auto value = queue.Pop()) sum += *value;
  });
  std::thread low(produce, 0);
  std::thread high(produce, 100);
  low.join();
  high.join();
  queue.Close();  // Pop() drains the queue, then says so.
  consumer.join();

  std::printf("sum of 0..199: %d\n", sum);
  return sum == 199 * 200 / 2 ? 0 : 1;
}

// Three threads leave orders in the mailbox of a fourth; an order brings its own link.
#include <cstdio>
#include <memory>
#include <thread>
#include <vector>

#include "mpmc/intrusive_mpsc_queue.h"

struct Order : weft::MpscNode {
  explicit Order(int amount_in) : amount(amount_in) {}
  const int amount;
};

int main() {
  constexpr int kThreads = 3;
  constexpr int kOrders = 1000;
  weft::IntrusiveMpscQueue<Order> mailbox;

  std::vector<std::thread> customers;
  for (int t = 0; t < kThreads; ++t) {
    customers.emplace_back([&mailbox] {
      for (int i = 1; i <= kOrders; ++i) mailbox.Push(new Order(i));
    });
  }

  int served = 0;
  long sum = 0;
  while (served < kThreads * kOrders) {
    const weft::MpscPop<Order> popped = mailbox.TryPop();
    if (popped.outcome != weft::PopOutcome::kOk) {  // kEmpty, or kBusy: a push is half done.
      std::this_thread::yield();
      continue;
    }
    const std::unique_ptr<Order> order(popped.node);
    sum += order->amount;
    ++served;
  }
  for (std::thread& customer : customers) customer.join();
  std::printf("%d orders, sum %ld\n", served, sum);
  return sum == long{kThreads} * kOrders * (kOrders + 1) / 2 ? 0 : 1;
}

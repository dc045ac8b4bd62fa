// Fork-join over two workers: fib(24) by 46,367 forks, nearly all of which cost a few plain loads
// and stores.
#include <atomic>
#include <iostream>
#include <thread>

#include "deque/fork_stack.h"

namespace {

// The second half of a fork. Lies on the stack of the function that forked.
struct Job {
  explicit Job(int number) : n(number) {}
  int n;
  long result = 0;
  std::atomic<bool> is_done{false};
};

using Stack = weft::ForkStack<Job>;

struct Worker {
  Stack stack;
  Stack* victim = nullptr;
};

long Fib(Worker* worker, int n);

// Runs a job of somebody else, if there is one. Afterwards the job is gone: its owner goes on.
void Help(Worker* worker) {
  if (const weft::StealResult<Job*> stolen = worker->victim->Steal()) {
    Job* const job = *stolen.item;
    job->result = Fib(worker, job->n);
    job->is_done.store(true, std::memory_order_release);
  } else {
    std::this_thread::yield();
  }
}

long Fib(Worker* worker, int n) {
  if (n < 2) return n;
  Job second(n - 2);
  Stack& stack = worker->stack;
  const int t = stack.Depth();
  if (!stack.Push(t, &second)) return Fib(worker, n - 1) + Fib(worker, n - 2);
  const long first = Fib(worker, n - 1);
  if (stack.Pop(t)) return first + Fib(worker, n - 2);
  while (!second.is_done.load(std::memory_order_acquire)) Help(worker);
  stack.Restore(t);
  return first + second.result;
}

}  // namespace

int main() {
  Worker workers[2];
  workers[0].victim = &workers[1].stack;
  workers[1].victim = &workers[0].stack;
  std::atomic<bool> is_over{false};
  std::thread helper([&] {
    while (!is_over.load(std::memory_order_acquire)) Help(&workers[1]);
  });
  const long result = Fib(&workers[0], 24);
  is_over.store(true, std::memory_order_release);
  helper.join();
  std::cout << "fib(24) = " << result << "\n";
  return result == 46'368 ? 0 : 1;
}

// tools/stress/start_barrier.h — threads of a test that begin at one moment.
//
// Threads that start one after the other often do not overlap at all: the first has finished when
// the last begins. RunTogether() is enough for most tests; a StartBarrier of one's own also lines
// up the rounds of a test that tries one short race many times.
#ifndef WEFT_TOOLS_STRESS_START_BARRIER_H_
#define WEFT_TOOLS_STRESS_START_BARRIER_H_

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

#include "base/backoff.h"
#include "base/check.h"

namespace weft::stress {

// Holds threads back until all have arrived; may be used again for the next round. It spins, since
// threads that sleep wake one after the other, and yields, since there may be more threads than
// processors.
//
// Memory ordering: all that any thread did before it arrived is visible to every thread that it let
// go. Edges: (1) each arrival -> the last arrival; (2) the last arrival -> each thread let go.
class StartBarrier {
 public:
  // For `threads` threads, at least one.
  explicit StartBarrier(int threads) : threads_(threads) {
    WEFT_CHECK(threads > 0) << "StartBarrier(): expected at least one thread, found " << threads;
  }
  StartBarrier(const StartBarrier&) = delete;
  StartBarrier& operator=(const StartBarrier&) = delete;

  // Returns when as many threads have called it in this round as the barrier is for.
  void ArriveAndWait() {
    const unsigned round = round_.load(std::memory_order_relaxed);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads_) {  // (1)
      arrived_.store(0, std::memory_order_relaxed);
      round_.store(round + 1, std::memory_order_release);  // (2)
      return;
    }
    SpinBackoff backoff;
    while (round_.load(std::memory_order_acquire) == round) {  // (2)
      if (backoff.IsSpent()) {
        std::this_thread::yield();
      } else {
        backoff.Spin();
      }
    }
  }

 private:
  const int threads_;
  std::atomic<int> arrived_{0};
  std::atomic<unsigned> round_{0};
};

// Runs body(0) ... body(threads - 1), each in a thread of its own, all from one moment on. Returns
// when all have returned. `body` is shared by the threads and must not throw.
template <typename Body>
void RunTogether(int threads, const Body& body) {
  StartBarrier barrier(threads);
  std::vector<std::thread> running;
  running.reserve(static_cast<std::size_t>(threads));
  for (int worker = 0; worker < threads; ++worker) {
    running.emplace_back([&barrier, &body, worker] {
      barrier.ArriveAndWait();
      body(worker);
    });
  }
  for (std::thread& thread : running) thread.join();
}

}  // namespace weft::stress

#endif  // WEFT_TOOLS_STRESS_START_BARRIER_H_

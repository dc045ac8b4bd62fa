// What a million suspended tasks take: as the tasks ask for it, as the allocator counts it, and as
// the kernel does. Each sample is taken in a process of its own, whose memory nobody has used.
#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "benchmark/benchmark.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/frame_cache.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/spawn.h"
#include "future/task.h"
#include "runtime/runtime.h"

namespace weft {
namespace {

constexpr int kTasks = 1'000'000;
constexpr int kBatch = 1'000;

std::atomic<int> started{0};

// The smallest task of the harnesses in other languages: it counts itself and waits for nothing.
Task<void> WaitInCoroutine() {
  started.fetch_add(1, std::memory_order_relaxed);
  co_await Never<>();
}
auto WaitInFuture() {
  return PollFn([is_counted = false](Context& cx) mutable -> Poll<void> {
    if (cx.StopRequested()) return kStopped;
    if (!std::exchange(is_counted, true)) started.fetch_add(1, std::memory_order_relaxed);
    return kPending;
  });
}

struct Bytes {
  double asked, allocated, resident;
};

double Resident() {
  long pages = 0;
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr || std::fscanf(file, "%*d %ld", &pages) != 1) std::abort();
  std::fclose(file);
  return static_cast<double>(pages * sysconf(_SC_PAGESIZE));
}
double Allocated() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<double>(info.uordblks + info.hblkhd + future_internal::FrameSlabBytes());
}

// In batches: the queue of a worker is not what is measured.
template <auto kMake>
Task<void> SpawnAll(Executor& executor, uint64_t* asked) {
  for (int spawned = 0; spawned < kTasks; spawned += kBatch) {
    *asked += FrameBytesOf([&executor] {
      for (int i = 0; i < kBatch; ++i) Spawn(executor, kMake()).Detach();
      return 0;
    });
    while (started.load(std::memory_order_relaxed) < spawned + kBatch) co_await YieldNow();
  }
}

template <auto kMake>
Bytes Measure() {
  auto* const runtime = new Runtime(RuntimeOptions{.workers = 2});  // the process ends with it
  (void)runtime->BlockOn(YieldNow());
  const Bytes before = {.asked = 0, .allocated = Allocated(), .resident = Resident()};
  uint64_t asked = 0;
  (void)runtime->BlockOn(SpawnAll<kMake>(*runtime, &asked));
  return {.asked = static_cast<double>(asked) / kTasks,
          .allocated = (Allocated() - before.allocated) / kTasks,
          .resident = (Resident() - before.resident) / kTasks};
}

template <auto kMake>
void BM_SuspendedTasks(benchmark::State& state) {
  Bytes bytes = {};
  for (auto _ : state) {
    int ends[2];
    if (pipe(ends) != 0) return state.SkipWithError("pipe() failed");
    const pid_t child = fork();  // this process has one thread
    if (child == 0) {
      const Bytes measured = Measure<kMake>();
      const bool is_written = write(ends[1], &measured, sizeof(measured)) == sizeof(measured);
      _exit(is_written ? 0 : 1);
    }
    close(ends[1]);
    const bool is_read = read(ends[0], &bytes, sizeof(bytes)) == sizeof(bytes);
    close(ends[0]);
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0 || !is_read) {
      return state.SkipWithError("the process that measures has failed");
    }
  }
  state.counters["asked"] = bytes.asked;
  state.counters["allocated"] = bytes.allocated;
  state.counters["resident"] = bytes.resident;
}
BENCHMARK(BM_SuspendedTasks<WaitInCoroutine>)
    ->Name("BM_Runtime_SuspendedTasks/coroutine")
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1);
BENCHMARK(BM_SuspendedTasks<WaitInFuture>)
    ->Name("BM_Runtime_SuspendedTasks/future")
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1);

}  // namespace
}  // namespace weft

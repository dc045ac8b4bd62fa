// Question: do channel, sync, nursery, timers, the blocking pool and io keep their promises
// together on the real scheduler, with many more workers than processors and cancellations at any
// moment? Method: values carry identities (producer, number); cancellations come from a generator
// whose seed is printed, and is taken from WEFT_STRESS_SEED where that is set. A lost wake-up shows
// as a hang. Sizes are bounded.
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "channel/channel.h"
#include "channel/outcome.h"
#include "future/executor.h"
#include "future/poll_fn.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "future/task.h"
#include "gtest/gtest.h"
#include "io/file.h"
#include "io/process.h"
#include "nursery/nursery.h"
#include "reactor/reactor.h"
#include "runtime/runtime.h"
#include "sync/async_mutex.h"
#include "sync/semaphore.h"

namespace weft {
namespace {

constexpr int kProducers = 8;
constexpr int kConsumers = 5;
constexpr int kPermits = 3;

Runtime::Options ManyWorkers() {
  Runtime::Options options;
  options.workers = 16;
  return options;
}

std::uint32_t Seed() {
  const char* const given = std::getenv("WEFT_STRESS_SEED");
  const std::uint32_t seed = given != nullptr
                                 ? static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10))
                                 : std::random_device()();
  std::cout << "WEFT_STRESS_SEED=" << seed << "\n";
  return seed;
}

struct Item {
  int producer;
  int number;
};

// What happened to the items of each producer.
struct Ledger {
  explicit Ledger(int per_producer)
      : accepted(static_cast<std::size_t>(kProducers * per_producer)),
        received(static_cast<std::size_t>(kProducers * per_producer)),
        width(per_producer) {}

  std::atomic<int>& Accepted(Item item) { return accepted[IndexOf(item)]; }
  std::atomic<int>& Received(Item item) { return received[IndexOf(item)]; }
  std::size_t IndexOf(Item item) const {
    return static_cast<std::size_t>(item.producer * width + item.number);
  }

  // Neither lost nor doubled.
  void ExpectBalance() const {
    for (std::size_t i = 0; i < accepted.size(); ++i) {
      ASSERT_EQ(accepted[i].load(), received[i].load()) << "item " << i;
      ASSERT_LE(received[i].load(), 1) << "item " << i;
    }
  }

  std::vector<std::atomic<int>> accepted;
  std::vector<std::atomic<int>> received;
  std::atomic<int> out_of_order{0};
  const int width;
};

// What all tasks of a round use.
struct Shared {
  explicit Shared(int items_each) : ledger(items_each), per_producer(items_each) {}

  Ledger ledger;
  Semaphore semaphore{kPermits};
  AsyncMutex mutex;
  int inside_mutex = 0;        // Guarded by mutex.
  std::atomic<int> inside{0};  // Tasks that hold a permit.
  std::atomic<int> most_inside{0};
  const int per_producer;
};

// One of the things that a task may wait for.
Task<> Diversion(Shared* shared, int which) {
  switch (which % 6) {
    case 0: {
      SemaphorePermit permit = co_await shared->semaphore.Acquire();
      const int inside = shared->inside.fetch_add(1) + 1;
      if (inside > kPermits) shared->most_inside.store(inside);
      shared->inside.fetch_sub(1);
      break;
    }
    case 1: {
      AsyncMutexGuard guard = co_await shared->mutex.Lock();
      ++shared->inside_mutex;
      break;
    }
    case 2:
      co_await SleepFor(absl::Microseconds(which % 300));
      break;
    case 3: {
      Executor* const executor = co_await CurrentExecutor();
      JoinHandle<int> job = SpawnBlocking(*executor, [which] { return which; });
      const absl::StatusOr<int> result = co_await std::move(job);
      EXPECT_EQ(result.value_or(which), which);
      break;
    }
    case 4:
      co_await YieldNow();
      break;
    default:
      break;
  }
}

Task<> Produce(Shared* shared, Sender<Item> sender, int producer) {
  for (int number = 0; number < shared->per_producer; ++number) {
    Item item{producer, number};
    if (co_await sender.SendFrom(item) != SendOutcome::kOk) co_return;
    shared->ledger.Accepted(item).fetch_add(1);
    if (number % 4 == 0) co_await Diversion(shared, producer + number / 4);
  }
}

Task<> Consume(Shared* shared, Receiver<Item> receiver, int divert_every) {
  std::map<int, int> last;  // By producer.
  for (int i = 0; std::optional<Item> item = co_await receiver.Receive(); ++i) {
    shared->ledger.Received(*item).fetch_add(1);
    const auto [seen, is_first] = last.try_emplace(item->producer, item->number);
    if (!is_first && seen->second >= item->number) shared->ledger.out_of_order.fetch_add(1);
    seen->second = item->number;
    if (i % divert_every == 0) co_await Diversion(shared, i / divert_every);
  }
}

void ExpectInvariants(Shared& shared) {
  shared.ledger.ExpectBalance();
  EXPECT_EQ(shared.ledger.out_of_order.load(), 0);
  EXPECT_EQ(shared.most_inside.load(), 0) << "more tasks inside than there are permits";
  EXPECT_EQ(shared.semaphore.available(), static_cast<std::size_t>(kPermits));
  EXPECT_TRUE(shared.mutex.TryLock().has_value());
}

Task<> RunToTheEnd(Nursery& nursery, Shared* shared) {
  auto [sender, receiver] = MakeChannel<Item>(7);
  for (int p = 0; p < kProducers; ++p) nursery.Spawn(Produce(shared, sender, p));
  for (int c = 0; c < kConsumers; ++c) nursery.Spawn(Consume(shared, receiver, 3));
  co_return;
}

TEST(PipelineStressTest, EachItemArrivesOnceInTheOrderOfItsProducer) {
  Shared shared(400);
  Runtime runtime(ManyWorkers());
  EXPECT_TRUE(runtime.BlockOn(WithNursery(RunToTheEnd, &shared)).ok());
  ExpectInvariants(shared);
  for (const std::atomic<int>& count : shared.ledger.received) EXPECT_EQ(count.load(), 1);
}

// Cancels all of them, one after the other, at moments that the generator chooses.
Task<> CancelAll(std::vector<ChildResult<void>>* victims, std::minstd_rand* random) {
  std::vector<std::size_t> order(victims->size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::shuffle(order.begin(), order.end(), *random);
  for (const std::size_t victim : order) {
    for (unsigned i = (*random)() % 40; i > 0; --i) co_await YieldNow();
    (*victims)[victim].Cancel();
  }
}

// One consumer is left alone, so that producers that are not cancelled yet get on.
Task<> RunWithCancels(Nursery& nursery, Shared* shared, std::minstd_rand* random) {
  auto [sender, receiver] = MakeChannel<Item>(4);
  std::vector<ChildResult<void>> victims;
  for (int p = 0; p < kProducers; ++p) {
    victims.push_back(nursery.SpawnWithResult(Produce(shared, sender, p)));
  }
  for (int c = 1; c < kConsumers; ++c) {
    victims.push_back(nursery.SpawnWithResult(Consume(shared, receiver, 2)));
  }
  nursery.Spawn(Consume(shared, receiver, 5));
  co_await CancelAll(&victims, random);
}

TEST(PipelineStressTest, CancelledTasksLoseNeitherItemsNorPermits) {
  std::minstd_rand random(Seed());
  Runtime runtime(ManyWorkers());
  for (int round = 0; round < 25; ++round) {
    Shared shared(200);
    std::minstd_rand* const generator = &random;
    EXPECT_TRUE(runtime.BlockOn(WithNursery(RunWithCancels, &shared, generator)).ok());
    ExpectInvariants(shared);
  }
}

// Waits in one of the places where a task can wait for ever.
Task<> WaitForEver(Semaphore* nothing, Receiver<Item> silent, Sender<Item> full, int which,
                   std::atomic<int>* ended) {
  struct CountsItsEnd {
    ~CountsItsEnd() { count->fetch_add(1); }
    std::atomic<int>* count;
  };
  const CountsItsEnd end{ended};
  Item item{0, 0};
  switch (which % 4) {
    case 0:
      (void)co_await nothing->Acquire();
      break;
    case 1:
      (void)co_await silent.Receive();
      break;
    case 2:
      while (co_await full.SendFrom(item) == SendOutcome::kOk) continue;
      break;
    default:
      co_await SleepFor(absl::Hours(24));
      break;
  }
  ADD_FAILURE() << "task " << which << " has not waited for ever";
}

TEST(PipelineStressTest, ShutdownByCancelEndsTasksThatWaitForEver) {
  constexpr int kTasks = 200;
  for (int round = 0; round < 10; ++round) {
    Semaphore nothing(0);
    auto silent = MakeChannel<Item>(1);
    auto full = MakeChannel<Item>(1);
    std::atomic<int> ended{0};
    Shared shared(50);
    Runtime runtime(ManyWorkers());
    for (int i = 0; i < kTasks; ++i) {
      Spawn(runtime, WaitForEver(&nothing, silent.receiver, full.sender, i, &ended)).Detach();
      if (i % 50 == 0) Spawn(runtime, WithNursery(RunToTheEnd, &shared)).Detach();
    }
    runtime.Shutdown(ShutdownMode::kCancel);
    // A task whose first poll finds the stop request never comes to its first line.
    EXPECT_LE(ended.load(), kTasks);
    EXPECT_EQ(runtime.Stats().live_tasks, 0u);
    EXPECT_EQ(shared.semaphore.available(), static_cast<std::size_t>(kPermits));
    EXPECT_EQ(nothing.available(), 0u);
  }
}

TEST(PipelineStressTest, ShutdownByDrainLetsAllTasksEnd) {
  for (int round = 0; round < 5; ++round) {
    Shared shared(60);
    Runtime runtime(ManyWorkers());
    Spawn(runtime, WithNursery(RunToTheEnd, &shared)).Detach();
    runtime.Shutdown(ShutdownMode::kDrain);
    ExpectInvariants(shared);
    for (const std::atomic<int>& count : shared.ledger.received) EXPECT_EQ(count.load(), 1);
  }
}

int OpenDescriptors() {
  int count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    ++count;
  }
  return count;
}

Task<> RunOneProcess(Reactor* reactor, int which) {
  ProcessOptions options;
  options.kill_grace = absl::Milliseconds(5);
  switch (which % 4) {
    case 0:
      options.argv = {"/bin/sleep", "3600"};
      break;
    case 1:
      options.argv = {"/bin/cat"};
      options.stdin_bytes = std::string(200'000, 'x');
      break;
    case 2:  // Deaf to SIGTERM, with a job in the background.
      options.argv = {"/bin/sh", "-c", "trap '' TERM; sleep 3600 & while :; do wait; done"};
      break;
    default:
      options.argv = {"/nowhere/to/be/found"};
      break;
  }
  RunProcess run(*reactor, std::move(options));
  const absl::StatusOr<ProcessResult> result = co_await std::move(run);
  if (which % 4 == 3) EXPECT_EQ(result.status().code(), absl::StatusCode::kNotFound);
  if (which % 4 == 1) EXPECT_EQ(result->stdout_bytes.size(), 200'000u);
}

Task<> UseOneFile(std::string path, int which) {
  const std::string text(static_cast<std::size_t>(which) * 1'000, 'x');
  const absl::Status written = co_await WriteFile(path, text);
  EXPECT_TRUE(written.ok()) << written;
  const absl::StatusOr<std::string> read = co_await ReadFile(path);
  EXPECT_TRUE(read.ok() && *read == text) << read.status();
}

Task<> RunIo(Nursery& nursery, Reactor* reactor, std::string folder, std::minstd_rand* random) {
  std::vector<ChildResult<void>> victims;
  for (int i = 0; i < 24; ++i) {
    victims.push_back(nursery.SpawnWithResult(RunOneProcess(reactor, i)));
    victims.push_back(nursery.SpawnWithResult(UseOneFile(folder + "/" + std::to_string(i), i)));
  }
  co_await CancelAll(&victims, random);
}

TEST(PipelineStressTest, CancelledIoLeavesNoProcessNoDescriptorAndNoTemporaryFile) {
  const std::string folder = testing::TempDir() + "/cancelled_io";
  std::filesystem::create_directories(folder);
  std::minstd_rand random(Seed());
  const int before = OpenDescriptors();
  {
    Runtime runtime(ManyWorkers());
    for (int round = 0; round < 3; ++round) {
      Reactor* const reactor = &runtime.reactor();
      std::minstd_rand* const generator = &random;
      EXPECT_TRUE(runtime.BlockOn(WithNursery(RunIo, reactor, folder, generator)).ok());
    }
  }
  EXPECT_EQ(OpenDescriptors(), before);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a process is left";
  EXPECT_EQ(errno, ECHILD);
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    EXPECT_EQ(entry.path().string().find(".tmp-"), std::string::npos) << entry.path();
  }
}

}  // namespace
}  // namespace weft

// Question: what happens when the system has no room for a thread, and do stacks have their size?
// Method: the linker sends calls of pthread_create to a function of this test, which refuses them
// from a chosen one on; and stacks are asked for that no machine has.
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "future/context.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/spawn.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/internal/test_support.h"
#include "runtime/internal/thread_setup.h"
#include "runtime/parallelism.h"
#include "runtime/runtime.h"
#include "runtime/single_thread_runtime.h"

namespace {

constexpr int kUnlimited = std::numeric_limits<int>::max();
std::atomic<int> starts_left{kUnlimited};

std::atomic<int> refused{0};

}  // namespace

extern "C" {
int __real_pthread_create(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
int __wrap_pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*main)(void*),
                          void* argument) {
  if (starts_left.fetch_sub(1) <= 0) {
    ++refused;
    return EAGAIN;
  }

  return __real_pthread_create(thread, attributes, main, argument);
}
}

namespace weft {
namespace {

using runtime_internal::Add;
using runtime_internal::RuntimeThread;
using runtime_internal::Workers;
using testing::AllOf;
using testing::HasSubstr;

// While it lives, the next `starts` threads start, and no other.
class ThreadLimit {
 public:
  explicit ThreadLimit(int starts) {
    refused = 0;
    starts_left = starts;
  }
  ~ThreadLimit() { starts_left = kUnlimited; }
};

TEST(ThreadStartTest, CreateSaysWhichWorkerAndEndsThoseThatWereStarted) {
  constexpr int kWorkers = 5;
  for (int starts = 0; starts < kWorkers; ++starts) {
    std::atomic<int> begun{0};
    std::atomic<int> ended{0};
    Runtime::Options options = Workers(kWorkers);
    options.on_worker_start = [&](int) { ++begun; };
    options.on_worker_stop = [&](int) { ++ended; };
    absl::StatusOr<std::unique_ptr<Runtime>> runtime;
    {
      const ThreadLimit limit(starts);
      runtime = Runtime::Create(options);
    }
    EXPECT_TRUE(absl::IsUnavailable(runtime.status())) << runtime.status();
    EXPECT_THAT(runtime.status().message(),
                AllOf(HasSubstr("Runtime(options): starting the thread weft-worker-" +
                                std::to_string(starts) + " with a stack of the default size"),
                      HasSubstr("fewer threads or a smaller stack"), HasSubstr("ulimit -u")));
    EXPECT_EQ(refused, 1);  // no other is tried
    EXPECT_EQ(begun, starts);
    EXPECT_EQ(ended, starts);
  }
}

TEST(ThreadStartTest, PinnedWorkersToo) {
  Runtime::Options options = Workers(4);
  options.processors = {AllowedProcessors()->front()};
  const ThreadLimit limit(2);
  const auto runtime = Runtime::Create(options);
  EXPECT_TRUE(absl::IsUnavailable(runtime.status())) << runtime.status();
  EXPECT_THAT(runtime.status().message(), HasSubstr("weft-worker-2"));
}

TEST(ThreadStartTest, WithoutItsWatchdogARuntimeDoesNotStart) {
  Runtime::Options options = Workers(2);
  options.observe.starvation_limit = absl::Seconds(1);
  const ThreadLimit limit(0);
  const auto runtime = Runtime::Create(options);
  EXPECT_TRUE(absl::IsUnavailable(runtime.status())) << runtime.status();
  EXPECT_THAT(runtime.status().message(), HasSubstr("starting the thread weft-watchdog"));
  EXPECT_EQ(refused, 1);
}

TEST(ThreadStartTest, AStackThatNoMachineHasIsAnError) {
  Runtime::Options options = Workers(2);
  options.worker_stack_size_bytes = std::size_t{1} << 60;
  const auto runtime = Runtime::Create(options);
  EXPECT_FALSE(runtime.ok());
  EXPECT_THAT(runtime.status().message(),
              HasSubstr("weft-worker-0 with a stack of 1152921504606846976 bytes"));
}

// Of the calling thread.
std::size_t StackSizeHere() {
  pthread_attr_t attributes;
  EXPECT_EQ(pthread_getattr_np(pthread_self(), &attributes), 0);
  std::size_t size = 0;
  EXPECT_EQ(pthread_attr_getstacksize(&attributes, &size), 0);
  pthread_attr_destroy(&attributes);
  return size;
}

TEST(ThreadStartTest, WorkersHaveTheStackThatWasAskedFor) {
  for (const std::size_t size :
       {Runtime::Options::kLeastWorkerStackBytes, std::size_t{3} << 20, std::size_t{100} << 20}) {
    std::vector<std::size_t> sizes(3);
    Runtime::Options options = Workers(3);
    options.worker_stack_size_bytes = size;
    options.on_worker_start = [&](int worker) {
      sizes[static_cast<std::size_t>(worker)] = StackSizeHere();
    };
    {
      Runtime runtime(options);
      EXPECT_EQ(*runtime.BlockOn(Add(1, 1)), 2);
    }
    // The C library may give a larger one that it has kept.
    for (const std::size_t found : sizes) EXPECT_GE(found, size);
  }
}

TEST(ThreadStartTest, AThreadThatDidNotStartCanBeJoinedAndStartedAgain) {
  RuntimeThread thread;
  {
    const ThreadLimit limit(0);
    EXPECT_TRUE(absl::IsUnavailable(thread.Start("weft-test", 0, [] { FAIL(); })));
  }
  thread.Join();
  bool has_run = false;
  EXPECT_EQ(thread.Start("weft-test", 0, [&] { has_run = true; }), absl::OkStatus());
  thread.Join();
  EXPECT_TRUE(has_run);
  EXPECT_EQ(thread.Start("weft-test", 0, [&] { has_run = false; }), absl::OkStatus());
  thread.Join();
  EXPECT_FALSE(has_run);
}

// The one thread that could be started is blocked until all other jobs have been asked for; they
// run on it one after the other. Later ones have threads again.
TEST(BlockingThreadStartTest, JobsWaitForTheThreadsThatAreThere) {
  constexpr int kJobs = 20;
  Runtime runtime(Workers(1));
  std::atomic<bool> all_are_asked_for{false};
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  std::vector<JoinHandle<void>> jobs;
  {
    const ThreadLimit limit(1);
    for (int i = 0; i < kJobs; ++i) {
      jobs.push_back(SpawnBlocking(runtime, [&] {
        if (++running > 1) most = 2;
        while (!all_are_asked_for) std::this_thread::yield();
        --running;
      }));
    }
    EXPECT_EQ(runtime.Stats().blocking_threads, 1);
    EXPECT_EQ(refused, kJobs - 1);
  }
  all_are_asked_for = true;
  for (JoinHandle<void>& job : jobs) EXPECT_TRUE(runtime.BlockOn(std::move(job)).ok());
  EXPECT_EQ(most, 0);
  std::atomic<int> meeting{0};
  jobs.clear();
  for (int i = 0; i < 2; ++i) {
    jobs.push_back(SpawnBlocking(runtime, [&meeting] {
      ++meeting;
      while (meeting < 2) std::this_thread::yield();
    }));
  }
  for (JoinHandle<void>& job : jobs) EXPECT_TRUE(runtime.BlockOn(std::move(job)).ok());
}

class ThreadStartDeathTest : public testing::Test {
 protected:
  ThreadStartDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(ThreadStartDeathTest, TheConstructorStopsTheProgram) {
  EXPECT_DEATH(
      {
        const ThreadLimit limit(0);
        Runtime runtime(Workers(2));
      },
      "starting the thread weft-worker-0.*Runtime::Create\\(\\) returns this");
}

TEST_F(ThreadStartDeathTest, ABlockingCallWithoutAnyThreadStopsTheProgram) {
  EXPECT_DEATH(
      {
        Runtime runtime(Workers(1));
        const ThreadLimit limit(0);
        SpawnBlocking(runtime, [] {}).Detach();
      },
      "SpawnBlocking\\(\\): no thread for blocking calls is there.*starting the thread "
      "weft-blocking");
  EXPECT_DEATH(
      {
        SingleThreadRuntime runtime;
        const ThreadLimit limit(0);
        SpawnBlocking(runtime, [] {}).Detach();
      },
      "SpawnBlocking\\(\\): no thread for blocking calls is there");
}

TEST_F(ThreadStartDeathTest, AStackTooSmallIsAnError) {
  Runtime::Options options = Workers(1);
  options.worker_stack_size_bytes = 1'000;
  EXPECT_DEATH(
      (void)Runtime::Create(options),
      "worker_stack_size_bytes of 0 .the system's default. or at least 262144, found 1000");
}

TEST_F(ThreadStartDeathTest, AThreadThatRunsIsNotStartedAgain) {
  EXPECT_DEATH(
      {
        RuntimeThread thread;
        (void)thread.Start("weft-test", 0, [] {});
        (void)thread.Start("weft-test", 0, [] {});
      },
      "runs already");
}

}  // namespace
}  // namespace weft

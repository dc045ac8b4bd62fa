// Question: do Join and what is built on it do what fork_join.h says, on and off workers?
#include "runtime/fork_join.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "base/backoff.h"
#include "base/instant.h"
#include "future/poll_fn.h"
#include "future/spawn.h"
#include "future/task.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/internal/range_jobs.h"
#include "runtime/runtime.h"

namespace weft {
namespace {

RuntimeOptions WithWorkers(int workers) {
  RuntimeOptions options;
  options.workers = workers;
  return options;
}

class ForkJoinTest : public testing::TestWithParam<int> {
 protected:
  template <typename F>
  auto OnWorker(F f) {
    return RunOn(runtime_, std::move(f));
  }
  Runtime runtime_{WithWorkers(GetParam())};
};
INSTANTIATE_TEST_SUITE_P(Workers, ForkJoinTest, testing::Values(1, 2, 4));

long Fib(long n) {
  if (n < 2) return n;
  const auto [a, b] = Join([n] { return Fib(n - 1); }, [n] { return Fib(n - 2); });
  return a + b;
}

TEST_P(ForkJoinTest, BothResultsArrive) {
  EXPECT_EQ(OnWorker([] { return Fib(18); }), 2584);
  const auto [text, pointer] = OnWorker([] {
    return Join([] { return std::string("first"); }, [] { return std::make_unique<int>(2); });
  });
  EXPECT_EQ(text, "first");
  EXPECT_EQ(*pointer, 2);
}

TEST_P(ForkJoinTest, VoidHalves) {
  OnWorker([] {
    int a = 0;
    int b = 0;
    static_assert(std::is_void_v<decltype(Join([] {}, [] {}))>);
    Join([&a] { a = 1; }, [&b] { b = 2; });
    EXPECT_EQ(a + b, 3);
    const std::pair<std::monostate, int> half = Join([&a] { a = 5; }, [] { return 6; });
    EXPECT_EQ(a + half.second, 11);
  });
}

TEST_P(ForkJoinTest, MoveOnlyAndLargeFunctions) {
  const auto [a, b] = OnWorker([] {
    auto owned = std::make_unique<int>(1);
    std::array<int, 64> large;
    std::iota(large.begin(), large.end(), 0);
    return Join([owned = std::move(owned)] { return *owned; },
                [large] { return std::accumulate(large.begin(), large.end(), 0); });
  });
  EXPECT_EQ(a, 1);
  EXPECT_EQ(b, 2016);
}

// Counts itself, so that a result that is lost or destroyed twice shows.
struct Counted {
  explicit Counted(std::atomic<int>* alive) : alive_(alive) { ++*alive_; }
  Counted(Counted&& other) noexcept : alive_(other.alive_) { ++*alive_; }
  ~Counted() { --*alive_; }
  std::atomic<int>* alive_;
};

// Leaves of 2^depth at which the numbers of `throwing` throw; which of them, says what arrives.
int Tree(int depth, int number, const std::set<int>& throwing, std::atomic<int>* alive) {
  if (depth == 0) {
    if (throwing.contains(number)) throw number;
    return 1;
  }
  auto [left, right] = Join(
      [&, depth, number] {
        return std::pair(Tree(depth - 1, 2 * number, throwing, alive), Counted(alive));
      },
      [&, depth, number] {
        return std::pair(Tree(depth - 1, 2 * number + 1, throwing, alive), Counted(alive));
      });
  return left.first + right.first;
}

TEST_P(ForkJoinTest, TheFirstExceptionLeaves) {
  std::atomic<int> alive{0};
  for (int round = 0; round < 200; ++round) {
    const int first = round % 64;
    const std::set<int> throwing = {first, (first * 7 + 13) % 64, 63};
    int caught = -1;
    try {
      OnWorker([&] { return Tree(6, 0, throwing, &alive); });
    } catch (int number) {
      caught = number;
    }
    EXPECT_EQ(caught, *throwing.begin());
    EXPECT_EQ(alive.load(), 0);
  }
  EXPECT_EQ(OnWorker([&] { return Tree(6, 0, {}, &alive); }), 64);
  EXPECT_EQ(alive.load(), 0);
}

int Left(int depth) {
  if (depth == 0) return 0;
  const auto [a, b] = Join([depth] { return Left(depth - 1); }, [] { return 1; });
  return a + b;
}

TEST_P(ForkJoinTest, DeeperThanTheStackOfForksRunsInOrder) {
  EXPECT_EQ(OnWorker([] { return Left(5'000); }), 5'000);
}

TEST(ForkJoinOutsideTest, AnotherThreadRunsEverythingItself) {
  EXPECT_EQ(Fib(15), 610);
  const std::thread::id self = std::this_thread::get_id();
  std::atomic<int> calls{0};
  ParallelFor(0, 100, [&](int) {
    EXPECT_EQ(std::this_thread::get_id(), self);
    ++calls;
  });
  EXPECT_EQ(calls.load(), 100);
  EXPECT_THROW(Join([] { throw std::runtime_error("first"); }, [] {}), std::runtime_error);
}

// Eight jobs that end only when all of them run: some worker takes each, although the owner is in
// a leaf that never looks. With eight other workers, no job is stranded.
TEST(StrandedWorkTest, JobsOfAnOwnerInALongLeafAreTaken) {
  constexpr int kJobs = 8;
  Runtime runtime(WithWorkers(kJobs + 1));
  std::atomic<int> running{0};
  const auto job = [&running] {
    running.fetch_add(1, std::memory_order_relaxed);
    while (running.load(std::memory_order_relaxed) < kJobs) std::this_thread::yield();
  };
  const auto fork = [&](auto& self, int depth) -> void {
    if (depth == kJobs) {
      while (running.load(std::memory_order_relaxed) < kJobs) std::this_thread::yield();
    } else {
      Join([&] { self(self, depth + 1); }, job);
    }
  };
  RunOn(runtime, [&] { fork(fork, 0); });
  EXPECT_EQ(running.load(), kJobs);
}

// Each fork comes when the other workers have gone to sleep, or are about to.
TEST(StrandedWorkTest, ASleepingWorkerIsWokenForEachFork) {
  Runtime runtime(WithWorkers(2));
  for (int round = 0; round < 2'000; ++round) {
    RunOn(runtime, [round] {
      for (int i = 0; i < round % 200; ++i) CpuRelax();
      std::atomic<bool> is_taken{false};
      Join(
          [&] {
            while (!is_taken.load(std::memory_order_relaxed)) std::this_thread::yield();
          },
          [&] { is_taken.store(true, std::memory_order_relaxed); });
    });
  }
}

Task<long> ForksInATask(long n) {
  const long first = Fib(n);
  co_await YieldNow();
  co_return first + Fib(n);
}

TEST_P(ForkJoinTest, InsideTasks) {
  std::vector<JoinHandle<long>> handles;
  for (int i = 0; i < 20; ++i) handles.push_back(Spawn(runtime_, ForksInATask(12)));
  for (JoinHandle<long>& handle : handles) {
    EXPECT_EQ(runtime_.BlockOn(std::move(handle)).value(), 288);
  }
}

// Join is inlined into a coroutine that goes from worker to worker.
Task<long> ForksAndMoves(int rounds) {
  long sum = 0;
  for (int i = 0; i < rounds; ++i) {
    const auto [a, b] = Join([i] { return i; }, [] { return 1; });
    sum += a + b;
    co_await YieldNow();
  }
  co_return sum;
}

TEST_P(ForkJoinTest, InsideATaskThatMoves) {
  std::vector<JoinHandle<long>> handles;
  for (int i = 0; i < 20; ++i) handles.push_back(Spawn(runtime_, ForksAndMoves(200)));
  for (JoinHandle<long>& handle : handles) {
    EXPECT_EQ(runtime_.BlockOn(std::move(handle)).value(), 200 * 199 / 2 + 200);
  }
}

TEST_P(ForkJoinTest, ForVisitsEachIndexOnce) {
  for (const int size : {0, 1, 2, 17, 1'000}) {
    for (const std::ptrdiff_t grain : {0, 1, 7, 2'000}) {
      std::vector<std::atomic<int>> visits(static_cast<std::size_t>(size));
      OnWorker([&] {
        ParallelFor(5, 5 + size, [&](int i) { ++visits[static_cast<std::size_t>(i - 5)]; },
                    {.grain = grain});
        ParallelFor(visits, [](std::atomic<int>& visit) { ++visit; }, {.grain = grain});
      });
      for (const std::atomic<int>& visit : visits) EXPECT_EQ(visit.load(), 2);
    }
  }
}

TEST_P(ForkJoinTest, ForThatThrowsHasEndedWhenItLeaves) {
  constexpr int kSize = 600;
  for (int round = 0; round < 200; ++round) {
    const int first = round * 3;
    std::vector<std::atomic<int>> visits(kSize);
    std::atomic<int> running{0};
    int caught = -1;
    try {
      OnWorker([&] {
        ParallelFor(0, kSize,
                    [&](int i) {
                      const Counted counted(&running);
                      ++visits[static_cast<std::size_t>(i)];
                      if (i == first || i == kSize - 1) throw i;
                    },
                    {.grain = 1});
      });
    } catch (int index) {
      caught = index;
    }
    EXPECT_EQ(running.load(), 0);
    EXPECT_TRUE(caught == first || caught == kSize - 1) << caught;
    for (const std::atomic<int>& visit : visits) EXPECT_LE(visit.load(), 1);
  }
}

// Calls f() in so many forks.
template <typename F>
void InForks(int depth, F& f) {
  if (depth == 0) return f();
  Join([depth, &f] { InForks(depth - 1, f); }, [] {});
}

TEST_P(ForkJoinTest, ForWhereTheStackOfForksEnds) {
  for (const int depth : {1'000, 1'020, 1'023, 1'024, 2'000}) {
    std::vector<std::atomic<int>> visits(1'000);
    auto loop = [&visits] {
      ParallelFor(visits, [](std::atomic<int>& visit) { ++visit; }, {.grain = 1});
    };
    OnWorker([&] { InForks(depth, loop); });
    for (const std::atomic<int>& visit : visits) EXPECT_EQ(visit.load(), 1);
  }
}

TEST_P(ForkJoinTest, ReduceKeepsTheOrder) {
  const std::string text = OnWorker([] {
    return ParallelReduce(
        0, 500, std::string(), [](int i) { return std::to_string(i); },
        [](std::string a, const std::string& b) { return std::move(a) + b; }, {.grain = 3});
  });
  std::string expected;
  for (int i = 0; i < 500; ++i) expected += std::to_string(i);
  EXPECT_EQ(text, expected);
}

// Of the default grain, in runtimes that sleep: the first part of each is run in order, and ends
// wherever the clock has it end.
TEST_P(ForkJoinTest, LoopsWhileOthersSleep) {
  for (const int size : {1, 100, 10'000}) {
    Runtime asleep(WithWorkers(GetParam()));
    std::vector<std::atomic<int>> visits(static_cast<std::size_t>(size));
    RunOn(asleep, [&] { ParallelFor(visits, [](std::atomic<int>& visit) { ++visit; }); });
    for (const std::atomic<int>& visit : visits) ASSERT_EQ(visit.load(), 1);
    const std::vector<int> all = RunOn(asleep, [size] {
      return ParallelReduce(
          0, size, std::vector<int>(), [](int i) { return std::vector<int>{i}; },
          [](std::vector<int> a, const std::vector<int>& b) {
            a.insert(a.end(), b.begin(), b.end());
            return a;
          });
    });
    ASSERT_EQ(all.size(), static_cast<std::size_t>(size));
    for (int i = 0; i < size; ++i) ASSERT_EQ(all[static_cast<std::size_t>(i)], i);
  }
}

TEST(FirstPartTest, EndsWithALoopThatIsShortOrTheFirstPieceThatIsNot) {
  Instant now;
  std::vector<std::pair<std::ptrdiff_t, std::ptrdiff_t>> pieces;
  absl::Duration length;
  const auto run_while_short = [&] {
    pieces.clear();
    auto run = [&](std::ptrdiff_t from, std::ptrdiff_t to) {
      pieces.emplace_back(from, to);
      now = now + length;
    };
    return runtime_internal::RunWhileShort(25, 10, run, [&] { return now; });
  };
  EXPECT_EQ(run_while_short(), 25);
  EXPECT_THAT(pieces, testing::ElementsAre(testing::Pair(0, 10), testing::Pair(10, 20),
                                           testing::Pair(20, 25)));
  length = runtime_internal::kShortLoop / 2;
  EXPECT_EQ(run_while_short(), 20);
  length = absl::Hours(1);
  EXPECT_EQ(run_while_short(), 10);
  EXPECT_THAT(pieces, testing::ElementsAre(testing::Pair(0, 10)));
}

// The first index of each piece, found by what a piece begins with.
struct Starts {
  int index = -1;  // of one element
  std::vector<int> of_pieces;
};
Starts Combine(Starts a, const Starts& b) {
  if (a.of_pieces.empty()) return b.index < 0 ? b : Starts{.index = -1, .of_pieces = {b.index}};
  a.of_pieces.insert(a.of_pieces.end(), b.of_pieces.begin(), b.of_pieces.end());
  return a;
}

TEST_P(ForkJoinTest, PiecesBeginAtMultiples) {
  constexpr int kSize = 10'007;
  constexpr std::pair<int, int> kGrainAndUnit[] = {{1, 1}, {7, 1}, {1'000, 8}, {96, 32}, {256, 64}};
  for (const auto& [grain, unit] : kGrainAndUnit) {
    std::vector<int> starts = OnWorker([grain = grain] {
      return ParallelReduce(0, kSize, Starts(),
                            [](int i) { return Starts{.index = i, .of_pieces = {}}; }, Combine,
                            {.grain = grain})
          .of_pieces;
    });
    starts.push_back(kSize);
    for (std::size_t i = 1; i < starts.size(); ++i) {
      EXPECT_EQ(starts[i - 1] % unit, 0);
      EXPECT_GT(starts[i], starts[i - 1]);
      EXPECT_LE(starts[i] - starts[i - 1], grain);
    }
  }
}

TEST_P(ForkJoinTest, RunOnHandsOverResultsAndExceptions) {
  EXPECT_THROW(OnWorker([] { throw std::runtime_error("here"); }), std::runtime_error);
  EXPECT_EQ(OnWorker([this] { return RunOn(runtime_, [] { return 7; }); }), 7);
}

TEST(ForkJoinDeathTest, NegativeGrain) {
  EXPECT_DEATH(ParallelFor(0, 10, [](int) {}, {.grain = -1}), "expected a grain of 0");
}

// More workers than processors, so that thieves and owners are stopped at any point.
TEST(ForkJoinStressTest, SixteenWorkers) {
  Runtime runtime(WithWorkers(16));
  for (int round = 0; round < 20; ++round) {
    EXPECT_EQ(RunOn(runtime, [] { return Fib(16); }), 987);
  }
}

}  // namespace
}  // namespace weft

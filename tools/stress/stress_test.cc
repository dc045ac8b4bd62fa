// Goal: a stress test built on these parts notices a hang, a wrong use of a value and a leak, and
// can be run again with the same seed. Method: each fault is planted and must be reported.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>
#include <set>
#include <thread>
#include <type_traits>
#include <utility>

#include "absl/time/time.h"
#include "base/instant.h"
#include "gtest/gtest.h"
#include "tools/stress/allocations.h"
#include "tools/stress/counted_value.h"
#include "tools/stress/seed.h"
#include "tools/stress/start_barrier.h"
#include "tools/stress/watchdog.h"

namespace weft::stress {
namespace {

static_assert(std::is_nothrow_move_constructible_v<CountedValue>);
static_assert(std::is_nothrow_move_assignable_v<CountedValue>);
static_assert(!std::is_copy_constructible_v<CountedValue>);
static_assert(!std::is_default_constructible_v<CountedValue>);

// Three workers; the third never gets further than its second report.
void Hang() {
  Watchdog watchdog(
      {.test = "Planted.Hang", .seed = 42, .workers = 3, .patience = absl::Milliseconds(80)});
  const std::atomic<bool> never{false};
  watchdog.Finish(0);
  watchdog.Report(2, "pushed", 7);
  watchdog.Report(2, "popped", 8);
  while (!never.load()) std::this_thread::yield();
}

TEST(WatchdogDeathTest, AHangIsReportedWithTheSeedAndWhatEachWorkerDidLast) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(Hang(),
               "Planted.Hang: expected progress, found none for 80ms; seed 42; run again with "
               "WEFT_SEED=42\n"
               "  worker 0: finished after 0 reports\n"
               "  worker 1: no report yet\n"
               "  worker 2: report 2 was 'popped' 8");
}

// Runs for longer than the watchdog's patience: were progress not seen, it would abort.
TEST(WatchdogTest, ProgressOfOneWorkerIsEnough) {
  constexpr absl::Duration kPatience = absl::Milliseconds(600);
  Watchdog watchdog({.test = "Alive", .workers = 2, .patience = kPatience});
  const Instant end = MonotonicNow() + 1.3 * kPatience;
  for (uint64_t step = 0; MonotonicNow() < end; ++step) watchdog.Report(0, "spun", step);
}

TEST(WatchdogTest, EndsAtOnceAlthoughItsPatienceIsLong) {
  for (int i = 0; i < 100; ++i) {
    Watchdog watchdog({.test = "Short", .workers = 1, .patience = absl::Hours(1)});
    watchdog.Finish(0);
  }
}

TEST(WatchdogDeathTest, ANumberOfWorkersThatIsNoneIsRefused) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(Watchdog({.test = "None", .workers = 0}), "expected at least one worker, found 0");
}

TEST(CountedValueTest, CountsEachConstructionAndDestruction) {
  const ValueCounts before = CountedValue::Counts();
  {
    CountedValue a(1);
    CountedValue b(std::move(a));
    a = std::move(b);
    EXPECT_EQ(a.id(), 1u);
    EXPECT_EQ(CountedValue::Counts().live() - before.live(), 2);
  }
  const ValueCounts after = CountedValue::Counts();
  EXPECT_EQ(after.constructed - before.constructed, 2);
  EXPECT_EQ(after.destroyed - before.destroyed, 2);
}

TEST(CountedValueTest, CountsValuesThatChangeThreads) {
  const int64_t before = CountedValue::Counts().live();
  std::optional<CountedValue> travelling;
  std::thread([&] { travelling.emplace(5); }).join();
  EXPECT_EQ(CountedValue::Counts().live(), before + 1);
  std::thread([&] { travelling.reset(); }).join();
  EXPECT_EQ(CountedValue::Counts().live(), before);
}

TEST(CountedValueTest, AValueThatIsNeverDestroyedIsCounted) {
  alignas(CountedValue) unsigned char memory[sizeof(CountedValue)];
  const int64_t before = CountedValue::Counts().live();
  auto* const value = new (memory) CountedValue(1);
  EXPECT_EQ(CountedValue::Counts().live(), before + 1);
  value->~CountedValue();
}

TEST(CountedValueDeathTest, UseAfterAMoveAborts) {
  CountedValue a(17);
  const CountedValue b(std::move(a));
  EXPECT_DEATH(static_cast<void>(a.id()), "value 17 to be read before it is moved away");
  EXPECT_DEATH(CountedValue(std::move(a)), "value 17 to be moved from before it is moved away");
}

TEST(CountedValueDeathTest, ASecondDestructionAborts) {
  alignas(CountedValue) unsigned char memory[sizeof(CountedValue)];
  auto* const value = new (memory) CountedValue(18);
  value->~CountedValue();
  EXPECT_DEATH(value->~CountedValue(), "value 18 to be destroyed before it is destroyed");
}

TEST(CountedValueDeathTest, ACopyOfItsBytesIsNoValue) {
  const CountedValue value(19);
  alignas(CountedValue) unsigned char memory[sizeof(CountedValue)];
  std::memcpy(memory, static_cast<const void*>(&value), sizeof(memory));
  const auto* const copy = reinterpret_cast<const CountedValue*>(memory);
  EXPECT_DEATH(static_cast<void>(copy->id()), "found memory where none was constructed");
}

TEST(CountedValueDeathTest, AMoveToItselfAborts) {
  CountedValue a(20);
  CountedValue& same = a;
  EXPECT_DEATH(a = std::move(same), "value 20 is moved to itself");
}

TEST(SeedTest, OneProcessHasOneSeed) { EXPECT_EQ(SeedFromEnvironment(), SeedFromEnvironment()); }

TEST(SeedTest, TheMessageSaysHowToRepeat) {
  EXPECT_EQ(SeedMessage(42), "seed 42; run again with WEFT_SEED=42");
}

TEST(SeedTest, WorkersHaveSeedsOfTheirOwn) {
  std::set<uint64_t> seeds;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    for (uint64_t worker = 0; worker < 100; ++worker) seeds.insert(SeedOfWorker(seed, worker));
  }
  EXPECT_EQ(seeds.size(), 10000u);
}

// In a process of its own: a seed is chosen once.
void ExitWithSeedOf(const char* variable) {
  setenv("WEFT_SEED", variable, 1);
  std::exit(SeedFromEnvironment() == 42 ? 3 : 4);
}

TEST(SeedDeathTest, TheEnvironmentChoosesTheSeed) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(ExitWithSeedOf("42"), testing::ExitedWithCode(3), "WEFT_SEED=42");
  EXPECT_EXIT(ExitWithSeedOf("0x2a"), testing::ExitedWithCode(3), "WEFT_SEED=42");
  EXPECT_EXIT(ExitWithSeedOf("43"), testing::ExitedWithCode(4), "WEFT_SEED=43");
  for (const char* wrong : {"", "x", "4 2", "0x", "99999999999999999999"}) {
    EXPECT_DEATH(ExitWithSeedOf(wrong), "expected WEFT_SEED to be a number of 64 bits");
  }
}

// Plain data written before the barrier is read after it: TSan checks the edges.
TEST(StartBarrierTest, NobodyGoesOnBeforeAllHaveArrivedInEveryRound) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 500;
  int arrived[kThreads] = {};
  StartBarrier barrier(kThreads);
  RunTogether(kThreads, [&](int worker) {
    for (int round = 1; round <= kRounds; ++round) {
      arrived[worker] = round;
      barrier.ArriveAndWait();
      for (int other : arrived) EXPECT_EQ(other, round);
      barrier.ArriveAndWait();
    }
  });
}

TEST(StartBarrierDeathTest, ABarrierForNobodyIsRefused) {
  EXPECT_DEATH(StartBarrier(0), "expected at least one thread, found 0");
}

// ---- Allocations ----

TEST(AllocationsTest, CountAllFormsAndWhatIsLeft) {
  const int64_t count = AllocationCount();
  const int64_t live = LiveAllocations();
  void* const block = ::operator new(8);
  void* const array = ::operator new[](8);
  void* const aligned = ::operator new(8, std::align_val_t(64));
  void* const quiet = ::operator new(8, std::nothrow);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(aligned) % 64, 0u);
  EXPECT_EQ(AllocationCount(), count + 4);
  EXPECT_EQ(LiveAllocations(), live + 4);
  ::operator delete(block, std::size_t{8});
  ::operator delete[](array);
  ::operator delete(aligned, std::align_val_t(64));
  ::operator delete(quiet, std::nothrow);
  ::operator delete(nullptr);
  EXPECT_EQ(AllocationCount(), count + 4);
  EXPECT_EQ(LiveAllocations(), live);
}

TEST(AllocationsTest, TheChosenOneFailsAndNoOther) {
  const auto allocate = [](int times) {
    for (int i = 1; i <= times; ++i) {
      try {
        ::operator delete(::operator new(8));
      } catch (const std::bad_alloc&) {
        return i;
      }
    }
    return 0;
  };
  for (int n = 1; n <= 3; ++n) {
    const int64_t live = LiveAllocations();
    {
      const FailAllocation failure(n);
      EXPECT_FALSE(failure.happened());
      EXPECT_EQ(allocate(3), n);
      EXPECT_TRUE(failure.happened());
      EXPECT_EQ(allocate(3), 0);
    }
    EXPECT_EQ(LiveAllocations(), live);
  }
  {
    const FailAllocation failure(4);
    EXPECT_EQ(allocate(3), 0);
    EXPECT_FALSE(failure.happened());
  }
  EXPECT_EQ(allocate(3), 0);
}

TEST(AllocationsTest, AWrongNumberAndASecondFailureAreRefused) {
  EXPECT_DEATH(FailAllocation(0), "expected 1 .the next allocation. or more, found 0");
  EXPECT_DEATH(
      {
        const FailAllocation first(100);
        const FailAllocation second(100);
      },
      "expected one at a time");
}

}  // namespace
}  // namespace weft::stress

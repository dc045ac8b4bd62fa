// What the checker says of wrong code, and that it lets right code pass.

#include "tools/model/model.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/model/testing.h"

namespace weft::model {
namespace {

using ::testing::HasSubstr;

// ---- Races ----

void PassMessage(std::memory_order store, std::memory_order load) {
  Atomic<int> flag{0};
  Plain<int> data{0};
  Thread writer([&] {
    data.Write(42);
    flag.store(1, store);
  });
  if (flag.load(load) == 1) Assert(data.Read() == 42, "the message is lost");
  writer.Join();
}

TEST(ModelRaces, OrderedAccessesAreNone) {
  ExpectHolds([] { PassMessage(std::memory_order_release, std::memory_order_acquire); });
}

TEST(ModelRaces, AreFoundWithBothAccesses) {
  const Result result =
      Explore({}, [] { PassMessage(std::memory_order_relaxed, std::memory_order_acquire); });
  EXPECT_EQ(result.verdict, Verdict::kFailed);
  EXPECT_THAT(result.failure, HasSubstr("data race on plain memory: a read by thread 0 "
                                        "(model_test.cc:"));
  EXPECT_THAT(result.failure, HasSubstr("PassMessage) and a write by thread 1 (model_test.cc:"));
  EXPECT_THAT(result.failure, HasSubstr("neither happens before the other"));
}

TEST(ModelRaces, TwoReadsAreNone) {
  ExpectHolds([] {
    const Plain<int> data{1};
    Thread reader([&] { Assert(data.Read() == 1, "value"); });
    Assert(data.Read() == 1, "value");
    reader.Join();
  });
}

TEST(ModelRaces, AReadAndALaterWriteAreOne) {
  EXPECT_THAT(FailureOf([] {
                Plain<int> data{1};
                Atomic<int> flag{0};
                Thread reader([&] {
                  (void)data.Read();
                  flag.store(1, std::memory_order_relaxed);
                });
                if (flag.load(std::memory_order_relaxed) == 1) data.Write(2);
                reader.Join();
              }),
              HasSubstr("a write by thread 0"));
}

TEST(ModelRaces, AnAtomicIsMadeBeforeItIsSeen) {
  EXPECT_THAT(FailureOf([] {
                Atomic<Atomic<int>*> shared{nullptr};
                Thread maker([&] { shared.store(new Atomic<int>(1), std::memory_order_relaxed); });
                Atomic<int>* seen = shared.load(std::memory_order_relaxed);
                if (seen != nullptr) seen->load(std::memory_order_relaxed);
                maker.Join();
                delete shared.load(std::memory_order_relaxed);
              }),
              HasSubstr("not ordered behind the making of the atomic"));
}

// Fences stand in one order, but do not all synchronise along it: what is sequenced behind the
// store is not published by a fence behind it.
TEST(ModelRaces, SequentiallyConsistentFencesAloneOrderNoPlainMemory) {
  EXPECT_THAT(FailureOf([] {
                Atomic<int> x{0}, y{0};
                Plain<int> data{0};
                Thread other([&] {
                  data.Write(1);
                  x.store(1, std::memory_order_relaxed);
                  Atomics::Fence(std::memory_order_seq_cst);
                  (void)y.load(std::memory_order_relaxed);
                });
                y.store(1, std::memory_order_relaxed);
                Atomics::Fence(std::memory_order_seq_cst);
                if (x.load(std::memory_order_relaxed) == 1) (void)data.Read();
                other.Join();
              }),
              HasSubstr("data race"));
}

// ---- The life of variables ----

TEST(ModelLife, AnAtomicIsNotDestroyedUnderAnotherThread) {
  EXPECT_THAT(FailureOf([] {
                auto flag = std::make_unique<Atomic<int>>(0);
                Atomic<int>* raw = flag.get();
                Thread user([raw] { raw->store(1, std::memory_order_release); });
                if (raw->load(std::memory_order_relaxed) == 1) flag.reset();
                user.Join();
              }),
              HasSubstr("destroyed while thread 1 may still be at it"));
}

TEST(ModelLife, ADestroyedAtomicIsNotUsed) {
  EXPECT_THAT(FailureOf([] {
                auto flag = std::make_unique<Atomic<int>>(0);
                Atomic<int>* raw = flag.get();
                flag.reset();
                raw->store(1, std::memory_order_relaxed);
              }),
              HasSubstr("access to an atomic that does not live"));
}

TEST(ModelLife, DestroyedPlainMemoryIsNotUsed) {
  EXPECT_THAT(FailureOf([] {
                auto* data = new Plain<int>(1);
                delete data;
                (void)data->Read();
              }),
              HasSubstr("access to plain memory that was destroyed"));
}

TEST(ModelLife, MovedFromMemoryIsNotRead) {
  EXPECT_THAT(FailureOf([] {
                Plain<int> first{1};
                Plain<int> second(std::move(first));
                Assert(second.Read() == 1, "value");
                (void)first.Read();
              }),
              HasSubstr("moved from"));
}

// A slot whose value one thread ends and another one makes anew: the flag has to order them.
void MakeAnewInASlot(std::memory_order store, std::memory_order load) {
  alignas(Plain<int>) unsigned char slot[sizeof(Plain<int>)];
  Atomic<int> is_free{0};
  auto* const first = new (slot) Plain<int>(1);
  Thread other([&] {
    first->~Plain();
    is_free.store(1, store);
  });
  const bool reuses = is_free.load(load) == 1;
  if (reuses) (new (slot) Plain<int>(2))->~Plain();
  other.Join();
}

TEST(ModelLife, AValueThatIsMadeWhereAnotherEndsIsOrderedBehindIt) {
  ExpectHolds([] { MakeAnewInASlot(std::memory_order_release, std::memory_order_acquire); });
  EXPECT_THAT(
      FailureOf([] { MakeAnewInASlot(std::memory_order_release, std::memory_order_relaxed); }),
      HasSubstr("data race on plain memory: the making of a value by thread 0 (model_test.cc:"));
  EXPECT_THAT(
      FailureOf([] { MakeAnewInASlot(std::memory_order_relaxed, std::memory_order_acquire); }),
      HasSubstr("and the end of the one before it by thread 1: neither happens before"));
}

// More ends than the table begins with, and none that an earlier execution left behind.
TEST(ModelLife, EndsAreThoseOfOneExecution) {
  alignas(Plain<int>) static unsigned char slots[200][sizeof(Plain<int>)];
  ExpectHolds([] {
    const auto use = [](int first) {
      for (int i = first; i < first + 100; ++i) (new (slots[i]) Plain<int>(i))->~Plain();
    };
    const int swap = 100 * Choose(2);
    Thread other([&] { use(swap); });
    use(100 - swap);
    other.Join();
    use(0);
  });
}

TEST(ModelLife, MemoryIsNotFreedTwice) {
  EXPECT_THAT(FailureOf([] {
                int* number = new int(1);
                int* const volatile again = number;  // Hides the fault from the compiler.
                delete number;
                delete again;
              }),
              HasSubstr("memory is freed twice"));
}

TEST(ModelLife, AbandonedExecutionsLeakNothing) {
  // Each failing or blocked execution leaves its vectors behind; the sanitizer would tell.
  EXPECT_THAT(FailureOf([] {
                std::vector<std::unique_ptr<int>> numbers;
                for (int i = 0; i < 100; ++i) numbers.push_back(std::make_unique<int>(i));
                Assert(Choose(5) != 4, "four");
              }),
              HasSubstr("four"));
}

// ---- Scenarios ----

TEST(ModelScenario, EachChoiceIsTried) {
  const Result result = Explore({}, [] {
    (void)Choose(3);
    (void)Choose(4);
  });
  EXPECT_TRUE(result.ok()) << result;
  EXPECT_EQ(result.executions, 12u);
}

TEST(ModelScenario, AWeakCasFailsWithoutReasonAsOftenAsAllowed) {
  const auto scenario = [] {
    Atomic<int> word{0};
    int expected = 0;
    while (!word.compare_exchange_weak(expected, 1, std::memory_order_relaxed)) {
    }
  };
  for (int failures : {0, 1, 3}) {
    Options options;
    options.spurious_failures = failures;
    EXPECT_EQ(Explore(options, scenario).executions, static_cast<uint64_t>(failures) + 1);
  }
}

TEST(ModelScenario, PointersTravelThroughAtomics) {
  struct Node {
    explicit Node(int value) : number(value) {}
    Plain<int> number;
    Node* next = nullptr;
  };
  ExpectHolds([] {
    Atomic<Node*> top{nullptr};
    const auto push = [&top](int number) {
      Node* node = new Node(number);
      node->next = top.load(std::memory_order_relaxed);
      while (!top.compare_exchange_weak(node->next, node, std::memory_order_release,
                                        std::memory_order_relaxed)) {
      }
    };
    Thread a([&] { push(1); }), b([&] { push(2); });
    a.Join();
    b.Join();
    int sum = 0;
    for (Node* node = top.load(std::memory_order_acquire); node != nullptr;) {
      sum += node->number.Read();
      delete std::exchange(node, node->next);
    }
    Assert(sum == 3, "a node is lost");
  });
}

TEST(ModelScenario, AnExceptionThatEscapesIsAFailure) {
  EXPECT_THAT(FailureOf([] {
                Thread thrower([] { throw std::runtime_error("out of luck"); });
                thrower.Join();
              }),
              HasSubstr("an exception leaves the thread's body: out of luck"));
}

TEST(ModelScenario, AScenarioThatDependsOnSomethingElseIsFound) {
  int runs = 0;
  EXPECT_THAT(FailureOf([&runs] {
                Atomic<int> a{0}, b{0};
                Thread other([&] { a.store(1, std::memory_order_relaxed); });
                if (++runs % 2 == 0) (void)b.load(std::memory_order_relaxed);
                (void)a.load(std::memory_order_relaxed);
                other.Join();
              }),
              HasSubstr("does not do the same again"));
}

TEST(ModelScenario, TheLimitOfExecutionsMakesAResultIncomplete) {
  Options options;
  options.max_executions = 10;
  const Result result = Explore(options, [] { (void)Choose(11); });
  EXPECT_EQ(result.verdict, Verdict::kIncomplete);
  EXPECT_EQ(result.executions, 10u);
}

TEST(ModelScenario, WithoutAsymmetricBarriersTheHeavyOneFails) {
  EXPECT_FALSE(AtomicsWithoutAsymmetricBarriers::AsymmetricBarriersAreAvailable());
  EXPECT_THAT(FailureOf([] { AtomicsWithoutAsymmetricBarriers::HeavyBarrier(); }),
              HasSubstr("AsymmetricBarriersAreAvailable() is false"));
}

// ---- Replaying ----

TEST(ModelReplay, AScheduleRunsTheFailedExecutionAgain) {
  const std::vector<std::function<void()>> scenarios = {
      [] { PassMessage(std::memory_order_relaxed, std::memory_order_relaxed); },
      [] {
        const Atomic<uint64_t> word{0};
        Thread waker([&] { Atomics::FutexWake(word, 1); });
        (void)Atomics::FutexWait(word, 0, false);
        waker.Join();
      },
      [] {
        Atomic<int> x{0}, y{0};
        Thread a([&] {
          x.store(1, std::memory_order_relaxed);
          y.store(2, std::memory_order_relaxed);
        });
        y.store(1, std::memory_order_relaxed);
        x.store(2, std::memory_order_relaxed);
        a.Join();
        Assert(x.load() != 1 || y.load() != 1, "both first writes stay");
      },
      [] {
        Atomic<int> count{0};
        const auto add = [&] { count.fetch_add(1, std::memory_order_relaxed); };
        Thread a(add), b(add);
        a.Join();
        b.Join();
        Assert(count.load() + Choose(3) != 4, "four");
      },
  };
  for (const auto& scenario : scenarios) {
    const Result first = Explore({}, scenario);
    ASSERT_EQ(first.verdict, Verdict::kFailed) << first;
    Options options;
    options.replay = first.schedule;
    const Result again = Explore(options, scenario);
    EXPECT_EQ(again.failure, first.failure);
    EXPECT_EQ(again.trace, first.trace);
    EXPECT_EQ(again.schedule, first.schedule);
    EXPECT_EQ(again.executions, 0u);
  }
}

// x and y are copied to each other: whatever is read early, no 42 comes out of thin air. And what a
// thread reads from its own future is replayed, too.
TEST(ModelReplay, LoadBufferingHasSchedulesAndNoThinAir) {
  Options options;
  options.load_buffering = 2;
  const auto copies = [](int first, int second) {
    Atomic<int> x{0}, y{0};
    int a = 0;
    int b = 0;
    Thread other([&] {
      a = x.load(std::memory_order_relaxed);
      y.store(first < 0 ? a : first, std::memory_order_relaxed);
    });
    b = y.load(std::memory_order_relaxed);
    x.store(second < 0 ? b : second, std::memory_order_relaxed);
    other.Join();
    Assert(a == 0 || b == 0, "both read early");
  };
  ExpectHolds([&] { copies(-1, -1); }, options);
  ExpectHolds([&] { copies(1, 2); });
  const Result first = Explore(options, [&] { copies(1, 2); });
  EXPECT_EQ(first.failure.substr(0, 15), "both read early") << first;
  options.replay = first.schedule;
  const Result again = Explore(options, [&] { copies(1, 2); });
  EXPECT_EQ(again.failure, first.failure);
  EXPECT_EQ(again.schedule, first.schedule);
}

TEST(ModelReplay, AScheduleOfAnotherScenarioIsRefused) {
  Options options;
  options.replay = "0r3.7";
  EXPECT_THAT(FailureOf(
                  [] {
                    const Atomic<int> x{0};
                    (void)x.load();
                  },
                  options),
              HasSubstr("the schedule does not fit the scenario"));
}

TEST(ModelReplay, TheTraceTellsWhoDidWhat) {
  const Result result =
      Explore({}, [] { PassMessage(std::memory_order_relaxed, std::memory_order_acquire); });
  EXPECT_THAT(result.trace, HasSubstr("0.0   starts thread 1"));
  EXPECT_THAT(result.trace, HasSubstr("1.1       store #0 relaxed := 1, modification 1"));
  EXPECT_THAT(result.trace, HasSubstr("0.1   load #0 acquire reads 1 from 1.1"));
  EXPECT_THAT(result.trace, HasSubstr("#0: model_test.cc:"));
  EXPECT_THAT(result.trace,
              HasSubstr("because 0.1 reads from 1.1, which comes behind that, and does "
                        "not synchronise with it\n"));
  std::ostringstream text;
  text << result;
  EXPECT_THAT(text.str(), HasSubstr("replay: 0o 1o 1w1 0r1.1"));
}

}  // namespace
}  // namespace weft::model

// Question: at real speed, with thieves on other threads, is every item taken exactly once?
// Method: each item carries an identity; whoever takes it marks it. At the end each mark must be 1.
// Must fail when: an item is lost or taken twice (the first test shows that the ledger notices).
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "deque/deque.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

constexpr int kThieves = 3;

// Counts how often each identity was taken.
class Ledger {
 public:
  explicit Ledger(std::size_t items) : marks_(items) {}

  void Mark(std::uint64_t id) { marks_[id].fetch_add(1, std::memory_order_relaxed); }

  // Number of identities that were not taken exactly once.
  int CountErrors() const {
    int errors = 0;
    for (const auto& mark : marks_) errors += mark.load(std::memory_order_relaxed) != 1;
    return errors;
  }

 private:
  std::vector<std::atomic<int>> marks_;
};

// Threads that steal until told to stop and the deque is empty.
template <typename T, typename Consume>
class Thieves {
 public:
  Thieves(Deque<T>* deque, Consume consume) {
    for (int i = 0; i < kThieves; ++i) {
      threads_.emplace_back([this, stealer = deque->stealer(), consume] {
        while (true) {
          const bool last_round = stop_.load(std::memory_order_acquire);
          StealResult<T> result = stealer.Steal();
          if (result) consume(std::move(*result.item));
          if (result.outcome == StealOutcome::kEmpty) {
            if (last_round) return;
            std::this_thread::yield();
          }
        }
      });
    }
  }

  // Returns when the deque is empty and all thieves have ended.
  void Finish() {
    stop_.store(true, std::memory_order_release);
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

TEST(DequeStressTest, LedgerNoticesLossAndDuplicate) {
  Ledger ledger(3);
  ledger.Mark(0);
  ledger.Mark(1);
  ledger.Mark(1);
  EXPECT_EQ(ledger.CountErrors(), 2);
}

// Bursts of random length from a buffer of one slot: grows under steal, runs dry, wraps.
TEST(DequeStressTest, EachItemIsTakenExactlyOnce) {
  constexpr std::uint64_t kItems = 60'000;
  for (std::uint32_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Ledger ledger(kItems);
    Deque<std::uint64_t> deque(1);
    Thieves thieves(&deque, [&ledger](std::uint64_t id) { ledger.Mark(id); });
    std::mt19937 random(seed);
    std::uint64_t next = 0;
    while (next < kItems) {
      for (unsigned burst = random() % 64; burst > 0 && next < kItems; --burst) deque.Push(next++);
      for (unsigned pops = random() % 48; pops > 0; --pops) {
        if (const std::optional<std::uint64_t> id = deque.Pop()) ledger.Mark(*id);
      }
    }
    thieves.Finish();
    EXPECT_EQ(ledger.CountErrors(), 0);
    EXPECT_TRUE(deque.IsEmptyHint());
  }
}

// One item at a time: owner and thieves always meet at the last one.
TEST(DequeStressTest, LastItemRaceHasOneWinner) {
  constexpr std::uint64_t kItems = 60'000;
  Ledger ledger(kItems);
  Deque<std::uint64_t> deque(1);
  Thieves thieves(&deque, [&ledger](std::uint64_t id) { ledger.Mark(id); });
  for (std::uint64_t id = 0; id < kItems; ++id) {
    deque.Push(id);
    if (id % 7 == 0) std::this_thread::yield();
    if (const std::optional<std::uint64_t> popped = deque.Pop()) ledger.Mark(*popped);
  }
  thieves.Finish();
  EXPECT_EQ(ledger.CountErrors(), 0);
}

// Growth from one slot, many times over, while thieves hold pointers to old buffers.
TEST(DequeStressTest, GrowUnderStealLosesNothing) {
  constexpr std::uint64_t kItems = 2'000;
  for (int round = 0; round < 15; ++round) {
    Ledger ledger(kItems);
    Deque<std::uint64_t> deque(1);
    Thieves thieves(&deque, [&ledger](std::uint64_t id) { ledger.Mark(id); });
    for (std::uint64_t id = 0; id < kItems; ++id) deque.Push(id);
    thieves.Finish();
    EXPECT_EQ(ledger.CountErrors(), 0) << "round " << round;
  }
}

// What the owner wrote through a plain pointer before the push is visible to the thief (under TSan
// a missing edge is a report), and each box is destroyed once (under ASan a second time is a
// report).
TEST(DequeStressTest, BoxedItemsArriveCompleteAndAreDestroyedOnce) {
  constexpr std::uint64_t kItems = 20'000;
  Ledger ledger(kItems);
  Deque<std::unique_ptr<std::uint64_t>> deque(2);
  Thieves thieves(&deque, [&ledger](std::unique_ptr<std::uint64_t> id) { ledger.Mark(*id); });
  for (std::uint64_t id = 0; id < kItems; ++id) {
    deque.Push(std::make_unique<std::uint64_t>(id));
    if (id % 3 == 0) {
      if (const auto popped = deque.Pop()) ledger.Mark(**popped);
    }
  }
  thieves.Finish();
  EXPECT_EQ(ledger.CountErrors(), 0);
}

}  // namespace
}  // namespace weft

// Goal: the unbounded queue equals a deque over random operations of every kind, with memory that
// fails now and then. Method: segments of one to three slots, so that every operation is near a
// segment's end; swarm weights; each observer is compared after each step.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <new>
#include <random>
#include <utility>
#include <vector>

#include "base/atomics.h"
#include "gtest/gtest.h"
#include "mpmc/bulk_result.h"
#include "mpmc/internal/counting_memory.h"
#include "mpmc/internal/segment_queue.h"
#include "mpmc/pop_result.h"
#include "mpmc/push_result.h"
#include "tools/stress/seed.h"

namespace weft {
namespace {

using mpmc_internal::CountingMemory;

template <uint32_t kSlotsIn, std::size_t kSparesIn>
struct FuzzPolicy {
  using Memory = CountingMemory;
  static constexpr uint32_t kSlots = kSlotsIn;
  static constexpr std::size_t kSpares = kSparesIn;
};

// A queue and the deque that it should equal.
template <typename Policy>
class Fuzz {
 public:
  explicit Fuzz(uint64_t seed) : random_(seed) {}

  void Run(int steps) {
    for (step_ = 0; step_ < steps; ++step_) {
      if (step_ % 40 == 0) {  // Swarm: each stretch has its own mix, and tides.
        for (unsigned& weight : weights_) weight = static_cast<unsigned>(random_() % 8);
        weights_[kClose] = random_() % 50 == 0 ? 1 : 0;
      }
      Step();
      if (testing::Test::HasFatalFailure()) return;
      ASSERT_EQ(queue_.SizeHint(), model_.size());
      ASSERT_EQ(queue_.IsEmpty(), model_.empty());
      ASSERT_EQ(queue_.IsClosed(), closed_);
    }
  }

 private:
  enum Operation { kPush, kPushBulk, kTryPop, kPollPop, kPopBulk, kClose, kOperations };

  PopOutcome NothingLeft() const { return closed_ ? PopOutcome::kClosed : PopOutcome::kEmpty; }

  void Step() {
    unsigned total = 0;
    for (unsigned weight : weights_) total += weight;
    if (total == 0) return;
    unsigned left = static_cast<unsigned>(random_() % total);
    int operation = 0;
    while (left >= weights_[operation]) left -= weights_[operation++];
    CountingMemory::failures_left = random_() % 8 == 0 ? 1 : 0;
    switch (static_cast<Operation>(operation)) {
      case kPush:
        return Push();
      case kPushBulk:
        return PushBulk();
      case kTryPop:
        return Pop(queue_.TryPop(), NothingLeft());
      case kPollPop:
        return Pop(queue_.PollPop(), PopOutcome::kBusy);
      case kPopBulk:
        return PopBulk();
      case kClose:
        ASSERT_EQ(queue_.Close(), !closed_);
        closed_ = true;
        return;
      case kOperations:
        return;
    }
  }

  void Push() {
    try {
      PushResult<int> pushed = queue_.Push(int{step_});
      ASSERT_EQ(pushed.outcome(), closed_ ? PushOutcome::kClosed : PushOutcome::kOk);
      if (pushed.ok()) {
        model_.push_back(step_);
      } else {
        ASSERT_EQ(std::move(pushed).TakeRejected(), step_);
      }
    } catch (const std::bad_alloc&) {
      ASSERT_FALSE(closed_);
    }
  }

  void PushBulk() {
    std::vector<int> values(random_() % 8, step_);
    try {
      const BulkPushResult pushed = queue_.PushBulk(values);
      if (closed_ && !values.empty()) {
        ASSERT_EQ(pushed.outcome, PushOutcome::kClosed);
        ASSERT_EQ(pushed.count, 0u);
      } else {
        ASSERT_EQ(pushed.outcome, PushOutcome::kOk);
        ASSERT_LE(pushed.count, values.size());
        ASSERT_GE(pushed.count, std::min<std::size_t>(values.size(), 1));
      }
      model_.insert(model_.end(), pushed.count, step_);
    } catch (const std::bad_alloc&) {
      ASSERT_FALSE(closed_);
    }
  }

  void Pop(const PopResult<int>& popped, PopOutcome nothing) {
    ASSERT_EQ(popped.outcome(), model_.empty() ? nothing : PopOutcome::kOk);
    if (!popped.ok()) return;
    ASSERT_EQ(*popped, model_.front());
    model_.pop_front();
  }

  void PopBulk() {
    std::vector<int> out(random_() % 8);
    const BulkPopResult popped = queue_.TryPopBulk(out);
    ASSERT_EQ(popped.count, std::min(out.size(), model_.size()));
    ASSERT_EQ(popped.outcome, out.empty() || popped.count > 0 ? PopOutcome::kOk : NothingLeft());
    const auto end = model_.begin() + static_cast<std::ptrdiff_t>(popped.count);
    ASSERT_TRUE(std::equal(model_.begin(), end, out.begin()));
    model_.erase(model_.begin(), end);
  }

  mpmc_internal::SegmentQueue<int, StdAtomics, Policy> queue_;
  std::deque<int> model_;
  bool closed_ = false;
  int step_ = 0;
  std::mt19937_64 random_;
  unsigned weights_[kOperations] = {};
};

template <typename Policy>
void RunRounds() {
  const uint64_t seed = stress::SeedFromEnvironment();
  SCOPED_TRACE(stress::SeedMessage(seed));
  const int live = CountingMemory::allocated - CountingMemory::freed;
  for (uint64_t round = 0; round < 100; ++round) {
    CountingMemory::failures_left = 0;
    Fuzz<Policy>(stress::SeedOfWorker(seed, round)).Run(1000);
    if (testing::Test::HasFatalFailure()) break;
  }
  CountingMemory::failures_left = 0;
  EXPECT_EQ(CountingMemory::allocated - CountingMemory::freed, live);
}

TEST(UnboundedQueueFuzzTest, EqualsADequeWithSegmentsOfOneSlot) { RunRounds<FuzzPolicy<1, 0>>(); }
TEST(UnboundedQueueFuzzTest, EqualsADequeWithSegmentsOfTwoSlots) { RunRounds<FuzzPolicy<2, 1>>(); }
TEST(UnboundedQueueFuzzTest, EqualsADequeWithSegmentsOfThreeSlots) {
  RunRounds<FuzzPolicy<3, 2>>();
}

}  // namespace
}  // namespace weft

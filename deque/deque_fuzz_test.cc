// Question: does every kind of deque agree with std::deque in every observer, whatever is called in
// whatever order? Method: random operations with swarm weights (drawn anew for each run, some of
// them zero), compared after each step. One thread, so that each answer is determined. Indices
// start shortly before they wrap.
#include <cstddef>
#include <cstdint>
#include <deque>
#include <random>
#include <vector>

#include "base/atomics.h"
#include "deque/internal/ring_options.h"
#include "deque/internal/ring_word.h"
#include "deque/internal/split_ring.h"
#include "gtest/gtest.h"
#include "tools/stress/seed.h"

namespace weft::deque_internal {
namespace {

using Ring = SplitRing<std::uint64_t, StdAtomics>;

// What is called, each with its arm below.
enum Operation { kPush, kPushBulk, kPop, kSteal, kStealBatch, kPopAll, kOperations };

class Fuzz {
 public:
  Fuzz(std::uint64_t seed, RingMode mode)
      : random_(seed), mode_(mode), options_(Options()), ring_(options_) {
    for (unsigned& weight : weights_) weight = Draw(3) == 0 ? 0 : 1 + Draw(8);
    weights_[kPush] += 1;
  }

  void Run(int steps) {
    std::discrete_distribution<int> operation(weights_, weights_ + kOperations);
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
      Step(static_cast<Operation>(operation(random_)));
      ASSERT_EQ(ring_.Size(), std::int64_t(model_.size())) << "step " << i;
      ASSERT_GE(ring_.Capacity(), std::min(options_.capacity, options_.max_items));
      ASSERT_GE(ring_.Capacity(), ring_.Size());
    }
  }

 private:
  unsigned Draw(unsigned n) { return static_cast<unsigned>(random_() % n); }

  RingOptions Options() {
    RingOptions options;
    options.mode = mode_;
    options.capacity = std::int64_t{1} << Draw(4);
    if (Draw(2) == 0) options.max_items = 1 + Draw(40);
    options.patience = 0;
    options.max_shared = 1 + Draw(4);
    options.first_index = (std::int64_t{1} << 48) - Draw(200);
    return options;
  }

  void Step(Operation operation) {
    switch (operation) {
      case kPush:
        return Push();
      case kPushBulk:
        return PushBulk();
      case kPop:
        return Pop();
      case kSteal:
        return Steal(1);
      case kStealBatch:
        return Steal(1 + Draw(6));
      case kPopAll:
        for (std::size_t i = model_.size() + 1; i > 0; --i) Pop();
        return;
      case kOperations:
        return;
    }
  }

  void Push() {
    const bool has_room = std::int64_t(model_.size()) < options_.max_items;
    ASSERT_EQ(ring_.Push(next_), has_room);
    if (has_room) model_.push_back(next_++);
  }

  void PushBulk() {
    const std::int64_t count = Draw(20);
    const bool has_room = std::int64_t(model_.size()) + count <= options_.max_items;
    const auto word_at = [this](std::int64_t) {
      model_.push_back(next_);
      return next_++;
    };
    ASSERT_EQ(ring_.PushAll(count, word_at), has_room);
  }

  void Pop() {
    std::uint64_t word = 0;
    const bool is_fifo = mode_ == RingMode::kFifo;
    const bool taken = is_fifo ? ring_.PopOldest(1, &word) == 1 : ring_.Pop(&word) == Taken::kItem;
    ASSERT_EQ(taken, !model_.empty());
    if (model_.empty()) return;
    ASSERT_EQ(word, is_fifo ? model_.front() : model_.back());
    is_fifo ? model_.pop_front() : model_.pop_back();
  }

  void Steal(std::int64_t limit) {
    std::vector<std::uint64_t> words(static_cast<std::size_t>(limit));
    std::int64_t count = 0;
    const Taken taken = ring_.StealUpTo(limit, words.data(), &count);
    ASSERT_EQ(taken, model_.empty() ? Taken::kEmpty : Taken::kItem);
    if (model_.empty()) return;
    ASSERT_GE(count, 1);
    ASSERT_LE(count, std::min<std::int64_t>(limit, std::int64_t(model_.size() + 1) / 2));
    for (std::int64_t i = 0; i < count; ++i) {
      ASSERT_EQ(words[static_cast<std::size_t>(i)], model_.front());
      model_.pop_front();
    }
  }

  std::mt19937_64 random_;
  const RingMode mode_;
  const RingOptions options_;
  Ring ring_;
  std::deque<std::uint64_t> model_;
  unsigned weights_[kOperations];
  std::uint64_t next_ = 0;
};

void RunFuzz(RingMode mode) {
  const std::uint64_t seed = stress::SeedFromEnvironment();
  for (std::uint64_t run = 0; run < 150 && !testing::Test::HasFailure(); ++run) {
    SCOPED_TRACE(testing::Message() << stress::SeedMessage(seed) << ", run " << run);
    Fuzz(stress::SeedOfWorker(seed, run), mode).Run(600);
  }
}

TEST(DequeFuzzTest, SplitRingAgreesWithStdDeque) {
  if (!AsymmetricBarriersAreAvailable()) GTEST_SKIP() << "no asymmetric barriers";
  RunFuzz(RingMode::kSplit);
}
TEST(DequeFuzzTest, FencedRingAgreesWithStdDeque) { RunFuzz(RingMode::kFenced); }
TEST(DequeFuzzTest, FifoRingAgreesWithStdDeque) { RunFuzz(RingMode::kFifo); }

}  // namespace
}  // namespace weft::deque_internal

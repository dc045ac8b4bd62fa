// Goal: the bounded queues equal a deque with a bound, over random sequences of all their
// operations. Method: swarm weights, so that some runs close early, some stay full, some use few
// kinds; after each step every observer is compared. Values are counted, so a leak or a double
// destruction shows too. A new operation needs an arm here: kOperations says how many there are.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "mpmc/bounded_queue.h"
#include "mpmc/bulk_result.h"
#include "mpmc/byte_bounded_queue.h"
#include "mpmc/pop_result.h"
#include "mpmc/push_result.h"
#include "mpmc/queue_shape.h"
#include "tools/stress/counted_value.h"
#include "tools/stress/seed.h"

namespace weft {
namespace {

using stress::CountedValue;

constexpr int kRuns = 300;
constexpr int kSteps = 400;

// The queue as it should be. A hole is a place that an abandoned reservation has left: it counts
// until a pop comes past it.
class Model {
 public:
  static constexpr uint64_t kHole = ~uint64_t{0};

  explicit Model(std::size_t capacity) : capacity_(capacity) {}

  bool IsFull() const { return places_.size() == capacity_; }
  bool IsClosed() const { return is_closed_; }
  void Close() { is_closed_ = true; }
  std::size_t Size() const { return places_.size(); }
  std::size_t Room() const { return capacity_ - places_.size(); }
  PushOutcome PushAnswer() const {
    if (is_closed_) return PushOutcome::kClosed;
    return IsFull() ? PushOutcome::kFull : PushOutcome::kOk;
  }
  void Push(uint64_t id) { places_.push_back(id); }

  // Skips holes, as a pop does. Whether there is a value then.
  bool FindValue() {
    while (!places_.empty() && places_.front() == kHole) places_.pop_front();
    return !places_.empty();
  }
  PopOutcome EmptyAnswer() const { return is_closed_ ? PopOutcome::kClosed : PopOutcome::kEmpty; }
  uint64_t Pop() {
    const uint64_t id = places_.front();
    places_.pop_front();
    return id;
  }
  // Values from the front on up to the next hole.
  std::size_t Run() const {
    return static_cast<std::size_t>(std::find(places_.begin(), places_.end(), kHole) -
                                    places_.begin());
  }

 private:
  const std::size_t capacity_;
  std::deque<uint64_t> places_;
  bool is_closed_ = false;
};

template <typename Queue>
class Fuzz {
 public:
  static constexpr int kOperations = 11;

  explicit Fuzz(uint64_t seed)
      : random_(seed), capacity_(1 + random_() % 9), queue_(capacity_), model_(capacity_) {
    for (unsigned& weight : weights_) weight = random_() % 3 == 0 ? 0 : 1 + random_() % 10;
    weights_[10] = random_() % 4 == 0;  // Close() seldom, and not in most runs.
    weights_[0] += 1;
  }

  void Run() {
    std::discrete_distribution<int> choose(weights_.begin(), weights_.end());
    for (int step = 0; step < kSteps && !testing::Test::HasFailure(); ++step) {
      Step(choose(random_));
      ASSERT_EQ(queue_.SizeHint(), model_.Size());
      ASSERT_EQ(queue_.IsEmptyHint(), model_.Size() == 0);
      ASSERT_EQ(queue_.IsClosed(), model_.IsClosed());
      ASSERT_EQ(queue_.PushCount() - queue_.PopCount(), model_.Size());
    }
  }

 private:
  void Step(int operation) {
    switch (operation) {
      case 0:
        return ExpectPush(queue_.TryPush(CountedValue(++id_)), model_.PushAnswer());
      case 1: {
        const PushOutcome answer = model_.PushAnswer();
        return ExpectPush(queue_.PollPush(CountedValue(++id_)),
                          answer == PushOutcome::kFull ? PushOutcome::kBusy : answer);
      }
      case 2:
        if (model_.PushAnswer() == PushOutcome::kFull) return;  // It would spin for ever.
        return ExpectPush(queue_.SpinPush(CountedValue(++id_)), model_.PushAnswer());
      case 3:
        return PushBulk();
      case 4:
        return Reserve();
      case 5:
        return PushOverwriting();
      case 6:
        return ExpectPop(queue_.TryPop(), model_.EmptyAnswer());
      case 7:
        return ExpectPop(queue_.PollPop(), PopOutcome::kBusy);
      case 8:
        return PopBulk();
      case 9:
        return Consume();
      case 10:
        EXPECT_EQ(queue_.Close(), !model_.IsClosed());
        return model_.Close();
    }
  }

  void ExpectPush(PushResult<CountedValue> result, PushOutcome expected) {
    ASSERT_EQ(result.outcome(), expected);
    if (result.ok()) {
      model_.Push(id_);
    } else {
      ASSERT_EQ(std::move(result).TakeRejected().id(), id_);
    }
  }

  void ExpectPop(const PopResult<CountedValue>& result, PopOutcome if_empty) {
    if (model_.FindValue()) {
      ASSERT_EQ(result.outcome(), PopOutcome::kOk);
      ASSERT_EQ(result->id(), model_.Pop());
    } else {
      ASSERT_EQ(result.outcome(), if_empty);
    }
  }

  void PushBulk() {
    std::vector<CountedValue> values;
    for (unsigned i = random_() % 5; i > 0; --i) values.emplace_back(++id_);
    const BulkPushResult result = queue_.TryPushBulk(values);
    const std::size_t fits =
        model_.IsClosed() ? 0 : std::min<std::size_t>(values.size(), model_.Room());
    ASSERT_EQ(result.count, fits);
    ASSERT_EQ(result.outcome, values.empty() ? PushOutcome::kOk : model_.PushAnswer());
    for (std::size_t i = 0; i < values.size(); ++i) {
      const uint64_t id = id_ - values.size() + 1 + i;
      if (i < fits) {
        model_.Push(id);
      } else {
        ASSERT_EQ(values[i].id(), id);
      }
    }
  }

  void PopBulk() {
    std::vector<CountedValue> values;
    for (unsigned i = random_() % 5; i > 0; --i) values.emplace_back(uint64_t{0});
    const BulkPopResult result = queue_.TryPopBulk(values);
    if (values.empty()) {
      ASSERT_EQ(result.outcome, PopOutcome::kOk);
      return;
    }
    if (!model_.FindValue()) {
      ASSERT_EQ(result.outcome, model_.EmptyAnswer());
      ASSERT_EQ(result.count, 0u);
      return;
    }
    ASSERT_EQ(result.outcome, PopOutcome::kOk);
    ASSERT_EQ(result.count, std::min(values.size(), model_.Run()));
    for (std::size_t i = 0; i < result.count; ++i) ASSERT_EQ(values[i].id(), model_.Pop());
  }

  void Reserve() {
    auto slot = queue_.TryReserve();
    ASSERT_EQ(slot.outcome(), model_.PushAnswer());
    if (!slot.ok()) return;
    if (random_() % 2 == 0) {
      model_.Push(Model::kHole);
      return;
    }
    slot.Commit(++id_);
    model_.Push(id_);
  }

  void PushOverwriting() {
    if constexpr (requires { queue_.PushOverwriting(CountedValue(1)); }) {
      const auto result = queue_.PushOverwriting(CountedValue(++id_));
      if (model_.IsClosed()) {
        ASSERT_EQ(result.outcome, PushOutcome::kClosed);
        ASSERT_EQ(result.rejected->id(), id_);
        return;
      }
      ASSERT_TRUE(result.ok());
      const bool was_full = model_.IsFull();
      const uint64_t oldest = was_full ? model_.Pop() : Model::kHole;
      ASSERT_EQ(result.displaced.has_value(), oldest != Model::kHole);
      if (result.displaced.has_value()) {
        ASSERT_EQ(result.displaced->id(), oldest);
      }
      model_.Push(id_);
    }
  }

  void Consume() {
    std::optional<uint64_t> id;
    const PopOutcome outcome = queue_.TryConsume([&](CountedValue&& value) { id = value.id(); });
    if (model_.FindValue()) {
      ASSERT_EQ(outcome, PopOutcome::kOk);
      ASSERT_EQ(id, model_.Pop());
    } else {
      ASSERT_EQ(outcome, model_.EmptyAnswer());
      ASSERT_FALSE(id.has_value());
    }
  }

  std::mt19937_64 random_;
  const std::size_t capacity_;
  Queue queue_;
  Model model_;
  std::array<unsigned, kOperations> weights_;
  uint64_t id_ = 0;
};

template <typename Queue>
void RunFuzz() {
  const uint64_t seed = stress::SeedFromEnvironment();
  SCOPED_TRACE(stress::SeedMessage(seed));
  const int64_t before = CountedValue::Counts().live();
  for (int run = 0; run < kRuns && !testing::Test::HasFailure(); ++run) {
    SCOPED_TRACE(run);
    Fuzz<Queue>(stress::SeedOfWorker(seed, run)).Run();
  }
  EXPECT_EQ(CountedValue::Counts().live(), before);
}

TEST(BoundedQueueFuzzTest, EqualsADeque) { RunFuzz<BoundedQueue<CountedValue>>(); }
TEST(BoundedQueueFuzzTest, EqualsADequeInPaddedSlots) {
  RunFuzz<BoundedQueue<CountedValue, QueueSlots::kPadded>>();
}
TEST(BoundedQueueFuzzTest, EqualsADequeWithOneConsumer) {
  RunFuzz<BoundedMpscQueue<CountedValue>>();
}

TEST(ByteBoundedQueueFuzzTest, EqualsADequeWithTwoBounds) {
  const uint64_t seed = stress::SeedFromEnvironment();
  SCOPED_TRACE(stress::SeedMessage(seed));
  std::mt19937_64 random(seed);
  for (int run = 0; run < kRuns; ++run) {
    const std::size_t capacity = 1 + random() % 6;
    const uint64_t max_bytes = 1 + random() % 40;
    const unsigned push_weight = 1 + random() % 9;
    ByteBoundedQueue<CountedValue> queue({.max_bytes = max_bytes, .capacity = capacity});
    std::deque<Weighed<uint64_t>> model;
    uint64_t bytes = 0;
    bool is_closed = false;
    for (int step = 0; step < kSteps; ++step) {
      if (random() % 1000 == 0) {
        ASSERT_EQ(queue.Close(), !is_closed);
        is_closed = true;
      } else if (random() % 10 < push_weight) {
        const uint64_t weight = random() % (max_bytes + 2);
        const auto id = static_cast<uint64_t>(step);
        auto result = queue.TryPush({CountedValue(id), weight});
        const PushOutcome expected = weight > max_bytes ? PushOutcome::kTooLarge
                                     : is_closed        ? PushOutcome::kClosed
                                     : bytes + weight > max_bytes || model.size() == capacity
                                         ? PushOutcome::kFull
                                         : PushOutcome::kOk;
        ASSERT_EQ(result.outcome(), expected);
        if (result.ok()) {
          model.push_back({id, weight});
          bytes += weight;
        } else {
          ASSERT_EQ(std::move(result).TakeRejected().value.id(), id);
        }
      } else {
        const PopResult<Weighed<CountedValue>> result = queue.TryPop();
        if (model.empty()) {
          ASSERT_EQ(result.outcome(), is_closed ? PopOutcome::kClosed : PopOutcome::kEmpty);
        } else {
          ASSERT_EQ(result->value.id(), model.front().value);
          ASSERT_EQ(result->bytes, model.front().bytes);
          bytes -= model.front().bytes;
          model.pop_front();
        }
      }
      ASSERT_EQ(queue.BytesHint(), bytes);
      ASSERT_EQ(queue.SizeHint(), model.size());
    }
  }
}

}  // namespace
}  // namespace weft

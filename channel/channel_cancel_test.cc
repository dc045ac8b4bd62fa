// Goal: the conservation law. After any cancellation each value is in the channel or with its
// owner, exactly once, no order is broken, and nobody waits for what is there. Method: run a small
// scenario again and again and cancel task t before its k-th step, for all t and all k; then a long
// random mix of sends, receives, tries and cancellations. Values have identities; the books are
// balanced at the end.
#include <algorithm>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "channel/channel.h"
#include "channel/outcome.h"
#include "future/manual_executor.h"
#include "future/spawn.h"
#include "future/task.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

using Item = std::unique_ptr<int>;

constexpr int kProducers = 2;
constexpr int kConsumers = 2;
constexpr int kItemsEach = 3;

// Sends its items in order; those that were not accepted stay where they are.
Task<> Produce(Sender<Item> sender, std::vector<Item>* items) {
  for (Item& item : *items) {
    if (co_await sender.SendFrom(item) != SendOutcome::kOk) co_return;
  }
}

// Counts the coroutines that it lives in.
class Presence {
 public:
  explicit Presence(int* count) : count_(count) { ++*count_; }
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;
  ~Presence() { --*count_; }

 private:
  int* count_;
};

Task<> Consume(Receiver<Item> receiver, std::vector<int>* received, int* present) {
  const Presence presence(present);
  while (std::optional<Item> item = co_await receiver.Receive()) received->push_back(**item);
}

// One run of the scenario and its books.
struct Scenario {
  explicit Scenario(std::size_t capacity) : ends(MakeChannel<Item>(capacity)) {
    for (int p = 0; p < kProducers; ++p) {
      for (int i = 0; i < kItemsEach; ++i) owned[p].push_back(std::make_unique<int>(10 * p + i));
    }
  }

  void Start() {
    for (auto& list : received)
      tasks.push_back(Spawn(executor, Consume(ends.receiver, &list, &consumers)));
    for (auto& list : owned) tasks.push_back(Spawn(executor, Produce(ends.sender, &list)));
  }

  // Takes out what is left and says what is wrong, if anything.
  std::string Balance() {
    std::vector<int> inside;
    while (std::optional<Item> item = ends.receiver.TryReceive().value) inside.push_back(**item);
    std::vector<int> all = inside;
    for (const std::vector<int>& list : received) all.insert(all.end(), list.begin(), list.end());
    for (const std::vector<Item>& list : owned) {
      for (const Item& item : list) {
        if (item != nullptr) all.push_back(*item);
      }
    }
    std::sort(all.begin(), all.end());
    if (all != std::vector<int>{0, 1, 2, 10, 11, 12}) return "a value was lost or doubled";
    for (const std::vector<int>& list : {inside, received[0], received[1]}) {
      int last[kProducers] = {-1, -1};
      for (int id : list) {
        if (id <= last[id / 10]) return "a producer's values out of order";
        last[id / 10] = id;
      }
    }
    return "";
  }

  int consumers = 0;  // That have begun and not ended.
  ManualExecutor executor;
  ChannelEnds<Item> ends;
  std::vector<Item> owned[kProducers];
  std::vector<int> received[kConsumers];
  std::vector<JoinHandle<void>> tasks;  // Consumers first.
};

TEST(ChannelCancelTest, CancellingEachTaskAtEachStepConservesTheValues) {
  int runs = 0;
  for (std::size_t capacity : {1, 2}) {
    for (int victim = 0; victim < kProducers + kConsumers; ++victim) {
      for (int step = 0;; ++step) {
        SCOPED_TRACE(testing::Message() << "capacity " << capacity << ", task " << victim
                                        << " cancelled before step " << step);
        Scenario scenario(capacity);
        scenario.Start();
        int done = 0;
        while (done < step && scenario.executor.RunOne()) ++done;
        scenario.tasks[victim].Cancel();
        scenario.executor.RunUntilStalled();
        EXPECT_TRUE(scenario.consumers == 0 || scenario.ends.receiver.size() == 0)
            << "a consumer waits although there is a value";
        scenario.ends.sender.Close();
        scenario.executor.RunUntilStalled();
        EXPECT_EQ(scenario.executor.live_tasks(), 0u);
        EXPECT_EQ(scenario.Balance(), "");
        ++runs;
        if (done < step) break;
      }
    }
  }
  EXPECT_GT(runs, 60) << "the scenario has become trivial";
}

TEST(ChannelCancelTest, CancellingTwoTasksAtEachStepConservesTheValues) {
  for (int first = 0; first < kProducers + kConsumers; ++first) {
    for (int second = 0; second < kProducers + kConsumers; ++second) {
      for (int step = 0;; ++step) {
        SCOPED_TRACE(testing::Message() << "tasks " << first << " and " << second
                                        << " cancelled before step " << step);
        Scenario scenario(1);
        scenario.Start();
        int done = 0;
        while (done < step && scenario.executor.RunOne()) ++done;
        scenario.tasks[first].Cancel();
        scenario.executor.RunOne();
        scenario.tasks[second].Cancel();
        scenario.executor.RunUntilStalled();
        EXPECT_TRUE(scenario.consumers == 0 || scenario.ends.receiver.size() == 0)
            << "a consumer waits although there is a value";
        scenario.ends.receiver.Close();
        scenario.executor.RunUntilStalled();
        EXPECT_EQ(scenario.executor.live_tasks(), 0u);
        EXPECT_EQ(scenario.Balance(), "");
        if (done < step) break;
      }
    }
  }
}

// A random mix; every value is numbered in the order of its send, and one receiver at a time notes
// what it got.
class RandomMix {
 public:
  explicit RandomMix(unsigned seed)
      : random_(seed), capacity_(1 + random_() % 3), ends_(MakeChannel<Item>(capacity_)) {
    for (unsigned& weight : weights_) weight = random_() % 8;  // Swarm: some kinds hardly happen.
    weights_[0] += 1;
    weights_[1] += 1;
  }

  std::string Run() {
    for (int i = 0; i < 400; ++i) Step();
    ends_.sender.Close();
    executor_.RunUntilStalled();
    while (std::optional<Item> item = ends_.receiver.TryReceive().value) seen_.push_back(**item);
    if (executor_.live_tasks() != 0) return "a task waits on a closed and drained channel";
    for (const Item& item : owned_) {
      if (item != nullptr) seen_.push_back(*item);
    }
    std::sort(seen_.begin(), seen_.end());
    for (std::size_t i = 0; i < owned_.size(); ++i) {
      if (i >= seen_.size() || seen_[i] != static_cast<int>(i))
        return "a value was lost or doubled";
    }
    return seen_.size() == owned_.size() ? "" : "there are more values than were made";
  }

 private:
  static Task<> ReceiveInto(Receiver<Item> receiver, std::vector<int>* seen, int* present) {
    const Presence presence(present);
    if (std::optional<Item> item = co_await receiver.Receive()) seen->push_back(**item);
  }

  static Task<> SendOne(Sender<Item> sender, Item* item, int* present) {
    const Presence presence(present);
    (void)co_await sender.SendFrom(*item);
  }

  Item* NewItem() {
    owned_.push_back(std::make_unique<int>(static_cast<int>(owned_.size())));
    return &owned_.back();
  }

  void Step() {
    unsigned total = 0;
    for (unsigned weight : weights_) total += weight;
    unsigned draw = random_() % total;
    int kind = 0;
    while (draw >= weights_[kind]) draw -= weights_[kind++];
    switch (kind) {
      case 0:
        handles_.push_back(Spawn(executor_, SendOne(ends_.sender, NewItem(), &senders_)));
        break;
      case 1:
        handles_.push_back(Spawn(executor_, ReceiveInto(ends_.receiver, &seen_, &receivers_)));
        break;
      case 2: {
        Item* const item = NewItem();
        SendResult<Item> result = ends_.sender.TrySend(std::move(*item));
        if (!result.ok()) *item = std::move(result).TakeRejected();
        break;
      }
      case 3:
        if (std::optional<Item> item = ends_.receiver.TryReceive().value) seen_.push_back(**item);
        break;
      case 4:
        if (!handles_.empty()) handles_[random_() % handles_.size()].Cancel();
        break;
      case 5:
        executor_.RunOne();
        break;
      case 6:
        executor_.RunUntilStalled();
        EXPECT_TRUE(receivers_ == 0 || ends_.receiver.size() == 0)
            << "a receiver waits although there is a value";
        EXPECT_TRUE(senders_ == 0 || ends_.sender.size() == capacity_)
            << "a sender waits although there is room";
        break;
    }
  }

  std::mt19937 random_;
  const std::size_t capacity_;
  int receivers_ = 0;  // Coroutines that have begun and not ended.
  int senders_ = 0;
  ManualExecutor executor_;
  ChannelEnds<Item> ends_;
  std::deque<Item> owned_;  // By number; null when the channel has accepted it.
  std::vector<int> seen_;   // Numbers that came out.
  std::vector<JoinHandle<void>> handles_;
  unsigned weights_[7] = {};
};

TEST(ChannelCancelTest, RandomMixConservesTheValues) {
  for (unsigned seed = 1; seed <= 100; ++seed) EXPECT_EQ(RandomMix(seed).Run(), "") << seed;
}

}  // namespace
}  // namespace weft

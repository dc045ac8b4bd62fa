// Goal: the budget in bytes is kept, exactly, in every behaviour of the memory model, and the
// orders of the account are needed. Method: the body that ships, over tools/model; mutants of the
// account (those of the ring: bounded_queue_model_test.cc).
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "mpmc/byte_bounded_queue.h"
#include "mpmc/pop_result.h"
#include "mpmc/push_result.h"
#include "tools/model/model.h"
#include "tools/model/plain.h"
#include "tools/model/testing.h"

namespace weft {
namespace {

using Queue = mpmc_internal::BasicByteBoundedQueue<model::Plain<int>, model::Atomics>;
using Item = Weighed<model::Plain<int>>;

Item MakeItem(int number, uint64_t bytes) { return {model::Plain<int>(number), bytes}; }

void PushComesAfterThePopThatMadeRoom() {
  Queue queue({.max_bytes = 4, .capacity = 2});
  model::Assert(queue.TryPush(MakeItem(1, 3)).ok(), "room");
  model::Plain<int> before{0};
  model::Thread consumer([&] {
    before.Write(42);
    model::Assert(queue.TryPop()->value.Read() == 1, "order");
  });
  if (queue.TryPush(MakeItem(2, 2)).ok()) model::Assert(before.Read() == 42, "not visible");
  consumer.Join();
}

// Two values that fit alone but not together.
void BudgetHolds() {
  Queue queue({.max_bytes = 4, .capacity = 2});
  int accepted = 0;
  model::Thread other([&] { accepted = queue.TryPush(MakeItem(1, 3)).ok(); });
  const bool mine = queue.TryPush(MakeItem(2, 2)).ok();
  other.Join();
  model::Assert(accepted + mine == 1, "both or none were admitted");
  model::Assert(queue.BytesHint() == (mine ? 2 : 3), "the account is wrong");
  model::Assert(queue.TryPop()->bytes == queue.max_bytes() - (mine ? 2 : 1), "bytes");
  model::Assert(queue.BytesHint() == 0, "the account is wrong");
}

void AdmittedPushFindsASlot() {
  Queue queue({.max_bytes = 4, .capacity = 1});
  model::Assert(queue.TryPush(MakeItem(1, 1)).ok(), "room");
  bool other_accepted = false;
  model::Thread other([&] {
    model::Assert(queue.TryPop().ok(), "lost");
    other_accepted = queue.TryPush(MakeItem(2, 1)).ok();
  });
  const bool accepted = queue.TryPush(MakeItem(3, 1)).ok();
  other.Join();
  model::Assert(accepted != other_accepted, "room for one");
  model::Assert(queue.TryPop()->value.Read() == (accepted ? 3 : 2), "lost");
  model::Assert(queue.TryPop().outcome() == PopOutcome::kEmpty && queue.BytesHint() == 0, "books");
}

void RefusedByACloseIsOffTheBooks() {
  Queue queue({.max_bytes = 4, .capacity = 2});
  model::Thread closer([&] { queue.Close(); });
  const PushResult<Item> result = queue.TryPush(MakeItem(1, 3));
  closer.Join();
  model::Assert(queue.BytesHint() == (result.ok() ? 3 : 0), "the account is wrong");
  model::Assert(queue.TryPop().outcome() == (result.ok() ? PopOutcome::kOk : PopOutcome::kClosed),
                "outcome");
}

const std::vector<model::Scenario> kScenarios = {
    {"PushComesAfterThePopThatMadeRoom", PushComesAfterThePopThatMadeRoom, {}},
    {"BudgetHolds", BudgetHolds, {}},
    {"AdmittedPushFindsASlot", AdmittedPushFindsASlot, {}},
    {"RefusedByACloseIsOffTheBooks", RefusedByACloseIsOffTheBooks, {}},
};

TEST(ByteBoundedQueueModelTest, HoldsInEveryBehaviour) { model::ExpectHolds(kScenarios); }

TEST(ByteBoundedQueueMutantTest, EveryMutantIsCaught) {
  model::ExpectMutantsCaught({"mpmc/internal/weight_account.h"}, kScenarios);
}

}  // namespace
}  // namespace weft

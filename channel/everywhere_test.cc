// Goal: each future of this package keeps its contract and loses no value and leaks none, with a
// stop at each suspension, an exception at each await and each allocation failing.
#include "future/everywhere.h"

#include <optional>
#include <tuple>
#include <utility>

#include "channel/channel.h"
#include "channel/oneshot.h"
#include "channel/outcome.h"
#include "future/from_futures.h"
#include "future/map.h"
#include "future/scripted.h"
#include "future/stream.h"
#include "future/task.h"
#include "future/when_all.h"
#include "gtest/gtest.h"

namespace weft::everywhere {
namespace {

// Is counted while it is alive.
struct Item {
  Alive alive;
  int value;
};

Task<int> SendBoth(Scene* scene, Sender<Item> sender) {
  for (int i = 1; i <= 2; ++i) {
    auto send = sender.Send(Item{Alive(&scene->alive), i});
    const auto result = co_await scene->faults->Await(std::move(send));
    if (!result.ok()) co_return -1;  // the receiver is gone
  }
  co_return 0;
}

Task<int> SendFromBoth(Scene* scene, Sender<Item> sender) {
  for (int i = 1; i <= 2; ++i) {
    Item item{Alive(&scene->alive), i};
    const SendOutcome sent = co_await scene->faults->Await(sender.SendFrom(item));
    if (sent != SendOutcome::kOk) co_return -1;
  }
  co_return 0;
}

Task<int> ReceiveAll(Scene* scene, Receiver<Item> receiver) {
  int sum = 0;
  while (true) {
    std::optional<Item> item = co_await scene->faults->Await(receiver.Receive());
    if (!item) co_return sum;
    sum += item->value;
    const int waited = co_await Leaf(scene, 0);
    sum += waited;
  }
}

Task<int> Answer(Scene* scene, OneshotSender<Item> sender) {
  const int value = co_await Leaf(scene, 3);
  (void)std::move(sender).Send(Item{Alive(&scene->alive), value});
  co_return 0;
}

Task<int> Ask(Scene* scene, OneshotReceiver<Item> receiver) {
  std::optional<Item> item = co_await scene->faults->Await(receiver.Receive());
  co_return item ? item->value : -1;
}

// 3, the sum of what both give.
Task<int> Sum(Task<int> first, Task<int> second) {
  auto both = Map(WhenAll(std::move(first), std::move(second)),
                  [](std::tuple<int, int> each) { return std::get<0>(each) + std::get<1>(each); });
  const int result = co_await std::move(both);
  co_return result;
}

constexpr Row kRows[] = {
    {"SendAndReceive",
     [](Scene* scene) {
       return Of([scene] {
         auto [sender, receiver] = MakeChannel<Item>(1);
         return Sum(SendBoth(scene, std::move(sender)), ReceiveAll(scene, std::move(receiver)));
       });
     }},
    {"SendFromAndReceive",
     [](Scene* scene) {
       return Of([scene] {
         auto [sender, receiver] = MakeChannel<Item>(1);
         return Sum(SendFromBoth(scene, std::move(sender)), ReceiveAll(scene, std::move(receiver)));
       });
     }},
    {"Stream",
     [](Scene* scene) {
       return Of([scene] {
         auto [sender, receiver] = MakeChannel<Item>(1);
         auto items = FromFutures([scene, source = std::move(receiver)] {
           return scene->faults->Await(source.Receive());
         });
         auto sum =
             Fold(std::move(items), 0, [](int so_far, Item item) { return so_far + item.value; });
         return Map(WhenAll(SendBoth(scene, std::move(sender)), std::move(sum)),
                    [](std::tuple<int, int> each) { return std::get<1>(each); });
       });
     }},
    {"Unbounded",
     [](Scene* scene) {
       return Of([scene] {
         auto [sender, receiver] = MakeUnboundedChannel<Item>();
         return Sum(SendBoth(scene, std::move(sender)), ReceiveAll(scene, std::move(receiver)));
       });
     }},
    {"Oneshot",
     [](Scene* scene) {
       return Of([scene] {
         auto [sender, receiver] = MakeOneshot<Item>();
         return Sum(Answer(scene, std::move(sender)), Ask(scene, std::move(receiver)));
       });
     }},
};

INSTANTIATE_TEST_SUITE_P(Rows, EverywhereTest, testing::ValuesIn(kRows), NameOf);

}  // namespace
}  // namespace weft::everywhere

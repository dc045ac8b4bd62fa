// The house in one screen: a task, a channel, a scope that cannot leak, and what runs them.
#include <cstdio>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "channel/channel.h"
#include "future/task.h"
#include "nursery/nursery.h"
#include "runtime/runtime.h"

weft::Task<> Produce(weft::Sender<int> sender) {
  for (int i = 1; i <= 3; ++i) (void)co_await sender.Send(i);
}

weft::Task<int> Sum(weft::Nursery& nursery) {
  auto [sender, receiver] = weft::MakeChannel<int>(1);
  nursery.Spawn(Produce(std::move(sender)));  // The last sender to go closes the channel.
  int sum = 0;
  while (std::optional<int> value = co_await receiver.Receive()) sum += *value;
  co_return sum;
}

int main() {
  weft::Runtime runtime;
  const absl::StatusOr<int> sum = runtime.BlockOn(weft::WithNursery(Sum));
  std::printf("sum: %d\n", sum.value_or(-1));
  return sum.value_or(-1) == 6 ? 0 : 1;
}

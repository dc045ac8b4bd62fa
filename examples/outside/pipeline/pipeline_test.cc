// A program of an outside user: one coroutine sends numbers through a channel, another adds them.
#include <optional>
#include <thread>
#include <utility>

#include "channel/channel.h"
#include "future/block_on.h"
#include "future/task.h"

weft::Task<> Count(weft::Sender<int> sender, int last) {
  for (int i = 1; i <= last; ++i) {
    if (!(co_await sender.Send(i)).ok()) co_return;
  }
}

weft::Task<int> Add(weft::Receiver<int> receiver) {
  int sum = 0;
  while (std::optional<int> number = co_await receiver.Receive()) sum += *number;
  co_return sum;
}

int main() {
  auto [sender, receiver] = weft::MakeChannel<int>(2);
  std::thread counting([sender = std::move(sender)] { weft::BlockOn(Count(sender, 10)); });
  const int sum = weft::BlockOn(Add(receiver));
  counting.join();
  return sum == 55 ? 0 : 1;
}

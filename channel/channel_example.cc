// Two tasks compute squares; a third adds them up. The channel holds four values at most, so the
// producers never run far ahead; it closes when the last producer is done.
#include <cstdio>
#include <optional>
#include <thread>

#include "channel/channel.h"
#include "future/block_on.h"
#include "future/task.h"

weft::Task<> SendSquares(weft::Sender<int> sender, int first, int last) {
  for (int i = first; i <= last; ++i) {
    if (!(co_await sender.Send(i * i)).ok()) co_return;  // Nobody listens any more.
  }
}

weft::Task<int> Add(weft::Receiver<int> receiver) {
  int sum = 0;
  while (std::optional<int> value = co_await receiver.Receive()) sum += *value;
  co_return sum;
}

int main() {
  std::optional<weft::ChannelEnds<int>> ends = weft::MakeChannel<int>(4);
  std::thread low([sender = ends->sender] { weft::BlockOn(SendSquares(sender, 1, 50)); });
  std::thread high([sender = ends->sender] { weft::BlockOn(SendSquares(sender, 51, 100)); });
  const weft::Receiver<int> receiver = ends->receiver;
  ends.reset();  // The producers hold the only senders now.

  const int sum = weft::BlockOn(Add(receiver));
  low.join();
  high.join();
  std::printf("sum of the first 100 squares: %d\n", sum);
  return sum == 338350 ? 0 : 1;
}

// Two tasks compute squares; a third adds them up. The channel holds four values at most, so the
// producers never run far ahead; it closes when the last producer is done. Then a few values as a
// stream.
#include <cstdio>
#include <functional>
#include <optional>
#include <thread>
#include <utility>

#include "channel/channel.h"
#include "future/block_on.h"
#include "future/from_futures.h"
#include "future/stream.h"
#include "future/stream_ops.h"
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

// The values of a channel are a stream: every combinator takes them.
weft::Task<int> AddOdd(weft::Receiver<int> receiver) {
  auto values = weft::FromFutures([receiver] { return receiver.Receive(); });
  auto odd = weft::FilterItems(std::move(values), [](int value) { return value % 2 == 1; });
  auto sum = weft::Fold(std::move(odd), 0, std::plus<>());
  co_return co_await std::move(sum);
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
  if (sum != 338350) return 1;

  auto [sender, few] = weft::MakeUnboundedChannel<int>();
  for (int i = 1; i <= 5; ++i) (void)sender.TrySend(i);
  sender.Close();
  return weft::BlockOn(AddOdd(few)) == 9 ? 0 : 1;
}

// A request carries the way back for its answer.
#include <cstdio>
#include <optional>
#include <thread>
#include <utility>

#include "channel/channel.h"
#include "channel/oneshot.h"
#include "future/block_on.h"
#include "future/task.h"

struct Request {
  int number;
  weft::OneshotSender<int> answer;
};

weft::Task<> Serve(weft::Receiver<Request> requests) {
  while (std::optional<Request> request = co_await requests.Receive()) {
    (void)std::move(request->answer).Send(2 * request->number);
  }
}

int main() {
  auto [sender, receiver] = weft::MakeChannel<Request>(8);
  std::thread server([requests = receiver] { weft::BlockOn(Serve(requests)); });

  auto [answer_sender, answer] = weft::MakeOneshot<int>();
  if (!weft::BlockOn(sender.Send(Request{21, std::move(answer_sender)})).ok()) return 1;
  const std::optional<int> result = weft::BlockOn(answer.Receive());
  std::printf("twice 21 is %d\n", result.value_or(-1));

  sender.Close();
  server.join();
  return result == 42 ? 0 : 1;
}

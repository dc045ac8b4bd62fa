// Messages of different lengths, at most 16 bytes of them at a time.
#include <cstdio>
#include <string>
#include <utility>

#include "mpmc/byte_bounded_queue.h"
#include "mpmc/push_result.h"

int main() {
  weft::ByteBoundedQueue<std::string> queue({.max_bytes = 16, .capacity = 100});
  auto push = [&queue](std::string text) {
    const auto bytes = text.size();
    return queue.TryPush({std::move(text), bytes}).outcome();
  };

  const bool is_right = push("twelve bytes") == weft::PushOutcome::kOk &&
                        push("5 too") == weft::PushOutcome::kFull &&
                        push("four") == weft::PushOutcome::kOk &&
                        push("this one will never fit") == weft::PushOutcome::kTooLarge;
  std::printf("%llu of 16 bytes\n", static_cast<unsigned long long>(queue.BytesHint()));
  return is_right && queue.TryPop()->value == "twelve bytes" ? 0 : 1;
}

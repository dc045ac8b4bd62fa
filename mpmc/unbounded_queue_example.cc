// A thread that must not wait leaves log lines in a queue; another one writes them out.
#include <cstdio>
#include <optional>
#include <string>
#include <thread>

#include "mpmc/unbounded_queue.h"

int main() {
  weft::UnboundedQueue<std::string> lines;

  std::thread worker([&lines] {
    for (int step = 1; step <= 3; ++step) lines.Push("step " + std::to_string(step) + " done");
    lines.Push("");  // An empty line ends the log.
  });

  int written = 0;
  for (;;) {
    std::optional<std::string> line = lines.TryPop();
    if (!line.has_value()) {
      std::this_thread::yield();
      continue;
    }
    if (line->empty()) break;
    std::printf("%s\n", line->c_str());
    ++written;
  }
  worker.join();
  return written == 3 ? 0 : 1;
}

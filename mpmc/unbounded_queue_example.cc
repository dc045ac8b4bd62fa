// A thread that must not wait leaves log lines in a queue; another one writes them out.
#include <cstdio>
#include <string>
#include <thread>

#include "mpmc/unbounded_queue.h"

int main() {
  weft::UnboundedQueue<std::string> lines;

  std::thread worker([&lines] {
    for (int step = 1; step <= 3; ++step) {
      const auto pushed = lines.Push("step " + std::to_string(step) + " done");
      if (!pushed.ok()) return;  // Somebody closed the log.
    }
    lines.Close();
  });

  int written = 0;
  for (;;) {
    const weft::PopResult<std::string> line = lines.SpinPop();
    if (!line.ok()) break;  // Closed, and everything is written.
    std::printf("%s\n", line->c_str());
    ++written;
  }
  worker.join();
  return written == 3 ? 0 : 1;
}

// Two threads append records of two lines each to one log; the mutex keeps the lines of a record
// together, also when writing a line has to wait.
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "future/block_on.h"
#include "future/poll_fn.h"
#include "future/task.h"
#include "sync/async_mutex.h"

struct Log {
  weft::AsyncMutex mutex;
  std::vector<std::string> lines;
};

weft::Task<> WriteRecord(Log* log, std::string name) {
  const weft::AsyncMutexGuard guard = co_await log->mutex.Lock();
  log->lines.push_back("begin " + name);
  co_await weft::YieldNow();  // Stands for a write that has to wait.
  log->lines.push_back("end " + name);
}

int main() {
  Log log;
  std::thread other([&log] { weft::BlockOn(WriteRecord(&log, "there")); });
  weft::BlockOn(WriteRecord(&log, "here"));
  other.join();
  for (const std::string& line : log.lines) std::printf("%s\n", line.c_str());
  return log.lines.size() == 4 && log.lines[0].substr(6) == log.lines[1].substr(4) ? 0 : 1;
}

// A task waits until the configuration has been loaded by another thread.
#include <atomic>
#include <cstdio>
#include <thread>

#include "future/block_on.h"
#include "future/task.h"
#include "sync/notify.h"

weft::Task<int> WaitForVersion(weft::Notify* changed, std::atomic<int>* version) {
  while (true) {
    weft::NotifyWait wait = changed->Wait();  // First: from here on NotifyAll() counts.
    if (version->load() > 0) co_return version->load();
    co_await wait;
  }
}

int main() {
  weft::Notify changed;
  std::atomic<int> version{0};
  std::thread loader([&] {
    version.store(3);
    changed.NotifyAll();
  });
  const int loaded = weft::BlockOn(WaitForVersion(&changed, &version));
  loader.join();
  std::printf("loaded version %d\n", loaded);
  return loaded == 3 ? 0 : 1;
}

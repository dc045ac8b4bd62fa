// Five visitors, taking turns inside one task, share two connections.
#include <cstdio>
#include <utility>
#include <vector>

#include "future/block_on.h"
#include "future/poll_fn.h"
#include "future/task.h"
#include "future/when_all.h"
#include "sync/semaphore.h"

weft::Task<int> Use(weft::Semaphore* connections, int number) {
  const weft::SemaphorePermit permit = co_await connections->Acquire();
  std::printf("visitor %d has a connection, %zu free\n", number, connections->available());
  co_await weft::YieldNow();  // Stands for work that has to wait; the others get their turn.
  co_return number;           // The permit goes back here.
}

int main() {
  weft::Semaphore connections(2);
  std::vector<weft::Task<int>> visitors;
  for (int number = 1; number <= 5; ++number) visitors.push_back(Use(&connections, number));
  const std::vector<int> numbers = weft::BlockOn(weft::WhenAll(std::move(visitors)));
  return numbers == std::vector<int>{1, 2, 3, 4, 5} && connections.available() == 2 ? 0 : 1;
}

// Five tasks share two connections.
#include <cstdio>

#include "future/block_on.h"
#include "future/task.h"
#include "sync/semaphore.h"

weft::Task<int> Use(weft::Semaphore* connections, int number) {
  const weft::SemaphorePermit permit = co_await connections->Acquire();
  std::printf("task %d uses one of the connections, %zu are free\n", number,
              connections->available());
  co_return number;
}

weft::Task<int> UseAll(weft::Semaphore* connections) {
  int sum = 0;
  for (int number = 1; number <= 5; ++number) sum += co_await Use(connections, number);
  co_return sum;
}

int main() {
  weft::Semaphore connections(2);
  const int sum = weft::BlockOn(UseAll(&connections));
  return sum == 15 && connections.available() == 2 ? 0 : 1;
}

// What weft_gdb_test.py looks at: tasks that wait at places that it finds in this text.
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/time/time.h"
#include "future/executor.h"
#include "future/manual_executor.h"
#include "future/poll_fn.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "future/task.h"
#include "future/task_registry.h"

// Never inlined: where the test stops the program.
[[gnu::noinline]] void EverythingWaits(weft::Executor& executor) {
  asm volatile("" : : "r"(&executor) : "memory");
}

namespace {

struct Shop {
  int customers = 0;
};

weft::Task<int> Price(Shop& shop) {
  ++shop.customers;
  co_await weft::SleepFor(absl::Hours(1));  // PLACE: sleep
  co_return 12;
}

weft::Task<int> Total(Shop& shop) {    // PLACE: late
  co_return 2 * co_await Price(shop);  // PLACE: total
}

weft::Task<> Cashier(Shop& shop, weft::JoinHandle<int>* total) {
  ++shop.customers;
  (void)co_await *total;  // PLACE: join
}

}  // namespace

int main(int argc, char** argv) {
  const bool tracks = argc < 2 || std::strcmp(argv[1], "untracked") != 0;
  weft::ManualExecutor executor(tracks ? weft::TaskTracking::kOn : weft::TaskTracking::kOff);
  Shop shop;
  weft::JoinHandle<int> total = weft::Spawn(executor, Total(shop), {.name = "total of today"});
  weft::JoinHandle<void> cashier = weft::Spawn(executor, Cashier(shop, &total));
  weft::JoinHandle<void> never = weft::Spawn(executor, weft::Never<>(), {.name = "never"});
  executor.RunUntilStalled();
  weft::JoinHandle<int> late = weft::Spawn(executor, Total(shop), {.name = "late"});
  std::printf("%p %p %p %p\n", reinterpret_cast<void*>(total.id()),
              reinterpret_cast<void*>(cashier.id()), reinterpret_cast<void*>(never.id()),
              reinterpret_cast<void*>(late.id()));
  std::fflush(stdout);
  EverythingWaits(executor);
  executor.CancelAll();
  executor.RunUntilStalled();
  return 0;
}

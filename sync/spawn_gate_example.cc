// A thread that makes tasks faster than they end: the gate lets two live at a time, and makes the
// thread wait for the next place.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <optional>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/instant.h"
#include "future/poll_fn.h"
#include "future/task.h"
#include "future/test_pool.h"
#include "sync/spawn_gate.h"

namespace {

constexpr int kRequests = 20;

struct Load {
  std::atomic<int> now{0};
  std::atomic<int> most{0};
  std::atomic<int> handled{0};
};

weft::Task<> Handle(Load* load) {
  const int now = load->now.fetch_add(1) + 1;
  int most = load->most.load();
  while (most < now && !load->most.compare_exchange_weak(most, now)) {
  }
  co_await weft::YieldNow();
  load->now.fetch_sub(1);
  load->handled.fetch_add(1);
}

}  // namespace

int main() {
  weft::TestPool pool(2);  // A program of your own takes a weft::Runtime.
  weft::SpawnGate gate(pool, 2);
  Load load;
  std::thread server([&] {
    for (int i = 0; i < kRequests; ++i) {
      absl::StatusOr<weft::Admission> place = gate.AdmitUntil(weft::Instant::InfiniteFuture());
      if (place.ok()) std::move(*place).Spawn(Handle(&load)).Detach();
    }
  });
  server.join();
  gate.CloseAndWait();
  std::printf("%d requests handled, at most %d at once\n", load.handled.load(), load.most.load());
  return load.handled.load() == kRequests && load.most.load() <= 2 ? 0 : 1;
}

// Goal: processor time is that of the thread, grows with its work alone, and stays when it ends.
#include "runtime/internal/cpu_clock.h"

#include <thread>

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace weft::runtime_internal {
namespace {

TEST(CpuClockTest, IsZeroBeforeTheStart) { EXPECT_EQ(CpuClock().Read(), absl::ZeroDuration()); }

TEST(CpuClockTest, GrowsWhileTheThreadWorksAndStaysWhenItHasEnded) {
  CpuClock clock;
  std::thread worker([&] {
    clock.Start();
    while (clock.Read() < absl::Milliseconds(5)) {
    }
    clock.Stop();
  });
  worker.join();
  const absl::Duration used = clock.Read();
  EXPECT_GE(used, absl::Milliseconds(5));
  std::thread([] {}).join();
  EXPECT_EQ(clock.Read(), used);
}

TEST(CpuClockTest, AnotherThreadReadsIt) {
  CpuClock clock;
  clock.Start();
  std::thread reader([&] {
    const absl::Duration first = clock.Read();
    EXPECT_GT(first, absl::ZeroDuration());
    EXPECT_GE(clock.Read(), first);
  });
  reader.join();
  clock.Stop();
}

}  // namespace
}  // namespace weft::runtime_internal

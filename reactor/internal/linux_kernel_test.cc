// Question: does the machine's kernel report the wake-up signal once for each time that it was
// raised, though nobody clears it? The reactor would lose wakes, or spin, if it did not.
#include <sys/epoll.h>

#include <array>
#include <memory>
#include <thread>

#include "absl/status/statusor.h"
#include "base/instant.h"
#include "gtest/gtest.h"
#include "reactor/internal/kernel.h"

namespace weft::reactor_internal {
namespace {

// How many events there are, each of which must be the signal.
int Wait(Kernel& kernel, Instant deadline) {
  std::array<epoll_event, 4> events;
  const int count = kernel.Wait(events.data(), static_cast<int>(events.size()), deadline);
  for (int i = 0; i < count; ++i) {
    const auto token = events[static_cast<size_t>(i)].data.u64;  // packed: a copy
    EXPECT_EQ(token, Kernel::kWakeToken);
  }
  return count;
}

TEST(LinuxKernelTest, ASignalIsReportedOnce) {
  const absl::StatusOr<std::unique_ptr<Kernel>> kernel = MakeLinuxKernel();
  ASSERT_TRUE(kernel.ok()) << kernel.status();
  EXPECT_EQ(Wait(**kernel, Instant::InfinitePast()), 0);
  for (int i = 0; i < 100; ++i) {
    for (int signals = 0; signals <= i % 3; ++signals) (*kernel)->Signal();
    EXPECT_EQ(Wait(**kernel, Instant::InfiniteFuture()), 1);
    EXPECT_EQ(Wait(**kernel, Instant::InfinitePast()), 0);
  }
}

TEST(LinuxKernelTest, ASignalOfAnotherThreadEndsAWait) {
  const absl::StatusOr<std::unique_ptr<Kernel>> kernel = MakeLinuxKernel();
  ASSERT_TRUE(kernel.ok()) << kernel.status();
  for (int i = 0; i < 100; ++i) {
    std::thread other([&kernel] { (*kernel)->Signal(); });
    EXPECT_EQ(Wait(**kernel, Instant::InfiniteFuture()), 1);
    other.join();
    EXPECT_EQ(Wait(**kernel, Instant::InfinitePast()), 0);
  }
}

}  // namespace
}  // namespace weft::reactor_internal

// Goal: a parker that sleeps in a poller instead of a futex keeps the whole contract, and its
// thread serves descriptors meanwhile. Method: a site of an eventfd and poll(2), as a reactor has
// them.
#include "parker/park_site.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <stop_token>
#include <thread>
#include <utility>

#include "absl/time/time.h"
#include "base/instant.h"
#include "gtest/gtest.h"
#include "parker/event_count.h"
#include "parker/parker.h"

namespace weft {
namespace {

int Millis(Instant deadline) {
  if (deadline == Instant::InfiniteFuture()) return -1;
  const absl::Duration left = std::max(deadline - MonotonicNow(), absl::ZeroDuration());
  return static_cast<int>(std::min<int64_t>(absl::ToInt64Milliseconds(left) + 1, 1000));
}

// Waits for its own eventfd and for one descriptor of the user's, which it serves by a callback.
class PollSite final : public ParkSite {
 public:
  PollSite() : wake_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
  ~PollSite() override { close(wake_fd_); }

  void Serve(int fd, std::function<void()> callback) {
    served_fd_ = fd;
    callback_ = std::move(callback);
  }

  void Sleep(Instant deadline) override {
    sleeps_.fetch_add(1, std::memory_order_relaxed);
    pollfd fds[] = {{wake_fd_, POLLIN, 0}, {served_fd_, POLLIN, 0}};
    if (poll(fds, 2, Millis(deadline)) <= 0) return;
    uint64_t count = 0;
    if (fds[0].revents != 0) EXPECT_EQ(read(wake_fd_, &count, sizeof(count)), 8);
    if (fds[1].revents != 0) callback_();
  }

  void Wake() override {
    const uint64_t one = 1;
    EXPECT_EQ(write(wake_fd_, &one, sizeof(one)), 8);
    wakes_.fetch_add(1, std::memory_order_relaxed);
  }

  int sleeps() const { return sleeps_.load(std::memory_order_relaxed); }
  int wakes() const { return wakes_.load(std::memory_order_relaxed); }

 private:
  const int wake_fd_;
  int served_fd_ = -1;  // poll(2) skips negative ones
  std::function<void()> callback_;
  std::atomic<int> sleeps_{0};
  std::atomic<int> wakes_{0};
};

class ParkSiteTest : public testing::Test {
 protected:
  const std::shared_ptr<PollSite> site_ = std::make_shared<PollSite>();
  Parker parker_{{.site = site_}};
};

TEST_F(ParkSiteTest, UnparkEndsASleepInTheSite) {
  int payload = 0;  // Not atomic: the token orders the accesses.
  std::thread other([&, unparker = parker_.unparker()] {
    while (site_->sleeps() == 0) std::this_thread::yield();
    payload = 42;
    unparker.Unpark();
  });
  parker_.Park();
  EXPECT_EQ(payload, 42);
  other.join();
  EXPECT_LE(site_->wakes(), 1);
}

TEST_F(ParkSiteTest, TokenThatIsThereNeedsNoSleep) {
  parker_.unparker().Unpark();
  parker_.Park();
  EXPECT_EQ(site_->sleeps(), 0);
  EXPECT_EQ(site_->wakes(), 0);
}

TEST_F(ParkSiteTest, DeadlineIsKept) {
  const Instant deadline = MonotonicNow() + absl::Milliseconds(3);
  EXPECT_EQ(parker_.ParkUntil(deadline), ParkResult::kDeadline);
  EXPECT_GE(MonotonicNow(), deadline);
}

TEST_F(ParkSiteTest, StopRequestEndsASleepInTheSite) {
  std::stop_source stop;
  std::thread other([&] {
    while (site_->sleeps() == 0) std::this_thread::yield();
    stop.request_stop();
  });
  EXPECT_EQ(parker_.Park(stop.get_token()), ParkResult::kStop);
  other.join();
}

// What a reactor's callback does when it has something for its own thread to do.
TEST_F(ParkSiteTest, CallbacksInTheSiteRunWhileParkedAndMayUnpark) {
  const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  std::atomic<int> served{0};
  const Unparker unparker = parker_.unparker();  // Not the callback's: the site owns that.
  site_->Serve(fd, [&] {
    uint64_t count = 0;
    EXPECT_EQ(read(fd, &count, sizeof(count)), 8);
    if (served.fetch_add(1) == 1) unparker.Unpark();
  });
  std::thread other([&] {
    const uint64_t one = 1;
    for (int i = 1; i <= 2; ++i) {
      EXPECT_EQ(write(fd, &one, sizeof(one)), 8);
      while (served.load() < i) std::this_thread::yield();
    }
  });
  parker_.Park();
  EXPECT_EQ(served.load(), 2);
  other.join();
  close(fd);
}

TEST_F(ParkSiteTest, SiteLivesAsLongAsAnUnparker) {
  std::weak_ptr<PollSite> site;
  Unparker unparker = [&site] {
    auto own = std::make_shared<PollSite>();
    site = own;
    return Parker({.site = std::move(own)}).unparker();
  }();
  EXPECT_FALSE(site.expired());
  unparker.Unpark();
  {
    const Unparker last = std::move(unparker);
  }
  EXPECT_TRUE(site.expired());
}

TEST_F(ParkSiteTest, ThreadWaitsAtAnEventCountInItsSite) {
  EventCount events;
  std::atomic<bool> holds{false};
  std::thread other([&] {
    while (site_->sleeps() == 0) std::this_thread::yield();
    holds.store(true, std::memory_order_relaxed);
    events.NotifyOne();
  });
  while (!holds.load(std::memory_order_relaxed)) {
    EventCount::Key key = events.PrepareWait(parker_);
    if (!holds.load(std::memory_order_relaxed)) events.CommitWait(key);
  }
  other.join();
}

}  // namespace
}  // namespace weft

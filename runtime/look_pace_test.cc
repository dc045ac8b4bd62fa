// Question: does a busy worker look around as often as its runs allow: by their number while they
// are short, by time once they are long? Method: runs of chosen lengths on a clock of the test's.
#include "runtime/internal/look_pace.h"

#include <algorithm>
#include <cstdint>

#include "base/instant.h"
#include "gtest/gtest.h"

namespace weft::runtime_internal {
namespace {

constexpr int64_t kMicro = 1'000;
constexpr int64_t kMilli = 1'000'000;
constexpr int64_t kTick = 4 * kMilli;

// A worker that does nothing but run.
class Runner {
 public:
  // A run of so many nanoseconds. Returns whether there was a look before it.
  bool Run(int64_t nanos) {
    const bool is_check_next = pace_.IsCheckNext();
    const bool is_check = pace_.CountRun();
    EXPECT_EQ(is_check, is_check_next);
    const bool looks = is_check && pace_.IsTimeToLook(Coarse());
    if (looks) pace_.Looked(Instant::FromNanos(now_), Coarse());
    now_ += nanos;
    return looks;
  }

  // Runs until there has been a look, and returns how many there were before that.
  int RunsUntilLook(int64_t nanos) {
    int runs = 0;
    while (!Run(nanos)) ++runs;
    return runs;
  }

  // The same between two looks, when the pace has found itself.
  int RunsBetweenLooks(int64_t nanos) {
    for (int i = 0; i < 8; ++i) (void)RunsUntilLook(nanos);
    return RunsUntilLook(nanos) + 1;
  }

  void IdleFor(int64_t nanos) {
    now_ += nanos;
    pace_.Resume(Instant::FromNanos(now_));
  }

 private:
  int64_t Coarse() const { return now_ / kTick; }

  int64_t now_ = kTick;
  int runs_left_ = 1;
  LookPace pace_{runs_left_};
};

TEST(LookPaceTest, ThereIsALookBeforeTheFirstRun) { EXPECT_TRUE(Runner().Run(1)); }

TEST(LookPaceTest, ShortRunsAreCounted) {
  EXPECT_EQ(Runner().RunsBetweenLooks(1), 64);
  EXPECT_EQ(Runner().RunsBetweenLooks(50), 64);
}

TEST(LookPaceTest, LongerRunsHaveALookEveryTenMicroseconds) {
  EXPECT_EQ(Runner().RunsBetweenLooks(500), 20);
  EXPECT_EQ(Runner().RunsBetweenLooks(1 * kMicro), 10);
  EXPECT_EQ(Runner().RunsBetweenLooks(3 * kMicro), 3);
}

TEST(LookPaceTest, LongRunsHaveALookBeforeEach) {
  for (const int64_t nanos : {6 * kMicro, 10 * kMicro, 100 * kMicro, 1 * kMilli, 100 * kMilli}) {
    EXPECT_EQ(Runner().RunsBetweenLooks(nanos), 1) << nanos;
  }
}

// So many runs that a mean of one length would call short do not hide those of the other.
TEST(LookPaceTest, ShortAndLongRunsInTurnAreTakenForLongOnes) {
  Runner runner;
  (void)runner.RunsBetweenLooks(1);
  int runs = 0;
  int since_look = 0;
  int most = 0;
  for (; runs < 10'000; ++runs) {
    since_look = runner.Run(runs % 2 == 0 ? 100 * kMicro : 1) ? 1 : since_look + 1;
    if (runs > 200) most = std::max(most, since_look);
  }
  EXPECT_LE(most, 2);
}

// Whatever the worker has just done.
TEST(LookPaceTest, TheNextTickFindsThatRunsHaveBecomeLong) {
  for (int shift = 0; shift < 64; ++shift) {
    Runner runner;
    (void)runner.RunsBetweenLooks(1);
    for (int i = 0; i < shift; ++i) (void)runner.Run(1);
    int runs = runner.RunsUntilLook(kMilli);
    if (runs == 0) runs = runner.RunsUntilLook(kMilli);  // it was time for a look
    EXPECT_LE(runs, kTick / kMilli + LookPace::kMostRunsPerCheck);
    EXPECT_EQ(runner.RunsUntilLook(kMilli), 0);
  }
}

TEST(LookPaceTest, RunsThatBecomeShortAreSoonCountedAgain) {
  Runner runner;
  EXPECT_EQ(runner.RunsBetweenLooks(kMilli), 1);
  EXPECT_EQ(runner.RunsBetweenLooks(1), 64);
}

TEST(LookPaceTest, IdlenessIsNoRun) {
  Runner runner;
  (void)runner.RunsBetweenLooks(1);
  for (int i = 0; i < 10; ++i) (void)runner.Run(1);
  runner.IdleFor(kMicro * 100);
  EXPECT_EQ(runner.RunsUntilLook(1), 63);
  EXPECT_EQ(runner.RunsUntilLook(1), 63);
}

}  // namespace
}  // namespace weft::runtime_internal

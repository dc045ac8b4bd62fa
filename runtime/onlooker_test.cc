// Question: does a worker without work tell owners that are stuck with what they keep from those
// that make progress, and does the poller make its rounds as often as it should? Method: owners
// whose views the test sets, on a clock of the test's own.
#include "runtime/internal/onlooker.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "base/instant.h"
#include "gtest/gtest.h"

namespace weft::runtime_internal {
namespace {

constexpr std::size_t kNobody = Onlooker::kNobody;
constexpr int64_t kPatience = 2'000;

class OnlookerTest : public testing::Test {
 protected:
  // A look after so many nanoseconds.
  std::size_t LookAfter(int64_t nanos) {
    now_ += nanos;
    return onlooker_.Look(Instant::FromNanos(now_), [this](std::size_t i) { return owners_[i]; });
  }
  std::size_t Look() { return LookAfter(1); }

  // Runs a task from the slot, and keeps the next one there or nothing.
  static void RunSlot(Onlooker::View& owner, bool keeps) {
    owner = {.keeps = keeps, .runs = owner.runs + 1, .slot_runs = owner.slot_runs + 1};
  }

  int64_t now_ = 0;
  std::vector<Onlooker::View> owners_ = std::vector<Onlooker::View>(2);
  Onlooker onlooker_{2};
};

TEST_F(OnlookerTest, WhoKeepsNothingIsDecidedAtOnce) {
  onlooker_.Begin();
  EXPECT_EQ(Look(), kNobody);
  EXPECT_FALSE(onlooker_.IsUndecided());
  EXPECT_FALSE(onlooker_.TakeKept());
}

TEST_F(OnlookerTest, WhoKeepsSomethingInTheSameRunIsStuck) {
  owners_[1].keeps = true;
  onlooker_.Begin();
  EXPECT_EQ(Look(), kNobody);
  EXPECT_TRUE(onlooker_.IsUndecided());
  EXPECT_EQ(LookAfter(kPatience - 1), kNobody);
  EXPECT_TRUE(onlooker_.IsUndecided());
  EXPECT_EQ(Look(), 1u);
}

TEST_F(OnlookerTest, WhoBeginsARunIsNotStuck) {
  owners_[0].keeps = true;
  onlooker_.Begin();
  EXPECT_EQ(Look(), kNobody);
  RunSlot(owners_[0], true);
  EXPECT_EQ(LookAfter(kPatience), kNobody);
  EXPECT_FALSE(onlooker_.IsUndecided());
  // And is, when it does not go on.
  EXPECT_EQ(LookAfter(kPatience - 1), kNobody);
  EXPECT_EQ(Look(), 0u);
}

TEST_F(OnlookerTest, WhoKeptNothingInBetweenIsNotStuck) {
  owners_[0].keeps = true;
  onlooker_.Begin();
  EXPECT_EQ(Look(), kNobody);
  owners_[0].keeps = false;
  EXPECT_EQ(Look(), kNobody);
  EXPECT_FALSE(onlooker_.IsUndecided());
  owners_[0].keeps = true;
  EXPECT_EQ(LookAfter(kPatience), kNobody);
  EXPECT_FALSE(onlooker_.IsUndecided());
}

TEST_F(OnlookerTest, WhatWasSeenBeforeTheBeginningProvesNothing) {
  owners_[0].keeps = true;
  onlooker_.Begin();
  EXPECT_EQ(Look(), kNobody);
  onlooker_.Begin();
  EXPECT_EQ(LookAfter(kPatience), kNobody);
  EXPECT_TRUE(onlooker_.IsUndecided());
}

TEST_F(OnlookerTest, Regression_OneThatMakesProgressHidesNoneThatIsStuck) {
  owners_[0].keeps = true;
  owners_[1].keeps = true;
  onlooker_.Begin();
  EXPECT_EQ(Look(), kNobody);
  RunSlot(owners_[0], true);
  EXPECT_EQ(Look(), kNobody);
  EXPECT_TRUE(onlooker_.IsUndecided());
  RunSlot(owners_[0], true);
  EXPECT_EQ(LookAfter(kPatience), 1u);
}

TEST_F(OnlookerTest, KeptIsWhatIsSeenOrHasRunFromTheSlotSinceTheLastLook) {
  onlooker_.Forget();
  onlooker_.Begin();
  EXPECT_EQ(Look(), kNobody);
  EXPECT_FALSE(onlooker_.TakeKept());
  RunSlot(owners_[0], false);
  onlooker_.Begin();
  EXPECT_EQ(Look(), kNobody);
  EXPECT_FALSE(onlooker_.IsUndecided());
  EXPECT_TRUE(onlooker_.TakeKept());
  EXPECT_FALSE(onlooker_.TakeKept());
  owners_[0].keeps = true;
  EXPECT_EQ(Look(), kNobody);
  EXPECT_TRUE(onlooker_.TakeKept());
}

TEST_F(OnlookerTest, WhatRanFromTheSlotBeforeItWasForgottenDoesNotCount) {
  owners_[0].keeps = true;
  onlooker_.Begin();
  EXPECT_EQ(Look(), kNobody);
  RunSlot(owners_[0], false);
  onlooker_.Forget();
  onlooker_.Begin();
  EXPECT_EQ(Look(), kNobody);
  EXPECT_FALSE(onlooker_.TakeKept());
}

TEST(RoundPaceTest, PausesDoubleUpToTheMost) {
  RoundPace pace;
  Instant now = Instant::FromNanos(1);
  pace.Restart(now);
  std::vector<absl::Duration> pauses;
  for (int i = 0; i < 6; ++i) {
    pauses.push_back(pace.next() - now);
    now = pace.next();
    pace.MadeOne(now);
  }
  std::vector<absl::Duration> expected;
  for (const int micros : {20, 40, 80, 160, 200, 200}) {
    expected.push_back(absl::Microseconds(micros));
  }
  EXPECT_EQ(pauses, expected);
  pace.Restart(now);
  EXPECT_EQ(pace.next() - now, RoundPace::kFirst);
}

}  // namespace
}  // namespace weft::runtime_internal

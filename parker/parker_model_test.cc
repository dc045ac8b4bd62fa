// Goal: the parker's protocol holds in every behaviour that the C++ memory model allows, and each
// of its memory orders is needed. Method: the body that ships, over tools/model, in scenarios of
// two or three threads that are explored exhaustively; each mutant of each order must fail one of
// them. A lost wake-up shows as a deadlock, a missing edge as a data race on plain memory.
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/instant.h"
#include "gtest/gtest.h"
#include "parker/internal/model_futex.h"
#include "parker/park_site.h"
#include "parker/parker.h"
#include "tools/model/atomic.h"
#include "tools/model/model.h"
#include "tools/model/plain.h"
#include "tools/model/testing.h"

namespace weft {
namespace {

using parker_internal::ModelAtomics;
using ModelUnparker = parker_internal::BasicUnparker<ModelAtomics>;

// Lets a scenario request stops without std::stop_token, which is not of the model.
class ModelParker : public parker_internal::BasicParker<ModelAtomics> {
 public:
  using BasicParker::BasicParker;
  using BasicParker::state;
};

// Any deadline that may pass.
constexpr Instant kSoon = Instant::FromNanos(1);
constexpr Instant kNever = Instant::InfiniteFuture();

// The token may come before the park, during it, or while the owner falls asleep.
void TokenWakesAndPublishes() {
  ModelParker parker;
  model::Plain<int> data{0};
  model::Thread other([&, unparker = parker.unparker()] {
    data.Write(42);
    unparker.Unpark();
  });
  parker.Park();
  model::Assert(data.Read() == 42, "the token came without what was before it");
  model::Assert(!parker.TryPark(), "a token was spent twice");
  other.Join();
}

void TryParkPublishes() {
  ModelParker parker;
  model::Plain<int> data{0};
  model::Thread other([&, unparker = parker.unparker()] {
    data.Write(42);
    unparker.Unpark();
  });
  if (parker.TryPark()) model::Assert(data.Read() == 42, "lost");
  other.Join();
}

void DeadlineLeavesTheTokenForTheNextPark() {
  ModelParker parker;
  model::Plain<int> data{0};
  model::Thread other([&, unparker = parker.unparker()] {
    data.Write(42);
    unparker.Unpark();
  });
  const ParkResult result = parker.ParkUntil(kSoon);
  model::Assert(result != ParkResult::kStop, "nobody requested a stop");
  if (result == ParkResult::kDeadline) parker.Park();
  model::Assert(data.Read() == 42, "lost");
  model::Assert(!parker.TryPark(), "a token was spent twice");
  other.Join();
}

// The owner sleeps again when an unparker that saw its first sleep has not woken it yet.
void LateWakerEndsNoLaterSleep() {
  ModelParker parker;
  model::Atomic<int> sent{0};
  model::Plain<int> data[2];
  const auto send = [&](int i, const ModelUnparker& unparker) {
    data[i].Write(42);
    sent.fetch_add(1, std::memory_order_relaxed);
    unparker.Unpark();
  };
  model::Thread one([&, unparker = parker.unparker()] { send(0, unparker); });
  model::Thread two([&, unparker = parker.unparker()] { send(1, unparker); });
  int tokens = parker.ParkUntil(kSoon) == ParkResult::kToken ? 1 : 0;
  while (tokens == 0 || sent.load(std::memory_order_relaxed) < 2) {
    parker.Park();
    ++tokens;
    model::Assert(tokens <= 2, "a park ended without a token");
  }
  // The tokens may have merged; the last one may be still on its way.
  one.Join();
  two.Join();
}

// Tokens merge, what was published does not: if one token stands for both unparks, its park has
// seen what came before either. (Relaxed loads: only the token makes them see it.)
void MergedTokensPublishBoth() {
  ModelParker parker;
  model::Atomic<int> published[2];
  const auto send = [&](int i, const ModelUnparker& unparker) {
    published[i].store(1, std::memory_order_relaxed);
    unparker.Unpark();
  };
  model::Thread one([&, unparker = parker.unparker()] { send(0, unparker); });
  model::Thread two([&, unparker = parker.unparker()] { send(1, unparker); });
  parker.Park();
  const int seen =
      published[0].load(std::memory_order_relaxed) + published[1].load(std::memory_order_relaxed);
  one.Join();
  two.Join();
  model::Assert(parker.TryPark() || seen == 2, "a merged token published one unpark only");
}

void StopEndsASleepAndPublishes() {
  ModelParker parker;
  model::Plain<int> data{0};
  model::Thread other([&] {
    data.Write(42);
    parker.state()->RequestStop();
  });
  model::Assert(parker.ParkUntil(kNever) == ParkResult::kStop, "expected the stop");
  model::Assert(data.Read() == 42, "the stop came without what was before it");
  other.Join();
  parker.state()->ForgetStop();
  model::Assert(!parker.TryPark(), "a stop left a token");
}

void StopAndTokenAreBothDelivered() {
  ModelParker parker;
  model::Thread stopper([&] { parker.state()->RequestStop(); });
  model::Thread other([&, unparker = parker.unparker()] { unparker.Unpark(); });
  const ParkResult first = parker.ParkUntil(kNever);
  if (first == ParkResult::kStop) {
    stopper.Join();
    parker.state()->ForgetStop();
    parker.Park();
  } else {
    model::Assert(parker.ParkUntil(kNever) == ParkResult::kStop, "expected the stop");
    stopper.Join();
  }
  other.Join();
}

// Whoever drops the last handle deletes the state, after all that others did to it.
void StateOutlivesItsLastHandle() {
  std::optional<ModelParker> parker(std::in_place);
  model::Thread other([unparker = parker->unparker()] {
    ModelUnparker copy = unparker;
    copy.Unpark();
  });
  parker->Park();
  parker.reset();
  other.Join();
}

// An eventfd in small: a wake is remembered until a sleep takes it. One sleep may end early.
class ModelSite final : public ParkSite {
 public:
  void Sleep(Instant) override {
    if (may_be_early_ && model::Choose(2) == 1) {
      may_be_early_ = false;
      return;
    }
    while (wakes_.exchange(0, std::memory_order_acquire) == 0) {
      ModelAtomics::FutexWait(wakes_, 0, kNever);
    }
  }
  void Wake() override {
    wakes_.store(1, std::memory_order_release);
    ModelAtomics::FutexWake(wakes_, 1);
  }

 private:
  model::Atomic<uint64_t> wakes_{0};
  bool may_be_early_ = true;  // owner only
};

void SiteIsWokenAndMayReturnEarly() {
  ModelParker parker({.site = std::make_shared<ModelSite>()});
  model::Plain<int> data{0};
  model::Thread other([&, unparker = parker.unparker()] {
    data.Write(42);
    unparker.Unpark();
  });
  parker.Park();
  model::Assert(data.Read() == 42, "lost");
  model::Assert(!parker.TryPark(), "a token was spent twice");
  other.Join();
}

const std::vector<model::Scenario> kScenarios = {
    {"TokenWakesAndPublishes", TokenWakesAndPublishes, {}},
    {"TryParkPublishes", TryParkPublishes, {}},
    {"DeadlineLeavesTheTokenForTheNextPark", DeadlineLeavesTheTokenForTheNextPark, {}},
    {"StopEndsASleepAndPublishes", StopEndsASleepAndPublishes, {}},
    {"StateOutlivesItsLastHandle", StateOutlivesItsLastHandle, {}},
    {"SiteIsWokenAndMayReturnEarly", SiteIsWokenAndMayReturnEarly, {}},
    {"MergedTokensPublishBoth", MergedTokensPublishBoth, {}},
    {"StopAndTokenAreBothDelivered", StopAndTokenAreBothDelivered, {}},
    {"LateWakerEndsNoLaterSleep", LateWakerEndsNoLaterSleep, {}},
};

TEST(ParkerModelTest, HoldsInEveryBehaviour) { model::ExpectHolds(kScenarios); }

TEST(ParkerModelTest, HoldsWhereTheKernelWakesForNoReason) {
  // The last scenario has a wake without a reason itself, and four times as many executions so.
  model::ExpectHoldsWithSpuriousWakes({kScenarios.begin(), kScenarios.end() - 1});
}

TEST(ParkerMutantTest, EveryMutantIsCaught) {
  model::ExpectMutantsCaught({"parker/parker.h", "parker/internal/park_state.h"}, kScenarios);
}

}  // namespace
}  // namespace weft

// The inbox, the states of a timer and the owner's sleep under the model checker: every behaviour
// that the C++ memory model allows, and every mutant of the orders.
//
// Two or three threads, one or two timers, at most two calls of each thread beside the owner's. The
// wheel itself is the one that ships; only its owner touches it.
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "base/instant.h"
#include "gtest/gtest.h"
#include "timer/internal/shared_timer_wheel.h"
#include "tools/model/model.h"
#include "tools/model/testing.h"

namespace weft {
namespace {

using model::Assert;
using Wheel = timer_internal::SharedTimerWheel<model::Atomics>;

// A timer with memory of its user's: written before it is armed, read when it fires.
struct Timer : timer_internal::SharedTimer<model::Atomics> {
  model::Plain<int> payload{0};
};

Instant At(int64_t ms) { return Instant() + absl::Milliseconds(ms); }

struct World {
  Wheel wheel{Instant()};
  std::unique_ptr<Timer> timer = std::make_unique<Timer>();
  Timer other;

  // Advances to `ms` and pops; returns how often `timer` fired.
  int Fire(int64_t ms) {
    wheel.Advance(At(ms));
    int fired = 0;
    while (auto* const popped = wheel.PopExpired()) {
      if (popped != timer.get()) continue;
      static_cast<Timer*>(popped)->payload.Read();
      ++fired;
    }
    return fired;
  }
  // Advances to 2 ms and pops what fires and what was retired, which is destroyed. Returns how
  // often the timer fired.
  int FireAndFree() {
    wheel.Advance(At(2));
    const int fired = wheel.PopExpired() != nullptr ? 1 : 0;
    if (wheel.PopRetired() != nullptr) {
      timer->payload.Read();
      timer.reset();
    }
    return fired;
  }
  // When all threads have ended: what is left fires, and nothing stays behind.
  int Finish() {
    const int fired = Fire(1'000);
    Assert(timer->IsReleased(), "the timer is held for ever");
    Assert(wheel.PopExpired() == nullptr && wheel.size() == 0, "something is left in the wheel");
    return fired;
  }
};

void ArmAgainstDrain() {
  const auto world = std::make_unique<World>();
  model::Thread client([&] {
    world->timer->payload.Write(1);
    Assert(world->wheel.ArmRemotely(world->timer.get(), At(1)) == ArmResult::kArmed, "awake");
  });
  int fired = world->Fire(2);
  client.Join();
  fired += world->Finish();
  Assert(fired == 1, "an armed timer fires once");
}

void CancelOfQueued() {
  const auto world = std::make_unique<World>();
  int cancelled = 0;
  model::Thread client([&] {
    world->timer->payload.Write(1);
    (void)world->wheel.ArmRemotely(world->timer.get(), At(1));
    cancelled += world->wheel.CancelRemotely(world->timer.get());
  });
  int fired = world->Fire(2);
  client.Join();
  fired += world->Finish();
  Assert(fired + cancelled == 1, "fired or cancelled, not both, not neither");
}

void CancelOfArmedAgainstFire() {
  const auto world = std::make_unique<World>();
  model::Plain<int> note{0};
  world->wheel.Arm(world->timer.get(), At(1));
  int cancelled = 0;
  model::Thread client([&] {
    cancelled += world->wheel.CancelRemotely(world->timer.get());
    if (cancelled == 0) Assert(note.Read() == 7, "written before the pop");
  });
  note.Write(7);
  int fired = world->Fire(2);
  client.Join();
  fired += world->Finish();
  Assert(fired + cancelled == 1, "fired or cancelled, not both, not neither");
}

// The owner's own cancel against another's, which sees what the owner did if it came too late.
void TwoCancels() {
  const auto world = std::make_unique<World>();
  model::Plain<int> note{0};
  world->wheel.Arm(world->timer.get(), At(1));
  int remotely = 0;
  model::Thread client([&] {
    remotely += world->wheel.CancelRemotely(world->timer.get());
    if (remotely == 0) note.Read();
  });
  note.Write(7);
  const int here = world->wheel.Cancel(world->timer.get());
  client.Join();
  Assert(here + remotely == 1 && world->Finish() == 0, "one of two cancels, and no fire");
}

// A timer that was settled goes into the inbox again while the owner still walks over it.
void LinkIsReused() {
  const auto world = std::make_unique<World>();
  int cancelled = 0;
  model::Thread client([&] {
    (void)world->wheel.ArmRemotely(&world->other, At(1));
    (void)world->wheel.ArmRemotely(world->timer.get(), At(1));
    cancelled += world->wheel.CancelRemotely(world->timer.get());
  });
  world->wheel.Advance(At(0));
  client.Join();
  const int fired = world->Finish();
  Assert(fired + cancelled == 1, "fired or cancelled");
}

// Moved by another thread while the owner fires it, with another payload.
void MoveAgainstFire() {
  const auto world = std::make_unique<World>();
  world->wheel.Arm(world->timer.get(), At(1));
  model::Plain<int> fresh{0};
  model::Thread client([&] {
    fresh.Write(1);
    (void)world->wheel.ArmRemotely(world->timer.get(), At(5));
  });
  const int early = world->Fire(2);
  Assert(early <= 1, "twice");
  client.Join();
  Assert(world->Fire(4) == 0, "not before its new deadline");
  Assert(world->Finish() == 1, "the new deadline is not lost");
}

// A move of what lies in the inbox: what came before the second arming is visible when it fires.
void MoveOfQueued() {
  const auto world = std::make_unique<World>();
  model::Thread client([&] {
    (void)world->wheel.ArmRemotely(world->timer.get(), At(100));
    world->timer->payload.Write(1);
    (void)world->wheel.ArmRemotely(world->timer.get(), At(5));
  });
  int fired = world->Fire(6);
  client.Join();
  fired += world->Finish();
  Assert(fired == 1, "the second replaces the first");
}

// Cancelled while it lies in the inbox, and destroyed by somebody else once it is released.
void CancelledByOneDestroyedByAnother() {
  const auto world = std::make_unique<World>();
  Timer* const timer = world->timer.get();
  model::Atomic<int> is_cancelled{0};
  (void)world->wheel.ArmRemotely(timer, At(9));
  model::Thread client([&world, &is_cancelled, timer] {
    if (world->wheel.CancelRemotely(timer)) is_cancelled.store(1, std::memory_order_relaxed);
  });
  world->wheel.Advance(At(1));
  if (is_cancelled.load(std::memory_order_relaxed) == 1 && timer->IsReleased()) {
    world->timer.reset();
  }
  client.Join();
  world->wheel.Advance(At(1));
}

// Armed anew for the same tick, and settled, between the two looks that a cancel takes.
void CancelAgainstMoveToTheSameTick() {
  const auto world = std::make_unique<World>();
  world->wheel.Arm(world->timer.get(), At(9));
  int cancelled = 0;
  model::Thread mover([&] { (void)world->wheel.ArmRemotely(world->timer.get(), At(9)); });
  model::Thread canceller([&] { cancelled += world->wheel.CancelRemotely(world->timer.get()); });
  world->wheel.Advance(At(1));
  mover.Join();
  canceller.Join();
  Assert(cancelled == 1 && world->Finish() <= 1, "it is armed all the time, for one tick");
}

// Two threads put two timers into the inbox at once.
void TwoClients() {
  const auto world = std::make_unique<World>();
  model::Thread a([&] {
    world->timer->payload.Write(1);
    (void)world->wheel.ArmRemotely(world->timer.get(), At(1));
  });
  model::Thread b([&] { (void)world->wheel.ArmRemotely(&world->other, At(1)); });
  int fired = world->Fire(2);
  a.Join();
  b.Join();
  fired += world->Finish();
  Assert(fired == 1 && world->other.IsReleased(), "an armed timer fires once");
}

// One thread arms and another cancels the same timer.
void ArmAgainstCancel() {
  const auto world = std::make_unique<World>();
  int cancelled = 0;
  model::Thread a([&] { (void)world->wheel.ArmRemotely(world->timer.get(), At(1)); });
  model::Thread b([&] { cancelled += world->wheel.CancelRemotely(world->timer.get()); });
  int fired = world->Fire(2);
  a.Join();
  b.Join();
  fired += world->Finish();
  Assert(fired + cancelled == 1, "fired or cancelled, not both, not neither");
}

// Cancelled, and destroyed as soon as it is released.
void DestroyedWhenReleased() {
  const auto world = std::make_unique<World>();
  world->wheel.Arm(world->timer.get(), At(9));
  bool is_destroyed = false;
  model::Thread client([&] {
    if (!world->wheel.CancelRemotely(world->timer.get())) return;
    if (!world->timer->IsReleased()) return;
    world->timer.reset();
    is_destroyed = true;
  });
  world->wheel.Advance(At(1));
  client.Join();
  if (!is_destroyed) world->Finish();
}

// A timer that nobody waits for: the owner destroys it although ArmRemotely() has not returned.
void FireAndForget() {
  const auto world = std::make_unique<World>();
  Timer* const timer = world->timer.get();
  model::Thread client([&world, timer] {
    timer->payload.Write(1);
    (void)world->wheel.ArmRemotely(timer, At(1));
  });
  const auto fire = [&] {
    world->wheel.Advance(At(2));
    if (world->wheel.PopExpired() != nullptr) world->timer.reset();
  };
  fire();
  client.Join();
  fire();
  Assert(world->timer == nullptr, "lost");
}

void RetireAgainstFire() {
  const auto world = std::make_unique<World>();
  Timer* const timer = world->timer.get();
  world->wheel.Arm(timer, At(1));
  int cancelled = 0;
  model::Thread client([&world, &cancelled, timer] {
    timer->payload.Write(1);
    cancelled += world->wheel.Retire(timer);
  });
  int fired = world->FireAndFree();
  fired += world->FireAndFree();
  client.Join();
  fired += world->FireAndFree();
  Assert(world->timer == nullptr && fired + cancelled == 1, "lost, or not once");
}

void RetireOfQueued() {
  const auto world = std::make_unique<World>();
  Timer* const timer = world->timer.get();
  int cancelled = 0;
  model::Thread client([&world, &cancelled, timer] {
    (void)world->wheel.ArmRemotely(timer, At(1));
    timer->payload.Write(1);
    cancelled += world->wheel.Retire(timer);
  });
  int fired = world->FireAndFree();
  client.Join();
  fired += world->FireAndFree();
  Assert(world->timer == nullptr && fired + cancelled == 1, "lost");
}

// The owner sleeps as BeginSleep() says, and only a wake-up ends that.
using Token = model::Atomic<uint64_t>;

void SleepUntilWoken(World* world, const Token& token) {
  if (world->wheel.BeginSleep() > At(5)) {
    while (token.load(std::memory_order_acquire) == 0) {
      model::Atomics::FutexWait(token, 0, /*has_deadline=*/false);
    }
  }
  world->wheel.EndSleep();
}

// Returns whether the owner was woken.
bool ArmAndWake(World* world, Timer* timer, Instant deadline, Token* token) {
  if (world->wheel.ArmRemotely(timer, deadline) == ArmResult::kArmed) return false;
  Assert(token->exchange(1, std::memory_order_acq_rel) == 0, "woken twice");
  model::Atomics::FutexWake(*token, 1);
  return true;
}

void ArmAgainstSleep() {
  const auto world = std::make_unique<World>();
  world->wheel.Arm(&world->other, At(50));
  Token token{0};
  model::Thread client([&] { ArmAndWake(world.get(), world->timer.get(), At(5), &token); });
  SleepUntilWoken(world.get(), token);
  int fired = world->Fire(5);
  client.Join();
  fired += world->Fire(5);
  Assert(fired == 1, "lost");
  world->Finish();
}

// Armed for a distant time, which wakes nobody, and then for a near one.
void MoveAgainstSleep() {
  const auto world = std::make_unique<World>();
  world->wheel.Arm(&world->other, At(50));
  Token token{0};
  model::Thread client([&] {
    Assert(!ArmAndWake(world.get(), world->timer.get(), At(100), &token), "later");
    ArmAndWake(world.get(), world->timer.get(), At(5), &token);
  });
  SleepUntilWoken(world.get(), token);
  int fired = world->Fire(5);
  client.Join();
  fired += world->Fire(5);
  Assert(fired == 1, "lost");
  world->Finish();
}

// Two threads ask at once: one wakes the owner.
void TwoArmsAgainstSleep() {
  const auto world = std::make_unique<World>();
  Token token{0};
  model::Thread a([&] { ArmAndWake(world.get(), world->timer.get(), At(5), &token); });
  model::Thread b([&] { ArmAndWake(world.get(), &world->other, At(5), &token); });
  SleepUntilWoken(world.get(), token);
  world->wheel.Advance(At(1));
  a.Join();
  b.Join();
  Assert(world->Finish() == 1 && world->other.IsReleased(), "lost");
}

std::vector<model::Scenario> Scenarios() {
  const std::pair<const char*, void (*)()> bodies[] = {
      {"ArmAgainstDrain", ArmAgainstDrain},
      {"CancelOfQueued", CancelOfQueued},
      {"CancelOfArmedAgainstFire", CancelOfArmedAgainstFire},
      {"TwoCancels", TwoCancels},
      {"LinkIsReused", LinkIsReused},
      {"MoveAgainstFire", MoveAgainstFire},
      {"MoveOfQueued", MoveOfQueued},
      {"CancelledByOneDestroyedByAnother", CancelledByOneDestroyedByAnother},
      {"CancelAgainstMoveToTheSameTick", CancelAgainstMoveToTheSameTick},
      {"TwoClients", TwoClients},
      {"ArmAgainstCancel", ArmAgainstCancel},
      {"DestroyedWhenReleased", DestroyedWhenReleased},
      {"FireAndForget", FireAndForget},
      {"RetireAgainstFire", RetireAgainstFire},
      {"RetireOfQueued", RetireOfQueued},
      {"ArmAgainstSleep", ArmAgainstSleep},
      {"MoveAgainstSleep", MoveAgainstSleep},
      {"TwoArmsAgainstSleep", TwoArmsAgainstSleep},
  };
  std::vector<model::Scenario> scenarios;
  for (const auto& [name, body] : bodies) {
    scenarios.push_back({.name = name, .body = body, .options = {}});
  }
  return scenarios;
}

TEST(SharedTimerWheelModelTest, EveryBehaviourKeepsTheContract) { model::ExpectHolds(Scenarios()); }

TEST(SharedTimerWheelModelTest, EveryMutantIsCaught) {
  model::ExpectMutantsCaught({"timer/internal/"}, Scenarios());
}

}  // namespace
}  // namespace weft

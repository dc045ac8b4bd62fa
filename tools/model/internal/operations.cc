#include "tools/model/internal/operations.h"

#include <string>

#include "base/check.h"
#include "tools/model/internal/explorer.h"
#include "tools/model/internal/memory.h"
#include "tools/model/internal/place.h"

namespace weft::model_internal {
namespace {

constexpr uint32_t kLive = 0x506c6169;
constexpr uint32_t kDestroyed = 0x44656164;
constexpr uint32_t kFreed = 0xDDDDDDDD;  // What Heap::Free() leaves.

Explorer& Running() {
  Explorer* explorer = Explorer::Running();
  WEFT_CHECK(explorer != nullptr)
      << "model: expected a scenario of model::Explore() around this call, found none";
  return *explorer;
}

PlaceId Pass(const Where& where, Call call, std::memory_order order, std::memory_order failure) {
  const OutsideHeap outside;
  const PlaceId id = PlaceOf(where, call);
  Place& place = PlaceAt(id);
  place.passed = true;
  place.order = order;
  place.failure_order = failure;
  return id;
}

PlaceId Pass(const Where& where, Call call, std::memory_order order = std::memory_order::relaxed) {
  return Pass(where, call, order, std::memory_order::relaxed);
}

// The order as the mutant has it.
std::memory_order Mutated(PlaceId place, Mutation::What what, std::memory_order order) {
  const Mutation& mutation = current_mutation;
  return mutation.place == place && mutation.what == what ? mutation.order : order;
}

bool IsLeftOut(PlaceId place) {
  return current_mutation.place == place && current_mutation.what == Mutation::What::kLeftOut;
}

Event Access(LocationId location, uint8_t size, PlaceId place, std::memory_order order) {
  Event e;
  e.location = location;
  e.size = size;
  e.place = place;
  e.order = Mutated(place, Mutation::What::kOrder, order);
  return e;
}

}  // namespace

Word::Word(uint64_t value, const Where& where)
    : location_(Running().MakeAtomic(this, value, Pass(where, Call::kOther))) {}

Word::~Word() {
  if (Explorer* explorer = Explorer::Running()) explorer->DestroyAtomic(location_, this, 0);
  location_ = kNone;
}

uint64_t Word::Load(uint8_t size, std::memory_order order, const Where& where) const {
  Explorer& explorer = Running();
  const PlaceId place = Pass(where, Call::kLoad, order);
  explorer.CheckAtomic(location_, this, place);
  return explorer.Read(Access(location_, size, place, order)).value;
}

void Word::Store(uint8_t size, uint64_t value, std::memory_order order, const Where& where) {
  Explorer& explorer = Running();
  const PlaceId place = Pass(where, Call::kStore, order);
  explorer.CheckAtomic(location_, this, place);
  Event e = Access(location_, size, place, order);
  e.value = value;
  explorer.Write(e);
}

uint64_t Word::Update(uint8_t size, Change change, uint64_t operand, std::memory_order order,
                      const Where& where) {
  Explorer& explorer = Running();
  const PlaceId place = Pass(where, Call::kUpdate, order);
  explorer.CheckAtomic(location_, this, place);
  Event e = Access(location_, size, place, order);
  e.change = change;
  e.operand = operand;
  return explorer.Read(e).value;
}

bool Word::CompareExchange(uint8_t size, uint64_t& expected, uint64_t desired, Strength strength,
                           Orders orders, const Where& where) {
  Explorer& explorer = Running();
  const PlaceId place = Pass(where, Call::kCompare, orders.success, orders.failure);
  explorer.CheckAtomic(location_, this, place);
  Event e = Access(location_, size, place, orders.success);
  e.failure_order = Mutated(place, Mutation::What::kFailureOrder, orders.failure);
  e.change = Change::kCompare;
  e.operand = desired;
  e.expected = expected;
  e.weak = strength == Strength::kWeak;
  const Event result = explorer.Read(e);
  expected = result.value;
  return result.updates;
}

// Only the last write of a lock is ever free to be taken, so a CAS that finds it held is a load of
// what another execution has it read later, or of a lock that stays held.
void MutexState::Lock(const Where& where) {
  const PlaceId place = Pass(where, Call::kOther);
  while (!TryLockAt(place)) Running().Pause(place, "waits for a mutex that is never unlocked");
}

bool MutexState::TryLock(const Where& where) { return TryLockAt(Pass(where, Call::kOther)); }

bool MutexState::TryLockAt(PlaceId place) {
  Explorer& explorer = Running();
  explorer.CheckAtomic(word_.location(), &word_, place);
  Event e = Access(word_.location(), 1, place, std::memory_order::acquire);
  e.change = Change::kCompare;
  e.operand = 1;
  const bool done = explorer.Read(e).updates;
  if (done) holder_ = explorer.thread();
  return done;
}

void MutexState::Unlock(const Where& where) {
  Explorer& explorer = Running();
  const PlaceId place = Pass(where, Call::kOther);
  explorer.CheckAtomic(word_.location(), &word_, place);
  if (holder_ != explorer.thread()) {
    explorer.FailAssertion("Unlock() of a mutex that the thread does not hold", place);
  }
  holder_ = -1;
  explorer.Write(Access(word_.location(), 1, place, std::memory_order::release));
}

PlainState::PlainState(bool has_value, const Where& where) : live_(kLive), has_value_(has_value) {
  Explorer* explorer = Explorer::Running();
  if (explorer == nullptr) return;
  write_epoch_ = explorer->Epoch();
  write_thread_ = static_cast<uint8_t>(explorer->thread());
  write_place_ = Pass(where, Call::kOther);
  explorer->BeginPlain(this, write_place_);
}

PlainState::~PlainState() {
  if (Explorer* explorer = Explorer::Running()) {
    CheckLive(Where());
    CheckOrder(true, 0, "its destruction");
    explorer->EndPlain(this);
  }
  live_ = kDestroyed;
}

void PlainState::Read(const Where& where) const {
  Explorer* explorer = Explorer::Running();
  if (explorer == nullptr) return;
  CheckLive(where);
  const PlaceId place = Pass(where, Call::kOther);
  CheckOrder(false, place, "a read");
  if (!has_value_) explorer->Fail("plain memory is read that was moved from or never written");
  read_epochs_[explorer->thread()] = explorer->Epoch();
  read_places_[explorer->thread()] = place;
}

void PlainState::Write(bool has_value, const Where& where) {
  const Explorer* explorer = Explorer::Running();
  has_value_ = has_value;
  if (explorer == nullptr) return;
  CheckLive(where);
  const PlaceId place = Pass(where, Call::kOther);
  CheckOrder(true, place, "a write");
  write_epoch_ = explorer->Epoch();
  write_thread_ = static_cast<uint8_t>(explorer->thread());
  write_place_ = place;
  read_epochs_.fill(0);
}

void PlainState::CheckLive(const Where& where) const {
  if (live_ == kLive) return;
  (void)where;
  Running().Fail(live_ == kDestroyed || live_ == kFreed
                     ? "access to plain memory that was destroyed"
                     : "access to plain memory that was never made");
}

void PlainState::CheckOrder(bool is_write, PlaceId place, const char* what) const {
  Explorer& explorer = Running();
  const Clock& now = explorer.Now();
  const int self = explorer.thread();
  if (write_thread_ != self && now.at[write_thread_] < write_epoch_) {
    explorer.FailRace(what, place, {"a write", write_thread_, write_epoch_, write_place_});
  }
  if (!is_write) return;
  for (int t = 0; t < kMaxThreads; ++t) {
    if (t != self && now.at[t] < read_epochs_[t]) {
      explorer.FailRace(what, place, {"a read", t, read_epochs_[t], read_places_[t]});
    }
  }
}

void Fence(std::memory_order order, const Where& where) {
  Explorer& explorer = Running();
  Event e;
  e.kind = Kind::kFence;
  e.place = Pass(where, Call::kFence, order);
  if (IsLeftOut(e.place)) return;
  e.order = Mutated(e.place, Mutation::What::kOrder, order);
  explorer.Add(e);
}

void LightBarrier(const Where& where) {
  Explorer& explorer = Running();
  Event e;
  e.kind = Kind::kLight;
  e.place = Pass(where, Call::kLight);
  if (!IsLeftOut(e.place)) explorer.Add(e);
}

void HeavyBarrier(const Where& where) {
  Explorer& explorer = Running();
  Event e;
  e.kind = Kind::kHeavy;
  e.place = Pass(where, Call::kHeavy);
  if (!IsLeftOut(e.place)) explorer.Add(e);
}

bool Recheck(bool condition, const Where& where) {
  return condition && !IsLeftOut(Pass(where, Call::kRecheck));
}

void Pause(const Where& where) {
  Running().Pause(Pass(where, Call::kOther), "waits for a write that never comes");
}

}  // namespace weft::model_internal

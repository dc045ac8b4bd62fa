// parker/parker.h — block one thread until another one hands it a token.
//
// A Parker belongs to one thread, which sleeps in Park(). Any number of Unparkers, held by other
// threads, hand it a token. The token is kept: an Unpark() before the Park() makes that Park()
// return at once. Tokens do not add up: several unparks before a park make one token.
//
// Use it to build blocking operations (BlockOn, worker threads); use event_count.h when threads
// wait for a condition at one place, and sync/ when the waiter is a task. Differs from
// std::binary_semaphore in that any number of Unpark() is allowed, that a park says why it ended
// and ends for no other reason, and that an Unparker may outlive the Parker.
//
// Guarantees
//   Thread safety    All methods of Parker only from the owning thread, one call at a time; Unpark
//                    and copies of Unparkers from any thread. Unpark is async-signal-safe unless
//                    the parker's ParkSite is not.
//   Tokens           No Unpark() is lost. A park returns with a token, or because its deadline came
//                    or its stop was requested, and says which. A token wins over a stop request,
//                    and that over a deadline.
//   Memory ordering  What X did before its Unpark() is visible to Y after the park that took the
//                    token, for every unpark that was merged into the token; what X did before it
//                    requested the stop, to Y after the park that returned kStop.
//   Progress         Unpark: wait-free, one locked instruction; the first of a sleep another one
//                    and a system call. A park that finds a token: one load, nothing shared is
//                    written.
//   Blocks           Park and ParkUntil only.
//   Memory           One allocation of a cache line, at construction. Unparker: one pointer.
//   Lifetime         Parker and Unparkers share their state, which lives until the last of them
//                    goes.
//
// Example: parker_example.cc
#ifndef WEFT_PARKER_PARKER_H_
#define WEFT_PARKER_PARKER_H_

#include <cstdint>
#include <memory>
#include <stop_token>
#include <utility>

#include "base/instant.h"
#include "parker/internal/adaptive_spin.h"
#include "parker/internal/futex.h"
#include "parker/internal/park_state.h"
#include "parker/park_site.h"
#include "parker/park_stats.h"

namespace weft {

// What a Parker does beyond the usual.
struct ParkerOptions {
  // The longest spin for a token before sleeping, in pauses of the processor (tens of nanoseconds
  // each); 0 for none. How much of that is spun depends on how long recent tokens took. Spinning
  // takes a wake-up from microseconds to nanoseconds and keeps a processor busy meanwhile: on for
  // threads with a processor of their own, off otherwise.
  int max_spin_pauses = 0;
  // Where to sleep; null for a futex.
  std::shared_ptr<ParkSite> site = nullptr;
  // Where to count; null for nowhere. Outlives the parker.
  ParkStats* stats = nullptr;
};

namespace parker_internal {

template <typename Atomics>
class BasicParker;

// Hands tokens to one Parker. Copyable; one pointer in size; thread-compatible (two threads use two
// copies, or share one const).
template <typename Atomics>
class BasicUnparker {
 public:
  BasicUnparker(const BasicUnparker& other) : state_(other.state_) {
    if (state_ != nullptr) state_->Ref();
  }
  BasicUnparker(BasicUnparker&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  BasicUnparker& operator=(BasicUnparker other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~BasicUnparker() {
    if (state_ != nullptr) state_->Unref();
  }

  // Hands the parker a token. Precondition: not moved from.
  void Unpark() const { state_->Unpark(); }

  // Whether both hand tokens to the same parker.
  bool WillUnparkSameAs(const BasicUnparker& other) const { return state_ == other.state_; }

  // For callbacks that carry a void*, as wakers do. IntoRaw() turns a handle into one pointer,
  // which keeps the state alive; FromRaw() turns it back, once for each pointer. In between, a
  // pointer serves as the data of a table of functions. Equal pointers belong to the same parker.
  void* IntoRaw() && { return std::exchange(state_, nullptr); }
  static BasicUnparker FromRaw(void* raw) { return BasicUnparker(static_cast<State*>(raw)); }
  // One more pointer like `raw`.
  static void CloneRaw(void* raw) { static_cast<State*>(raw)->Ref(); }
  // Hands the parker a token and keeps the pointer.
  static void UnparkRaw(void* raw) { static_cast<State*>(raw)->Unpark(); }
  // One pointer like `raw` less.
  static void DropRaw(void* raw) { static_cast<State*>(raw)->Unref(); }

 private:
  friend class BasicParker<Atomics>;
  using State = ParkState<Atomics>;

  explicit BasicUnparker(State* state) : state_(state) {}

  State* state_;
};

// See the top of this file.
template <typename Atomics>
class BasicParker {
 public:
  // Makes a parker without a token.
  BasicParker() : BasicParker(ParkerOptions{}) {}
  explicit BasicParker(ParkerOptions options) : BasicParker(std::move(options), 0) {}
  BasicParker(const BasicParker&) = delete;
  BasicParker& operator=(const BasicParker&) = delete;
  ~BasicParker() { state_->Unref(); }

  // Blocks until there is a token, and spends it.
  void Park() {
    if (!TryPark()) Wait(Instant::InfiniteFuture());
  }

  // The same, or until `stop` is requested: kToken or kStop.
  ParkResult Park(const std::stop_token& stop) {
    return ParkUntil(Instant::InfiniteFuture(), stop);
  }

  // Blocks until there is a token, and spends it, or until `deadline`. A token that is there wins
  // over a deadline that has passed.
  ParkResult ParkUntil(Instant deadline) { return TryPark() ? ParkResult::kToken : Wait(deadline); }

  // The same, or until `stop` is requested.
  ParkResult ParkUntil(Instant deadline, const std::stop_token& stop);

  // Spends a token if there is one; returns whether it did. Never blocks.
  bool TryPark() { return state_->TryTake(&seen_); }

  // A new handle that hands tokens to this parker.
  BasicUnparker<Atomics> unparker() const {
    state_->Ref();
    return BasicUnparker<Atomics>(state_);
  }

 protected:
  using State = ParkState<Atomics>;

  // For tests of the counter's wrap: `first` unparks have been spent.
  BasicParker(ParkerOptions options, uint64_t first)
      : state_(new State(std::move(options.site), options.stats, first * State::kOneToken)),
        seen_(first * State::kOneToken),
        spin_(options.max_spin_pauses),
        stats_(options.stats) {}

  // What a stop request does, for tests without stop tokens.
  State* state() const { return state_; }

 private:
  ParkResult Wait(Instant deadline);
  bool Spin();

  State* const state_;
  uint64_t seen_;  // the unparks whose tokens are spent, in the word's form
  AdaptiveSpin spin_;
  ParkStats* const stats_;
};

template <typename Atomics>
ParkResult BasicParker<Atomics>::ParkUntil(Instant deadline, const std::stop_token& stop) {
  if (TryPark()) return ParkResult::kToken;
  if (stop.stop_requested()) return ParkResult::kStop;
  ParkResult result;
  {
    const std::stop_callback on_stop(stop, [this] { state_->RequestStop(); });
    result = Wait(deadline);
  }
  state_->ForgetStop();
  return result;
}

// The word was without a token just now.
template <typename Atomics>
ParkResult BasicParker<Atomics>::Wait(Instant deadline) {
  if (stats_ != nullptr) stats_->CountWait();
  if (Spin() && TryPark()) return ParkResult::kToken;
  return state_->Sleep(&seen_, deadline);
}

// Whether there was a token or a stop request in time.
template <typename Atomics>
bool BasicParker<Atomics>::Spin() {
  const int budget = spin_.Budget();
  if (budget == 0) return false;
  int pauses = 0;
  while (pauses < budget && !state_->HasNews(seen_)) {
    Atomics::SpinPause();
    ++pauses;
  }
  const bool is_hit = state_->HasNews(seen_);
  if (is_hit) {
    spin_.Hit(pauses);
  } else {
    spin_.Miss();
  }
  if (stats_ != nullptr) stats_->CountSpin(static_cast<uint64_t>(pauses), is_hit);
  return is_hit;
}

}  // namespace parker_internal

// Over real memory and the kernel's futex.
using Parker = parker_internal::BasicParker<parker_internal::FutexAtomics>;
using Unparker = parker_internal::BasicUnparker<parker_internal::FutexAtomics>;

}  // namespace weft

#endif  // WEFT_PARKER_PARKER_H_

// parker/parker.h — block one thread until another one hands it a token.
//
// A Parker belongs to one thread, which sleeps in Park(). Any number of Unparkers, held by other
// threads, hand it a token. The token is kept: an Unpark() before the Park() makes that Park()
// return at once. Tokens do not add up: several unparks before a park make one token.
//
// Use it to build blocking operations (BlockOn, worker threads); use sync/ when the waiter is a
// task. Differs from std::binary_semaphore in that any number of Unpark() is allowed, that Park()
// returns only for a token or a deadline, and that an Unparker may outlive the Parker.
//
// Guarantees
//   Thread safety    Park and ParkUntil only from the owning thread, one call at a time; Unpark and
//                    copies of Unparkers from any thread.
//   Tokens           No Unpark() is lost, and Park() never returns without a token.
//   Memory ordering  What X did before its Unpark() is visible to Y after the Park() that took the
//                    token, for every unpark that was merged into the token.
//   Progress         Unpark: wait-free, one locked instruction, and one system call only when the
//                    owner sleeps. Park with a token: one load.
//   Blocks           Park and ParkUntil only.
//   Lifetime         Parker and Unparkers share their state, which lives until the last of them
//                    goes.
//   Limit            2^31 unparks between the moment a parking thread checks the token and the
//                    moment the kernel puts it to sleep would go unseen.
//
// Example: parker_example.cc
#ifndef WEFT_PARKER_PARKER_H_
#define WEFT_PARKER_PARKER_H_

#include <atomic>
#include <cstdint>
#include <utility>

#include "base/instant.h"

namespace weft {

// Why a ParkUntil() returned.
enum class ParkResult {
  kToken,     // A token was there, or came; it is spent now.
  kDeadline,  // The deadline passed first; no token was spent.
};

namespace parker_internal {

// The word that both sides share, and a count of handles. `counter` is {unparks:63 | asleep:1}.
struct State {
  std::atomic<uint64_t> counter{0};
  std::atomic<uint32_t> references{1};
};

// Adds one reference.
void Ref(State* state);
// Gives one reference up; the last one frees the state.
void Unref(State* state);
// Counts one unpark and wakes the owner if it sleeps.
void Unpark(State* state);

}  // namespace parker_internal

// Hands tokens to one Parker. Copyable; one pointer in size; thread-compatible (two threads use two
// copies, or share one const).
class Unparker {
 public:
  Unparker(const Unparker& other) : state_(other.state_) {
    if (state_ != nullptr) parker_internal::Ref(state_);
  }
  Unparker(Unparker&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  Unparker& operator=(Unparker other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~Unparker() {
    if (state_ != nullptr) parker_internal::Unref(state_);
  }

  // Hands the parker a token. Precondition: not moved from.
  void Unpark() const { parker_internal::Unpark(state_); }

  // Turns the handle into one pointer, for callbacks that carry a void*. The pointer keeps the
  // state alive until FromRaw() takes it back.
  void* IntoRaw() && { return std::exchange(state_, nullptr); }

  // Takes a pointer from IntoRaw() back. Each pointer is taken back once.
  static Unparker FromRaw(void* raw) { return Unparker(static_cast<parker_internal::State*>(raw)); }

 private:
  friend class Parker;
  explicit Unparker(parker_internal::State* state) : state_(state) {}

  parker_internal::State* state_;
};

// See the top of this file.
class Parker {
 public:
  // Makes a parker without a token. Allocates its shared state.
  Parker();
  Parker(const Parker&) = delete;
  Parker& operator=(const Parker&) = delete;
  ~Parker();

  // Blocks until there is a token, and spends it.
  void Park();

  // Blocks until there is a token, and spends it, or until `deadline`. A token that is there wins
  // over a deadline that has passed.
  ParkResult ParkUntil(Instant deadline);

  // Spends a token if there is one; returns whether it did. Never blocks.
  bool TryPark();

  // A new handle that hands tokens to this parker.
  Unparker unparker() const;

 private:
  ParkResult Sleep(Instant deadline);

  parker_internal::State* const state_;
  uint64_t seen_ = 0;  // Owner only: the unparks whose tokens are spent, in the counter's form.
};

}  // namespace weft

#endif  // WEFT_PARKER_PARKER_H_

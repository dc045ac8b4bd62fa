// parker/internal/park_state.h — what a parker and its unparkers share, and their protocol.
//
// One word, {tokens:62 | stopping:1 | asleep:1}. `tokens` counts unparks; the owner remembers the
// count that it has spent (`seen`), so that taking a token is a comparison and writes nothing.
//
//   Unpark       fetch_add a token; if `asleep` was set, fetch_and it away, and whoever finds it
//                still set wakes the owner. So a sleep costs one wake, however many unparks come.
//   RequestStop  the same with fetch_or of `stopping`.
//   Sleep        CAS seen -> seen|asleep, wait while the word is that, fetch_and `asleep` away.
//
// No wake is lost: the owner's CAS and an unpark's fetch_add are ordered by the word. If the unpark
// is first, the CAS fails. If the CAS is first, the unpark sees `asleep`, and the word changes
// before the wake, so that neither a kernel that compares it nor a site that remembers the wake
// lets the owner sleep on.
//
// The word never looks asleep to the kernel by accident, although the kernel compares only its
// lower half: the first waker clears `asleep`, and nobody but the owner sets it.
//
// A waker may be late: it saw `asleep`, and before it cleared the bit the owner left by its
// deadline and sleeps anew. It then ends that sleep without a token, and the owner sleeps again.
//
// Unpark must stay a read-modify-write even when a token is there already: the owner must see what
// each unparking thread did (edge 1), and a skipped write publishes nothing.
//
// Happens-before edges:
//   (1) Unpark's fetch_add, RequestStop's fetch_or (release) -> the owner's load or fetch_and
//       (acquire), directly or through the read-modify-writes between them.
//   (2) Unref's fetch_sub (acq_rel) -> the last Unref's fetch_sub (acq_rel): every use of the state
//       comes before its deletion.
#ifndef WEFT_PARKER_INTERNAL_PARK_STATE_H_
#define WEFT_PARKER_INTERNAL_PARK_STATE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/cache_line.h"
#include "base/instant.h"
#include "parker/park_site.h"
#include "parker/park_stats.h"

namespace weft {

// Why a park ended.
enum class ParkResult {
  kToken,     // A token was there, or came; it is spent now.
  kDeadline,  // The deadline passed first; no token was spent.
  kStop,      // A stop was requested first; no token was spent.
};

namespace parker_internal {

// A line of its own: unparkers of one parker do not slow those of another.
template <typename Atomics>
class alignas(kCacheLineSize) ParkState {
 public:
  // `site` null: a futex. `stats` null: none; else it outlives the owner's last Sleep().
  // The word starts with the count `first`, a multiple of kOneToken.
  ParkState(std::shared_ptr<ParkSite> site, ParkStats* stats, uint64_t first)
      : word_(first), stats_(stats), site_(std::move(site)) {}

  void Ref() { references_.fetch_add(1, std::memory_order_relaxed); }
  // The last reference deletes the state.
  void Unref() {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) Delete();  // (2)
  }

  void Unpark() {
    WakeIfAsleep(word_.fetch_add(kOneToken, std::memory_order_release));  // (1)
  }
  // Ends the owner's present Sleep(), or the next one, without a token.
  void RequestStop() {
    WakeIfAsleep(word_.fetch_or(kStopping, std::memory_order_release));  // (1)
  }

  // The rest is the owner's.

  // Spends all tokens; false if there are none.
  bool TryTake(uint64_t* seen) {
    const uint64_t tokens = word_.load(std::memory_order_acquire) & ~kStopping;  // (1)
    if (tokens == *seen) return false;
    *seen = tokens;
    return true;
  }
  // Whether the word has changed since `seen`; for spinning.
  bool HasNews(uint64_t seen) const { return word_.load(std::memory_order_relaxed) != seen; }
  ParkResult Sleep(uint64_t* seen, Instant deadline);
  // Precondition: RequestStop() is not called any more.
  void ForgetStop() { word_.fetch_and(~kStopping, std::memory_order_relaxed); }

  static constexpr uint64_t kAsleep = 1;
  static constexpr uint64_t kStopping = 2;
  static constexpr uint64_t kOneToken = 4;

 private:
  // Not inline: where GCC 12 sees two Unref() of one state, it takes the second for a use after
  // free.
  [[gnu::noinline]] void Delete() { delete this; }
  void WakeIfAsleep(uint64_t before) {
    if ((before & kAsleep) != 0) [[unlikely]]
      Wake();
  }
  void Wake();
  bool WaitOnce(uint64_t asleep, Instant deadline);
  void RecordWake(Instant began) const;

  typename Atomics::template Atomic<uint64_t> word_;
  typename Atomics::template Atomic<uint32_t> references_{1};
  // When the last waker began to wake. Only with stats_. Relaxed: a mixed-up sample costs nothing.
  typename Atomics::template Atomic<int64_t> woken_at_ns_{0};
  ParkStats* const stats_;
  const std::shared_ptr<ParkSite> site_;
};

template <typename Atomics>
void ParkState<Atomics>::Wake() {
  if (stats_ != nullptr) woken_at_ns_.store(MonotonicNow().nanos(), std::memory_order_relaxed);
  if ((word_.fetch_and(~kAsleep, std::memory_order_relaxed) & kAsleep) == 0) return;
  if (site_ != nullptr) {
    site_->Wake();
  } else {
    Atomics::FutexWake(word_, 1);
  }
}

// False: the deadline has passed.
template <typename Atomics>
bool ParkState<Atomics>::WaitOnce(uint64_t asleep, Instant deadline) {
  if (site_ == nullptr) return Atomics::FutexWait(word_, asleep, deadline);
  site_->Sleep(deadline);
  return deadline == Instant::InfiniteFuture() || MonotonicNow() < deadline;
}

template <typename Atomics>
ParkResult ParkState<Atomics>::Sleep(uint64_t* seen, Instant deadline) {
  const Instant began = stats_ == nullptr ? Instant() : MonotonicNow();
  const uint64_t asleep = *seen | kAsleep;
  int sleeps = 0;
  while (true) {
    bool in_time = true;
    uint64_t expected = *seen;
    if (word_.compare_exchange_strong(expected, asleep, std::memory_order_relaxed)) {
      while (in_time && word_.load(std::memory_order_relaxed) == asleep) {
        // A second sleep says that the one before ended early.
        if (stats_ != nullptr) stats_->CountSleep(sleeps > 0);
        ++sleeps;
        in_time = WaitOnce(asleep, deadline);
      }
    }
    const uint64_t word = word_.fetch_and(~kAsleep, std::memory_order_acquire) & ~kAsleep;  // (1)
    if ((word & ~kStopping) != *seen) {
      *seen = word & ~kStopping;
      if (stats_ != nullptr) RecordWake(began);
      return ParkResult::kToken;
    }
    if (word != *seen) return ParkResult::kStop;
    if (!in_time) return ParkResult::kDeadline;
  }
}

template <typename Atomics>
void ParkState<Atomics>::RecordWake(Instant began) const {
  const Instant woken_at = Instant::FromNanos(woken_at_ns_.load(std::memory_order_relaxed));
  // An older stamp: the token came without a wake.
  if (woken_at >= began) stats_->RecordWakeLatency(MonotonicNow() - woken_at);
}

}  // namespace parker_internal
}  // namespace weft

#endif  // WEFT_PARKER_INTERNAL_PARK_STATE_H_

// runtime/internal/onlooker.h — what a worker without work makes of the tasks that others keep.
//
// An owner runs what is in its slot and batch (own_tasks.h) by itself, and only one that is stuck
// in a run is to be raided: one that keeps something at two looks kPatience apart, with no run
// begun in between. Most owners are not stuck, and to be looked at costs them cache misses. So a
// worker looks closely while it searches; if all who keep something were seen to make progress, it
// sleeps, and the poller makes rounds (idle_set.h: patrol) as long as each finds that somebody has
// kept something since the last one.
//
// The first round comes after kFirst; each pause is twice as long as the last, up to kMost. A round
// that finds an owner stuck ends the patrol, and the next patrol begins anew.
#ifndef WEFT_RUNTIME_INTERNAL_ONLOOKER_H_
#define WEFT_RUNTIME_INTERNAL_ONLOOKER_H_

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "base/instant.h"

namespace weft::runtime_internal {

// Looks at all owners, again and again. Thread-compatible.
class Onlooker {
 public:
  static constexpr absl::Duration kPatience = absl::Microseconds(2);
  static constexpr std::size_t kNobody = static_cast<std::size_t>(-1);

  // What an owner shows: that it keeps something now, and how many runs it has begun, in all and
  // from its slot.
  struct View {
    bool keeps = false;
    uint64_t runs = 0;
    uint64_t slot_runs = 0;
  };

  explicit Onlooker(std::size_t owners) : owners_(owners) {}

  // The next looks shall find out, for each owner that keeps something at the first, whether it is
  // stuck.
  void Begin() { is_first_ = true; }

  // Before Begin(): what was kept until now does not count.
  void Forget() { knows_slots_ = was_kept_ = false; }

  // One look: `view_of(i)` for each owner. Returns one that is stuck, or kNobody.
  template <std::invocable<std::size_t> F>
  std::size_t Look(Instant now, F view_of) {
    is_undecided_ = false;
    std::size_t stuck = kNobody;
    for (std::size_t i = 0; i < owners_.size(); ++i) {
      if (See(&owners_[i], view_of(i), now)) stuck = i;
    }
    is_first_ = false;
    knows_slots_ = true;
    return stuck;
  }

  // Whether the last look leaves it open for some owner whether it is stuck.
  bool IsUndecided() const { return is_undecided_; }

  // Whether somebody has kept something since the last call, as far as it was seen.
  bool TakeKept() { return std::exchange(was_kept_, false); }

 private:
  struct Owner {
    uint64_t runs = 0;
    uint64_t slot_runs = 0;
    Instant since;            // it has kept something, in the same run, at each look since then
    bool keeps = false;       // at the last look
    bool is_decided = false;  // seen to make progress, or to keep nothing
  };

  bool See(Owner* owner, const View& view, Instant now) {
    if (view.keeps || (knows_slots_ && view.slot_runs != owner->slot_runs)) was_kept_ = true;
    const bool is_same = !is_first_ && owner->keeps && view.keeps && view.runs == owner->runs;
    if (!is_same) owner->since = now;
    owner->is_decided = !view.keeps || (!is_first_ && (owner->is_decided || !is_same));
    owner->keeps = view.keeps;
    owner->runs = view.runs;
    owner->slot_runs = view.slot_runs;
    if (is_same && now - owner->since >= kPatience) return true;
    is_undecided_ = is_undecided_ || !owner->is_decided;
    return false;
  }

  std::vector<Owner> owners_;
  bool is_first_ = true;
  bool knows_slots_ = false;
  bool is_undecided_ = false;
  bool was_kept_ = false;
};

// When the poller makes its rounds. Thread-compatible.
class RoundPace {
 public:
  static constexpr absl::Duration kFirst = absl::Microseconds(20);
  static constexpr absl::Duration kMost = absl::Microseconds(200);

  void Restart(Instant now) {
    pause_ = kFirst;
    next_ = now + pause_;
  }
  void MadeOne(Instant now) {
    pause_ = std::min(2 * pause_, kMost);
    next_ = now + pause_;
  }
  Instant next() const { return next_; }

 private:
  absl::Duration pause_ = kFirst;
  Instant next_;
};

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_ONLOOKER_H_

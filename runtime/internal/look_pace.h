// runtime/internal/look_pace.h — when a busy worker turns to what comes from elsewhere.
//
// A look, at timers, descriptors and the injector, costs as much as some short runs. It comes after
//   - kMostRunsPerLook runs, or
//   - as many runs as take kLookEveryNanos, if they are as long as those between the last two
//     looks were; after each run, if they are longer than that. But at most twice as many as the
//     last time, so that a few short ones in between do not hide the others.
// So what waits for a look waits for so many short runs, or for so long, or for one long run. Only
// where runs become long all at once it waits for more of them; then a coarse clock cuts this
// short, which is cheap: it is read in a check, every kMostRunsPerCheck runs or at each look, and
// when it has ticked, there is a look.
#ifndef WEFT_RUNTIME_INTERNAL_LOOK_PACE_H_
#define WEFT_RUNTIME_INTERNAL_LOOK_PACE_H_

#include <algorithm>
#include <cstdint>

#include "base/instant.h"

namespace weft::runtime_internal {

// See the head of the file. Thread-compatible.
class LookPace {
 public:
  static constexpr int kMostRunsPerCheck = 8;
  static constexpr int kMostRunsPerLook = 64;
  static constexpr int64_t kLookEveryNanos = 10'000;

  // Counts down in `runs_left`, which is 1 at first, and is counted down by others for runs that
  // this is not told of: never where IsCheckNext(). It outlives this.
  explicit LookPace(int& runs_left) : runs_until_check_(runs_left) {}

  // Before each run. Whether a check is due; it is, before the first one.
  bool CountRun() { return --runs_until_check_ <= 0; }

  // Whether CountRun() will say so.
  bool IsCheckNext() const { return runs_until_check_ <= 1; }

  // At a check, with the coarse clock. Whether it is time to look: then the caller says Looked().
  // If not, this ends the check.
  bool IsTimeToLook(int64_t coarse) {
    const int runs = runs_since_look_ + runs_per_check_;
    if (runs >= runs_per_look_ || HasTicked(coarse)) return true;
    runs_since_look_ = runs;
    SetNextCheck();
    return false;
  }

  // Whether the coarse clock has ticked since the last look.
  bool HasTicked(int64_t coarse) const { return coarse != last_coarse_; }

  // Ends a check that was time to look.
  void Looked(Instant now, int64_t coarse) {
    const int64_t runs = runs_since_look_ + runs_per_check_;
    const int64_t nanos = std::max<int64_t>(now.nanos() - last_look_.nanos(), 1);
    const int most = std::min(2 * runs_per_look_, kMostRunsPerLook);
    runs_per_look_ = static_cast<int>(std::clamp<int64_t>(runs * kLookEveryNanos / nanos, 1, most));
    last_coarse_ = coarse;
    Resume(now);
  }

  // Whether the next look is before the next run.
  bool IsEachRunLong() const { return runs_per_look_ == 1; }

  // The time until `now` was not spent in runs.
  void Resume(Instant now) {
    last_look_ = now;
    runs_since_look_ = 0;
    SetNextCheck();
  }

 private:
  void SetNextCheck() {
    runs_per_check_ = std::min(kMostRunsPerCheck, runs_per_look_ - runs_since_look_);
    runs_until_check_ = runs_per_check_;
  }

  int& runs_until_check_;
  int runs_per_check_ = 1;                // between the last check and the next one
  int runs_since_look_ = 0;               // at the last check
  int runs_per_look_ = kMostRunsPerLook;  // what the last runs' length asks for
  int64_t last_coarse_ = 0;               // coarse clock at the last look
  Instant last_look_;
};

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_LOOK_PACE_H_

// A small event loop over a wheel, in virtual time.
#include <cstdio>

#include "absl/time/time.h"
#include "base/instant.h"
#include "timer/interval.h"
#include "timer/manual_clock.h"
#include "timer/timer_wheel.h"

namespace {

struct Reminder : weft::TimerEntry {
  explicit Reminder(const char* text_in) : text(text_in) {}
  const char* text;
};

}  // namespace

int main() {
  weft::ManualClock clock;  // A real loop sleeps until NextDeadline() and reads MonotonicNow().
  const weft::Instant start = clock.Now();
  weft::TimerWheel wheel(start);
  Reminder tea("tea is ready"), give_up("no answer, giving up"), night("good night"), bell("bell");
  wheel.Arm(&give_up, start + absl::Seconds(30));
  wheel.Arm(&tea, start + absl::Minutes(4));
  wheel.Arm(&night, start + absl::Hours(8), /*slack=*/absl::Minutes(10));
  wheel.Cancel(&give_up);  // The answer came.

  weft::Interval hourly(start + absl::Hours(1), absl::Hours(1), weft::MissedTicks::kSkip);
  wheel.Arm(&bell, hourly.deadline());

  int shown = 0;
  while (wheel.size() > 1) {  // Until only the bell is left.
    const weft::Instant now = wheel.NextDeadline();
    clock.Set(now);
    wheel.Advance(now);
    while (weft::TimerEntry* const entry = wheel.PopExpired()) {
      std::printf("%s: %s\n", absl::FormatDuration(now - start).c_str(),
                  static_cast<Reminder*>(entry)->text);
      if (entry == &bell) wheel.Arm(&bell, hourly.Next(now));
      ++shown;
    }
  }
  wheel.Cancel(&bell);
  return shown >= 9 ? 0 : 1;
}

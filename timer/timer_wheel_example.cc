// A small event loop over a wheel, in virtual time.
#include <cstdio>

#include "absl/time/time.h"
#include "base/instant.h"
#include "timer/timer_wheel.h"

namespace {

struct Reminder : weft::TimerEntry {
  explicit Reminder(const char* text_in) : text(text_in) {}
  const char* text;
};

}  // namespace

int main() {
  const weft::Instant start;
  weft::TimerWheel wheel(start);
  Reminder tea("tea is ready"), give_up("no answer, giving up"), night("good night");
  wheel.Arm(&give_up, start + absl::Seconds(30));
  wheel.Arm(&tea, start + absl::Minutes(4));
  wheel.Arm(&night, start + absl::Hours(8));
  wheel.Cancel(&give_up);  // The answer came.

  int shown = 0;
  while (wheel.size() > 0) {
    const weft::Instant now = wheel.NextDeadline();  // A real loop would sleep until then.
    wheel.Advance(now);
    while (weft::TimerEntry* const entry = wheel.PopExpired()) {
      std::printf("%s: %s\n", absl::FormatDuration(now - start).c_str(),
                  static_cast<Reminder*>(entry)->text);
      ++shown;
    }
  }
  return shown == 2 ? 0 : 1;
}

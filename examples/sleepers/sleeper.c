/* examples/sleepers/sleeper.c — sleeps for as long as the parameter "ms" says. */
#include "wasm_host/weft_guest.h"

enum { kMaxDigits = 9 };

WEFT_RUN() {
  char digits[kMaxDigits];
  int32_t size = weft_param_get("ms", 2, 0, digits, kMaxDigits);
  if (size < 1 || size > kMaxDigits) weft_die("expected the parameter \"ms\" with 1 to 9 digits");
  int64_t milliseconds = 0;
  for (int32_t i = 0; i < size; ++i) {
    if (digits[i] < '0' || digits[i] > '9') weft_die("the parameter \"ms\" is no number");
    milliseconds = 10 * milliseconds + (digits[i] - '0');
  }
  weft_clock_sleep(milliseconds);
}

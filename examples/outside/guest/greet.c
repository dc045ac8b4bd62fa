/* A guest of an outside user: says hello to whom the parameter "who" names. */
#include "wasm_host/weft_guest.h"

WEFT_RUN() {
  static char who[100];
  int32_t length = weft_param_get("who", 3, 0, who, sizeof(who));
  if (length < 0) weft_die("expected the parameter \"who\", found none; add it to the step");
  if ((size_t)length > sizeof(who)) weft_die("the parameter \"who\" is longer than 100 bytes");
  int32_t text = weft_output("text");
  weft_write(text, "hello, ", 7);
  weft_write(text, who, (size_t)length);
  weft_write(text, "\n", 1);
}

/* Asks the program for prices and orders the items that the input "basket" lists, one a line. */

#include "wasm_host/weft_guest.h"

/* What the program of this example offers beside weft's own functions; see host_function.cc. */
#define SHOP_IMPORT(name) __attribute__((import_module("shop"), import_name(name)))
SHOP_IMPORT("price") int32_t shop_price(const char* item, size_t length);
SHOP_IMPORT("order") int64_t shop_order(const char* item, size_t length, int32_t price);

static char basket[4096];

WEFT_RUN() {
  int32_t input = weft_input("basket");
  int32_t bill = weft_output("bill");
  size_t length = (size_t)weft_data_read(input, 0, basket, sizeof(basket));
  for (size_t start = 0, end = 0; end < length; ++end) {
    if (basket[end] != '\n') continue;
    const char* item = basket + start;
    int32_t price = shop_price(item, end - start);
    int64_t order = shop_order(item, end - start, price);
    weft_write(bill, item, end - start);
    weft_write(bill, " costs ", 7);
    weft_write_number(bill, (uint64_t)price);
    weft_write(bill, ", order ", 8);
    weft_write_number(bill, (uint64_t)order);
    weft_write(bill, "\n", 1);
    start = end + 1;
  }
}

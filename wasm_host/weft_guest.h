/* wasm_host/weft_guest.h — all that a guest of weft needs, in C. GUESTS.md is the tutorial.
 *
 *   #include "wasm_host/weft_guest.h"
 *
 *   WEFT_RUN() {
 *     int32_t input = weft_input("text");
 *     ...
 *     weft_write(weft_output("result"), bytes, length);
 *   }
 *
 * Freestanding: there is no C library and no WASI. The guest owns every buffer; the host fills what
 * it is given and never calls back. Bytes of any size (inputs, files, answers) are reached through
 * handles. A mistake (a bad pointer, a handle that is not open, a read outside the grant) ends the
 * guest with a message: none of it needs checking here.
 *
 * Version 1 of the interface. A module says so by exporting weft_abi_1, which this header does.
 */
#ifndef WEFT_WASM_HOST_WEFT_GUEST_H_
#define WEFT_WASM_HOST_WEFT_GUEST_H_

#include <stddef.h>
#include <stdint.h>

#define WEFT_EXPORT(name) __attribute__((export_name(name), visibility("default")))
#define WEFT_IMPORT(name) __attribute__((import_module("weft"), import_name(name)))

/* Defines the function that a step calls. It returns when the step is done. */
#define WEFT_RUN() WEFT_EXPORT("weft_run") void weft_run(void)

WEFT_EXPORT("weft_abi_1") __attribute__((weak)) void weft_abi_1(void) {}

/* The imports, as the host offers them. Only those that are used end up in the module. */

WEFT_IMPORT("data_size") int64_t weft_data_size(int32_t handle);
/* Copies from `offset` on; returns how many bytes: fewer than `capacity` at the end only. */
WEFT_IMPORT("data_read")
int32_t weft_data_read(int32_t handle, int64_t offset, void* buffer, size_t capacity);
WEFT_IMPORT("data_close") void weft_data_close(int32_t handle);

WEFT_IMPORT("input_count") int32_t weft_input_count(void);
/* Length of the name of the index-th input (of which `capacity` bytes are copied), or -1. */
WEFT_IMPORT("input_name") int32_t weft_input_name(uint32_t index, char* buffer, size_t capacity);
/* Handle, or -1. */
WEFT_IMPORT("input_open") int32_t weft_input_open(const char* name, size_t length);

/* Length of the index-th value of a parameter (of which `capacity` bytes are copied), or -1. */
WEFT_IMPORT("param_get")
int32_t weft_param_get(const char* name, size_t length, uint32_t index, char* buffer,
                       size_t capacity);

/* Number of an output, or -1. */
WEFT_IMPORT("output_open") int32_t weft_output_open(const char* name, size_t length);
/* Appends to an output. */
WEFT_IMPORT("output_write")
void weft_output_write(int32_t output, const void* bytes, size_t length);

/* Ends the guest: the step fails with this message. */
WEFT_IMPORT("fail") __attribute__((noreturn)) void weft_fail(const char* message, size_t length);
/* Ends the guest: the step fails because of its memory limit. */
WEFT_IMPORT("no_memory") __attribute__((noreturn)) void weft_no_memory(size_t bytes);

/* Needs fs.read. Handle of a file, or -1 if there is none of that name. */
WEFT_IMPORT("fs_read") int32_t weft_fs_read(const char* path, size_t length);

/* Needs http.fetch. Handle of the body, or -1 without an answer. Use weft_fetch. */
WEFT_IMPORT("http_fetch")
int32_t weft_http_fetch(const char* url, size_t length, int32_t* status, size_t status_size);

/* Needs clock.sleep. */
WEFT_IMPORT("clock_sleep") void weft_clock_sleep(int64_t milliseconds);
/* Needs clock.now. Milliseconds since 1970. */
WEFT_IMPORT("clock_now") int64_t weft_clock_now(void);

/* Needs log.write. One line for whoever watches the run. */
WEFT_IMPORT("log_write") void weft_log_write(const char* text, size_t length);

/* Shorthands. */

static inline size_t weft_length(const char* text) {
  size_t length = 0;
  while (text[length] != 0) ++length;
  return length;
}

/* Ends the guest with a message. */
__attribute__((noreturn)) static inline void weft_die(const char* message) {
  weft_fail(message, weft_length(message));
}

/* Handle of an input that must be there. */
static inline int32_t weft_input(const char* name) {
  int32_t handle = weft_input_open(name, weft_length(name));
  if (handle < 0) weft_die("an input that this guest needs is missing");
  return handle;
}

/* Number of an output that must be there. */
static inline int32_t weft_output(const char* name) {
  int32_t output = weft_output_open(name, weft_length(name));
  if (output < 0) weft_die("an output that this guest writes is missing in the step");
  return output;
}

/* Appends to an output. */
static inline void weft_write(int32_t output, const void* bytes, size_t length) {
  weft_output_write(output, bytes, length);
}

/* Appends the decimal digits of a number to an output. */
static inline void weft_write_number(int32_t output, uint64_t number) {
  char digits[20];
  size_t first = sizeof(digits);
  do {
    digits[--first] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  weft_write(output, digits + first, sizeof(digits) - first);
}

/* Fetches with GET. */
static inline int32_t weft_fetch(const char* url, size_t length, int32_t* status) {
  return weft_http_fetch(url, length, status, sizeof(*status));
}

/* Memory that is never given back, aligned to 16 bytes; ends the guest if its limit is reached.
 * Starts where the linker says that the program's own data end. */
extern unsigned char __heap_base;
__attribute__((weak)) uintptr_t weft_heap_next = 0; /* one for all files of the guest */

static inline void* weft_alloc(size_t size) {
  if (weft_heap_next == 0) weft_heap_next = ((uintptr_t)&__heap_base + 15) & ~(uintptr_t)15;
  uint64_t end = ((uint64_t)weft_heap_next + size + 15) & ~(uint64_t)15;
  uint64_t have = (uint64_t)__builtin_wasm_memory_size(0) << 16;
  if (end > have) {
    size_t pages = (size_t)((end - have + 65535) >> 16);
    if (__builtin_wasm_memory_grow(0, pages) == (size_t)-1) weft_no_memory(size);
  }
  void* block = (void*)weft_heap_next;
  weft_heap_next = (uintptr_t)end;
  return block;
}

#endif /* WEFT_WASM_HOST_WEFT_GUEST_H_ */

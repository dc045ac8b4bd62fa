/* The guest of GUESTS.md: counts the lines of every file that the input "paths" lists, one path a
 * line, and writes "PATH LINES" to the output "counts". */

#include "wasm_host/weft_guest.h"

static char buffer[65536];

/* Reads a whole handle into fresh memory. */
static char* read_all(int32_t handle, size_t* length) {
  *length = (size_t)weft_data_size(handle);
  char* bytes = weft_alloc(*length);
  size_t used = 0;
  while (used < *length) {
    used += (size_t)weft_data_read(handle, (int64_t)used, bytes + used, *length - used);
  }
  weft_data_close(handle);
  return bytes;
}

static uint64_t count_lines(int32_t file) {
  uint64_t lines = 0;
  int64_t offset = 0;
  for (;;) {
    int32_t count = weft_data_read(file, offset, buffer, sizeof(buffer));
    if (count <= 0) break;
    for (int32_t i = 0; i < count; ++i) lines += buffer[i] == '\n';
    offset += count;
  }
  weft_data_close(file);
  return lines;
}

WEFT_RUN() {
  size_t length;
  const char* paths = read_all(weft_input("paths"), &length);
  int32_t counts = weft_output("counts");
  size_t start = 0;
  for (size_t i = 0; i < length; ++i) {
    if (paths[i] != '\n') continue;
    int32_t file = weft_fs_read(paths + start, i - start);
    if (file < 0) weft_die("a file of the list does not exist");
    weft_write(counts, paths + start, i - start);
    weft_write(counts, " ", 1);
    weft_write_number(counts, count_lines(file));
    weft_write(counts, "\n", 1);
    start = i + 1;
  }
}

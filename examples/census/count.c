/* examples/census/count.c — counts the lines, words and word frequencies of a shard of files.
 *
 * Input "files": a tree's listing, a line "HASH/SIZE PATH" for each file. The files are read
 * through fs.read. Outputs: "lines" and "words", a number each, and "table", a line
 * "WORD<TAB>COUNT" for each word, in the order of their bytes.
 *
 * A line ends with a line feed, and a word is what `wc -w` of GNU coreutils 9.1 counts in the C
 * locale: bytes between white space, of which at least one is a printable character.
 */
#include "wasm_host/weft_guest.h"

enum { kChunk = 1 << 16, kFirstSlots = 1 << 12, kMaxNumber = 24 };

/* A growing sequence of bytes. Old copies are not given back: their sizes double, so all together
 * are no larger than the last. */
struct Bytes {
  unsigned char* data;
  size_t size;
  size_t capacity;
};

struct Word {
  const unsigned char* text;
  size_t size;
  uint64_t hash;
  uint64_t count;
};

/* Open addressing; at most half full. A slot with text == NULL is free. */
struct Table {
  struct Word* slots;
  size_t capacity; /* a power of two */
  size_t used;
};

struct Census {
  uint64_t lines;
  uint64_t words;
  struct Table table;
  /* The word that is being read; it may span chunks. */
  struct Bytes word;
  int has_printable;
};

static void Append(struct Bytes* bytes, unsigned char byte) {
  if (bytes->size == bytes->capacity) {
    size_t capacity = bytes->capacity == 0 ? 256 : 2 * bytes->capacity;
    unsigned char* data = weft_alloc(capacity);
    __builtin_memcpy(data, bytes->data, bytes->size);
    bytes->data = data;
    bytes->capacity = capacity;
  }
  bytes->data[bytes->size++] = byte;
}

static int IsSpace(unsigned char byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

static int IsPrintable(unsigned char byte) { return byte > ' ' && byte < 0x7f; }

/* FNV-1a. */
static uint64_t Hash(const unsigned char* text, size_t size) {
  uint64_t hash = 14695981039346656037u;
  for (size_t i = 0; i < size; ++i) hash = (hash ^ text[i]) * 1099511628211u;
  return hash;
}

/* Less than, equal to or greater than 0, as bytes order. */
static int Compare(const struct Word* a, const struct Word* b) {
  size_t shorter = a->size < b->size ? a->size : b->size;
  for (size_t i = 0; i < shorter; ++i) {
    if (a->text[i] != b->text[i]) return a->text[i] < b->text[i] ? -1 : 1;
  }
  return a->size == b->size ? 0 : a->size < b->size ? -1 : 1;
}

/* The slot of `word`, or the free one where it belongs. */
static struct Word* Find(const struct Table* table, const struct Word* word) {
  for (size_t i = word->hash & (table->capacity - 1);; i = (i + 1) & (table->capacity - 1)) {
    struct Word* slot = &table->slots[i];
    if (slot->text == NULL) return slot;
    if (slot->hash == word->hash && Compare(slot, word) == 0) return slot;
  }
}

static void Resize(struct Table* table, size_t capacity) {
  struct Table larger = {weft_alloc(capacity * sizeof(struct Word)), capacity, table->used};
  for (size_t i = 0; i < capacity; ++i) larger.slots[i].text = NULL;
  for (size_t i = 0; i < table->capacity; ++i) {
    if (table->slots[i].text != NULL) *Find(&larger, &table->slots[i]) = table->slots[i];
  }
  *table = larger;
}

/* Counts the word that is being read, if it is one, and begins the next. */
static void EndWord(struct Census* census) {
  struct Word word = {census->word.data, census->word.size, 0, 1};
  census->word.size = 0;
  if (!census->has_printable) return;
  census->has_printable = 0;
  ++census->words;
  word.hash = Hash(word.text, word.size);
  struct Word* slot = Find(&census->table, &word);
  if (slot->text != NULL) {
    ++slot->count;
    return;
  }
  unsigned char* copy = weft_alloc(word.size);
  __builtin_memcpy(copy, word.text, word.size);
  word.text = copy;
  *slot = word;
  if (2 * ++census->table.used > census->table.capacity) {
    Resize(&census->table, 2 * census->table.capacity);
  }
}

static void CountBytes(struct Census* census, const unsigned char* bytes, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    if (bytes[i] == '\n') ++census->lines;
    if (IsSpace(bytes[i])) {
      EndWord(census);
    } else {
      census->has_printable |= IsPrintable(bytes[i]);
      Append(&census->word, bytes[i]);
    }
  }
}

static void CountFile(struct Census* census, const char* path, size_t size) {
  static unsigned char chunk[kChunk];
  int32_t file = weft_fs_read(path, size);
  if (file < 0) weft_die("a file of the listing is gone; run again");
  int32_t count = kChunk;
  for (int64_t offset = 0; count == kChunk; offset += count) {
    count = weft_data_read(file, offset, chunk, kChunk);
    CountBytes(census, chunk, (size_t)count);
  }
  weft_data_close(file);
  EndWord(census);
}

/* Moves slots[root] down until it is no smaller than its children: one step of heap sort. */
static void SiftDown(struct Word* words, size_t root, size_t size) {
  struct Word word = words[root];
  for (size_t child = 2 * root + 1; child < size; child = 2 * root + 1) {
    if (child + 1 < size && Compare(&words[child], &words[child + 1]) < 0) ++child;
    if (Compare(&word, &words[child]) >= 0) break;
    words[root] = words[child];
    root = child;
  }
  words[root] = word;
}

static void Sort(struct Word* words, size_t size) {
  for (size_t i = size / 2; i-- > 0;) SiftDown(words, i, size);
  for (size_t end = size; end-- > 1;) {
    struct Word largest = words[0];
    words[0] = words[end];
    words[end] = largest;
    SiftDown(words, 0, end);
  }
}

/* Appends the decimal digits of `number` and a line feed. */
static void AppendNumber(struct Bytes* out, uint64_t number) {
  unsigned char digits[kMaxNumber];
  size_t count = 0;
  do {
    digits[count++] = (unsigned char)('0' + number % 10);
    number /= 10;
  } while (number != 0);
  while (count-- > 0) Append(out, digits[count]);
  Append(out, '\n');
}

static void WriteNumber(const char* output, uint64_t number) {
  struct Bytes text = {NULL, 0, 0};
  AppendNumber(&text, number);
  weft_write(weft_output(output), text.data, text.size);
}

static void WriteTable(struct Table* table) {
  size_t size = 0;
  for (size_t i = 0; i < table->capacity; ++i) {
    if (table->slots[i].text != NULL) table->slots[size++] = table->slots[i];
  }
  Sort(table->slots, size);
  int32_t output = weft_output("table");
  struct Bytes text = {NULL, 0, 0};
  for (size_t i = 0; i < size; ++i) {
    for (size_t k = 0; k < table->slots[i].size; ++k) Append(&text, table->slots[i].text[k]);
    Append(&text, '\t');
    AppendNumber(&text, table->slots[i].count);
    if (text.size >= kChunk) {
      weft_write(output, text.data, text.size);
      text.size = 0;
    }
  }
  weft_write(output, text.data, text.size);
}

/* Counts the files of the listing, one after the other. */
static void CountListing(struct Census* census, const char* listing, size_t size) {
  size_t begin = 0;
  while (begin < size) {
    size_t end = begin;
    while (end < size && listing[end] != '\n') ++end;
    size_t path = begin;
    while (path < end && listing[path] != ' ') ++path;
    if (path == end) weft_die("the input \"files\" is no listing of a tree");
    ++path;
    CountFile(census, listing + path, end - path);
    begin = end + 1;
  }
}

WEFT_RUN() {
  int32_t input = weft_input("files");
  size_t size = (size_t)weft_data_size(input);
  char* listing = weft_alloc(size);
  for (size_t done = 0; done < size;) {
    done += (size_t)weft_data_read(input, (int64_t)done, listing + done, size - done);
  }
  struct Census census = {0, 0, {NULL, 0, 0}, {NULL, 0, 0}, 0};
  Resize(&census.table, kFirstSlots);
  CountListing(&census, listing, size);
  WriteNumber("lines", census.lines);
  WriteNumber("words", census.words);
  WriteTable(&census.table);
}

// dag/builtin.h — the functions that every graph may use: `weft functions` lists them, README.md
// describes them.
//
// Tables: a table of counts is text with one line "KEY<TAB>COUNT" for each key, in the order of the
// keys (bytes compared). Words are what lies between the white space of the C locale.
#ifndef WEFT_DAG_BUILTIN_H_
#define WEFT_DAG_BUILTIN_H_

#include "dag/function.h"

namespace weft {

// Adds all built-in functions to `registry`:
//
//   concat          all inputs, one after the other, with the parameter "separator" between them
//   sort_lines      the lines of all inputs, sorted; parameter "unique" ("true": each line once)
//   head            the first "lines" lines (default 10) of its input
//   count_lines     the number of lines of all inputs, and a line break
//   word_counts     table of counts of the words of all inputs
//   merge_counts    the sum of tables of counts
//   top_counts      the "n" (default 10) keys of a table with the highest counts, as
//                   "COUNT<TAB>KEY" lines; equal counts in the order of their keys
//   sum             the sum of the numbers that the inputs hold (white space between them)
//   template        the parameter "text" with each {{NAME}} replaced by the input NAME
//   tree_paths      the paths of a tree's listing, one a line
//   shard_list      spreads the lines of a tree's listing over its outputs, by the hash of the
//                   path: a file whose contents change stays in its shard
//   sleep           waits for "ms" milliseconds, then as concat
//   fail            fails with the message in the parameter "message"
void RegisterBuiltins(FunctionRegistry& registry);

}  // namespace weft

#endif  // WEFT_DAG_BUILTIN_H_

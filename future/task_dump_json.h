// future/task_dump_json.h — a dump of tasks as JSON, for programs.
//
//   { "version": 1,
//     "scopes": [ { "parent": null,             // index in "scopes", before this one
//                   "cancelled": false,
//                   "task": null } ],           // "id" of the task that waits in the scope
//     "tasks": [ { "id": "0x5581",              // unique among live tasks; JoinHandle::id()
//                  "name": "",
//                  "activity": "waiting",       // or "queued", "running"
//                  "worker": null,              // number; of the latest poll
//                  "age_ns": 2000000000,        // since the spawn
//                  "since_ns": 1500000000,      // since the latest poll began or, if over, ended
//                  "polls": 3,
//                  "spawned_at": { "file": "main.cc", "line": 31 },   // or null
//                  "scope": 0,                  // index in "scopes", or null
//                  "awaits": [                  // from the deepest coroutine to the root
//                    { "nesting": 0, "function": "...", "file": "...", "line": 12,  // or absent
//                      "awaits": "...",         // or absent: the coroutine of the step before
//                      "task": "0x55a4" } ],    // or absent
//                  "awaits_left_out": 0 } ],
//     "tasks_left_out": 0 }
//
// All members are present unless it says "absent". Later versions may add members.
#ifndef WEFT_FUTURE_TASK_DUMP_JSON_H_
#define WEFT_FUTURE_TASK_DUMP_JSON_H_

#include <string>

#include "future/task_dump.h"

namespace weft {

// One line, in UTF-8; bytes of names that are not become U+FFFD. O(dump).
std::string ToJson(const TaskDump& dump);

}  // namespace weft

#endif  // WEFT_FUTURE_TASK_DUMP_JSON_H_

// future/task_id.h — which task: the number by which handles, dumps, traces and reports name it.
#ifndef WEFT_FUTURE_TASK_ID_H_
#define WEFT_FUTURE_TASK_ID_H_

#include <cstdint>
#include <string>

namespace weft {

class Runnable;

// Unique among the tasks that have not ended and those that have a handle.
enum class TaskId : std::uintptr_t {};

// Of the task that an executor runs by it.
inline TaskId TaskIdOf(const Runnable* task) {
  return static_cast<TaskId>(reinterpret_cast<std::uintptr_t>(task));
}

// "0x5581".
std::string ToString(TaskId id);

}  // namespace weft

#endif  // WEFT_FUTURE_TASK_ID_H_

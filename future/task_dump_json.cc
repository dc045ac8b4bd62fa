#include "future/task_dump_json.h"

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "nlohmann/json.hpp"

namespace weft {
namespace {

using Json = nlohmann::ordered_json;

template <typename T>
Json OrNull(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

const char* NameOf(TaskActivity activity) {
  switch (activity) {
    case TaskActivity::kWaiting:
      return "waiting";
    case TaskActivity::kQueued:
      return "queued";
    case TaskActivity::kRunning:
      break;
  }
  return "running";
}

Json ToJson(const AwaitStep& step) {
  Json json = {{"nesting", step.nesting}};
  if (step.location.line() != 0) {
    json["function"] = step.location.function_name();
    json["file"] = step.location.file_name();
    json["line"] = step.location.line();
  }
  if (!step.awaits.empty()) json["awaits"] = std::string(step.awaits);
  if (step.task != TaskId()) json["task"] = ToString(step.task);
  return json;
}

Json ToJson(const DumpedScope& scope) {
  return {{"parent", OrNull(scope.parent)},
          {"cancelled", scope.is_cancelled},
          {"task", scope.task ? Json(ToString(*scope.task)) : Json()}};
}

Json ToJson(const DumpedTask& task) {
  Json location;
  if (task.location.line() != 0) {
    location = {{"file", task.location.file_name()}, {"line", task.location.line()}};
  }
  Json awaits = Json::array();
  for (const AwaitStep& step : task.steps) awaits.push_back(ToJson(step));
  return {{"id", ToString(task.id)},
          {"name", task.name},
          {"activity", NameOf(task.activity)},
          {"worker", task.worker >= 0 ? Json(task.worker) : Json()},
          {"age_ns", absl::ToInt64Nanoseconds(task.age)},
          {"since_ns", absl::ToInt64Nanoseconds(task.since)},
          {"polls", task.polls},
          {"spawned_at", location},
          {"scope", OrNull(task.scope)},
          {"awaits", awaits},
          {"awaits_left_out", task.steps_left_out}};
}

}  // namespace

std::string ToJson(const TaskDump& dump) {
  Json scopes = Json::array();
  for (const DumpedScope& scope : dump.scopes) scopes.push_back(ToJson(scope));
  Json tasks = Json::array();
  for (const DumpedTask& task : dump.tasks) tasks.push_back(ToJson(task));
  const Json json = {{"version", 1},
                     {"scopes", scopes},
                     {"tasks", tasks},
                     {"tasks_left_out", dump.tasks_left_out}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace weft

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "future/task_dump.h"

namespace weft {
namespace {

std::string LineOf(const DumpedTask& task) {
  std::string line = absl::StrCat("task ", ToString(task.id));
  if (!task.name.empty()) absl::StrAppend(&line, " \"", task.name, "\"");
  switch (task.activity) {
    case TaskActivity::kWaiting:
      absl::StrAppend(&line, ": waiting for ");
      break;
    case TaskActivity::kQueued:
      absl::StrAppend(&line, ": queued, idle for ");
      break;
    case TaskActivity::kRunning:
      absl::StrAppend(&line, ": running for ");
      break;
  }
  absl::StrAppend(&line, absl::FormatDuration(task.since));
  if (task.activity == TaskActivity::kRunning && task.worker >= 0) {
    absl::StrAppend(&line, " on worker ", task.worker);
  }
  absl::StrAppend(&line, ", age ", absl::FormatDuration(task.age), ", ", task.polls,
                  task.polls == 1 ? " poll" : " polls");
  if (task.location.line() != 0) {
    absl::StrAppend(&line, ", spawned at ", task.location.file_name(), ":", task.location.line());
  }
  return line;
}

class Printer {
 public:
  explicit Printer(const TaskDump& dump)
      : dump_(dump), scopes_below_(dump.scopes.size()), tasks_in_(dump.scopes.size()) {
    for (std::size_t i = dump.scopes.size(); i-- > 0;) {
      if (dump.scopes[i].parent) scopes_below_[*dump.scopes[i].parent].push_back(i);
    }
    for (const DumpedTask& task : dump.tasks) {
      if (task.scope) tasks_in_[*task.scope].push_back(&task);
    }
  }

  std::string Print() {
    absl::StrAppend(&text_, dump_.tasks.size(), dump_.tasks.size() == 1 ? " task" : " tasks");
    if (dump_.tasks_left_out > 0) absl::StrAppend(&text_, ", ", dump_.tasks_left_out, " left out");
    text_ += '\n';
    for (std::size_t i = 0; i < dump_.scopes.size(); ++i) {
      if (!dump_.scopes[i].parent) PrintTree(i);
    }
    for (const DumpedTask& task : dump_.tasks) {
      if (!task.scope) PrintTask(task, 0);
    }
    return std::move(text_);
  }

 private:
  // With a stack of its own: trees may be deep.
  void PrintTree(std::size_t root) {
    std::vector<std::pair<std::size_t, std::size_t>> pending = {{root, 0}};
    while (!pending.empty()) {
      const auto [scope, depth] = pending.back();
      pending.pop_back();
      PrintScope(scope, depth);
      for (const std::size_t below : scopes_below_[scope]) pending.emplace_back(below, depth + 1);
    }
  }

  void PrintScope(std::size_t number, std::size_t depth) {
    const DumpedScope& scope = dump_.scopes[number];
    Indent(depth);
    absl::StrAppend(&text_, "scope ", number);
    if (scope.task) absl::StrAppend(&text_, " of task ", ToString(*scope.task));
    if (scope.is_cancelled) absl::StrAppend(&text_, ", cancelled");
    text_ += '\n';
    for (const DumpedTask* task : tasks_in_[number]) PrintTask(*task, depth + 1);
  }

  void PrintTask(const DumpedTask& task, std::size_t depth) {
    Indent(depth);
    absl::StrAppend(&text_, LineOf(task), "\n");
    for (const AwaitStep& step : task.steps) {
      Indent(depth + 1);
      absl::StrAppend(&text_, ToString(step), "\n");
    }
    if (task.steps_left_out == 0) return;
    Indent(depth + 1);
    absl::StrAppend(&text_, task.steps_left_out, " more steps\n");
  }

  void Indent(std::size_t depth) { text_.append(2 * depth, ' '); }

  const TaskDump& dump_;
  std::vector<std::vector<std::size_t>> scopes_below_;  // the last one first
  std::vector<std::vector<const DumpedTask*>> tasks_in_;
  std::string text_;
};

}  // namespace

std::string ToText(const TaskDump& dump) { return Printer(dump).Print(); }

}  // namespace weft

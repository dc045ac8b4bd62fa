#include "future/task_dump.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "base/instant.h"
#include "future/cancel.h"
#include "future/internal/task_cell.h"
#include "future/internal/task_record.h"
#include "future/task_registry.h"
#include "future/waker.h"

namespace weft {
namespace {

using future_internal::CellBase;
using future_internal::TaskRecord;

// Gives a task back that was claimed, whatever happens.
class Claim {
 public:
  explicit Claim(CellBase& cell) : cell_(cell), holds_(cell.TryClaim()) {}
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  ~Claim() {
    if (holds_) cell_.GiveBack();
  }

  bool holds() const { return holds_; }

 private:
  CellBase& cell_;
  const bool holds_;
};

// Keeps a listed task's cell.
struct Found {
  TaskRecord* record;
  Waker waker;
};

class Dumper {
 public:
  Dumper(Executor& executor, const TaskDumpOptions& options)
      : executor_(executor), options_(options), now_(executor.Now()) {
    (void)ScopeOf(executor.token());  // number 0
  }

  TaskDump Dump() {
    for (const Found& found : Find()) Add(*found.record);
    for (DumpedTask& task : dump_.tasks) FindOwners(task);
    return std::move(dump_);
  }

 private:
  std::vector<Found> Find() {
    std::vector<Found> found;
    executor_.task_registry()->ForEach([&](TaskRecord& record) {
      if (found.size() < options_.max_tasks) {
        found.push_back({&record, record.cell->MakeWaker()});
      } else {
        ++dump_.tasks_left_out;
      }
    });
    const auto order = [](const Found& task) {
      const TaskRecord& record = *task.record;
      return std::tuple(record.spawned, record.shard, record.number);
    };
    std::sort(found.begin(), found.end(),
              [&](const Found& a, const Found& b) { return order(a) < order(b); });
    return found;
  }

  void Add(const TaskRecord& record) {
    CellBase& cell = *record.cell;
    DumpedTask task;
    {
      const Claim claim(cell);
      if (claim.holds()) {
        task.activity = TaskActivity::kWaiting;
        VisitAwaits(cell, task);
      } else {
        const TaskStatus status = cell.status();
        if (status > TaskStatus::kRunning) return;  // ended since it was found
        task.activity =
            status == TaskStatus::kRunning ? TaskActivity::kRunning : TaskActivity::kQueued;
      }
    }
    task.id = TaskIdOf(&cell);
    task.name = cell.name();
    task.worker = record.worker.load(std::memory_order_relaxed);
    task.polls = record.polls.load(std::memory_order_relaxed);
    task.age = now_ - record.spawned;
    task.since = std::max(now_ - record.changed.load(std::memory_order_relaxed),
                          absl::ZeroDuration());  // it may have changed after now_
    task.location = record.spawned_at;
    task.scope = ScopeOf(cell.token());
    dump_.tasks.push_back(std::move(task));
  }

  void VisitAwaits(const CellBase& cell, DumpedTask& task) {
    const auto on_step = [&](const AwaitStep& step) {
      if (task.steps.size() < options_.max_steps) {
        task.steps.push_back(step);
      } else {
        ++task.steps_left_out;
      }
    };
    AwaitVisitor visitor(on_step);
    cell.VisitAwaits(visitor);
  }

  // The number of a token's scope; numbers it, and those above it, if they are new.
  std::optional<std::size_t> ScopeOf(const CancelToken& token) {
    const auto path = future_internal::PathToRoot(token);
    std::optional<std::size_t> parent;
    for (auto flag = path.rbegin(); flag != path.rend(); ++flag) {
      const auto [entry, is_new] = numbers_.emplace(flag->node, dump_.scopes.size());
      if (is_new) dump_.scopes.push_back({parent, flag->is_cancelled, std::nullopt});
      parent = entry->second;
    }
    return parent;
  }

  void FindOwners(const DumpedTask& task) {
    for (const AwaitStep& step : task.steps) {
      if (step.scope == nullptr) continue;
      const auto number = numbers_.find(step.scope);
      if (number != numbers_.end()) dump_.scopes[number->second].task = task.id;
    }
  }

  Executor& executor_;
  const TaskDumpOptions& options_;
  const Instant now_;
  TaskDump dump_;
  std::unordered_map<const void*, std::size_t> numbers_;  // of the flags of tokens
};

}  // namespace

TaskDump DumpTasks(Executor& executor, const TaskDumpOptions& options) {
  WEFT_CHECK(executor.task_registry() != nullptr)
      << "DumpTasks(): the executor does not list its tasks; make the runtime with track_tasks = "
         "weft::TaskTracking::kOn";
  return Dumper(executor, options).Dump();
}

}  // namespace weft

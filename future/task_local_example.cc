// A request's name travels with its task: whoever logs finds it, and no function in between passes
// it on.
#include <iostream>
#include <string>
#include <vector>

#include "future/executor.h"
#include "future/manual_executor.h"
#include "future/spawn.h"
#include "future/task.h"
#include "future/task_local.h"

namespace {

// [example]
inline constexpr weft::TaskLocal<std::string> kRequest;

weft::Task<> Log(std::vector<std::string>* log, std::string text) {
  const std::string* request = co_await kRequest.Current();
  log->push_back((request != nullptr ? *request : "no request") + ": " + text);
}

weft::Task<> Handle(std::vector<std::string>* log) { co_await Log(log, "handled"); }
// [example]

// A spawned task may outlive its spawner: it gets the values only if it is given them.
weft::Task<> HandOver(weft::Executor* executor, std::vector<std::string>* log) {
  weft::Spawn(*executor, Handle(log)).Detach();
  weft::TaskLocals locals = co_await weft::CurrentLocals();
  weft::Spawn(*executor, weft::WithLocals(locals, Handle(log))).Detach();
}

}  // namespace

int main() {
  weft::ManualExecutor executor;
  std::vector<std::string> log;
  executor.BlockOn(weft::WithLocal(kRequest, "request 17", Handle(&log))).IgnoreError();
  executor.BlockOn(weft::WithLocal(kRequest, "request 18", HandOver(&executor, &log)))
      .IgnoreError();
  executor.RunUntilStalled();
  for (const std::string& line : log) std::cout << line << "\n";
  return log == std::vector<std::string>{"request 17: handled", "no request: handled",
                                         "request 18: handled"}
             ? 0
             : 1;
}

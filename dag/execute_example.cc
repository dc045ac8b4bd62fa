// A function of one's own, a graph that uses it, and two runs of it: the second executes nothing.
#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dag/blob.h"
#include "dag/builtin.h"
#include "dag/execute.h"
#include "dag/function.h"
#include "dag/graph.h"
#include "dag/load.h"
#include "dag/run_report.h"
#include "dag/store.h"
#include "future/manual_executor.h"
#include "future/or_return.h"
#include "future/task.h"

namespace {

constexpr char kGraph[] = R"(
  step {
    id: "shout"
    builtin { function: "upper" }
    input { name: "text" literal: "to be or not to be\n" }
    output { name: "text" }
  }
  step {
    id: "count"
    builtin { function: "word_counts" }
    input { name: "text" step: "shout" output: "text" }
    output { name: "counts" }
  }
  result: "count.counts"
)";

class Upper final : public weft::StepFunction {
 public:
  std::string_view name() const override { return "upper"; }
  std::string_view version() const override { return "1"; }

  weft::Task<absl::StatusOr<weft::StepOutputs>> Run(weft::StepContext& step) override {
    const weft::Blob::Bytes text =
        co_await weft::OrReturn(co_await weft::LoadBlob(step.executor(), step.inputs()[0].blob));
    std::string upper = *text;
    for (char& c : upper) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    co_return weft::StepOutputs{upper};
  }
};

// Runs the graph and prints its result; returns how many steps were executed, or -1.
int64_t RunOnce(const weft::LoadedGraph& loaded, const weft::FunctionRegistry& registry,
                weft::ResultStore* store) {
  weft::ManualExecutor executor;  // A program takes a weft::Runtime.
  weft::GraphRun run(loaded.graph, registry, {.store = store, .graph_name = loaded.file});
  const absl::Status status = executor.BlockOn(run.Run(executor));
  if (!status.ok()) return -1;
  std::printf("%s%d executed, %d cached\n", (*run.report().results[0]->Load())->c_str(),
              static_cast<int>(run.report().executed), static_cast<int>(run.report().cached));
  return run.report().executed;
}

}  // namespace

int main() {
  weft::FunctionRegistry registry;
  weft::RegisterBuiltins(registry);
  registry.Register(std::make_unique<Upper>());
  const absl::StatusOr<weft::LoadedGraph> loaded = weft::ParseGraph(kGraph, "example.textproto");
  if (!loaded.ok() || !registry.Check(loaded->graph).ok()) return 1;

  std::string directory = std::filesystem::temp_directory_path() / "weft-example-XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) return 1;
  int64_t first = -1, second = -1;
  {
    const auto store = weft::ResultStore::Open(directory);
    if (!store.ok()) return 1;
    first = RunOnce(*loaded, registry, store->get());
    second = RunOnce(*loaded, registry, store->get());
  }
  std::filesystem::remove_all(directory);
  return first == 2 && second == 0 ? 0 : 1;
}

// What one step costs beside its work: compile, run without a store, look up in a store.
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "benchmark/benchmark.h"
#include "dag/digest.h"
#include "dag/execute.h"
#include "dag/function.h"
#include "dag/graph.h"
#include "dag/plain_function.h"
#include "dag/spec.h"
#include "dag/store.h"
#include "future/manual_executor.h"

namespace weft {
namespace {

enum class Shape { kChain, kWide };

StepSpec Step(int i, Shape shape) {
  StepSpec step;
  step.id = std::to_string(i);
  step.function = "noop";
  step.outputs = {"o"};
  const int source = shape == Shape::kChain ? i - 1 : 0;
  if (i > 0) step.inputs.push_back({"i", OutputRef{std::to_string(source), "o"}, {}});
  // Each step has a key of its own.
  step.params.push_back({"i", step.id, ParamSpec::Meaning::kResult});
  return step;
}

Graph MakeGraph(int steps, Shape shape) {
  GraphBuilder builder;
  for (int i = 0; i < steps; ++i) builder.AddStep(Step(i, shape));
  return *std::move(builder).Build();
}

FunctionRegistry MakeRegistry() {
  FunctionRegistry registry;
  registry.Register(MakePlainFunction(
      {.name = "noop", .version = "1", .shape = {.params = {"i"}, .max_inputs = 1}},
      [](const PlainCall&) -> absl::StatusOr<StepOutputs> { return StepOutputs(1); }));
  return registry;
}

void Run(const Graph& graph, const FunctionRegistry& registry, ResultStore* store) {
  ManualExecutor executor;
  GraphRun run(graph, registry, {.store = store});
  benchmark::DoNotOptimize(executor.BlockOn(run.Run(executor)).ok());
}

void BM_Graph_Compile(benchmark::State& state) {
  const int steps = static_cast<int>(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(MakeGraph(steps, Shape::kChain).size());
  state.SetItemsProcessed(state.iterations() * steps);
}
BENCHMARK(BM_Graph_Compile)->Arg(10'000);

void BM_Execute_Empty(benchmark::State& state, Shape shape) {
  const int steps = static_cast<int>(state.range(0));
  const Graph graph = MakeGraph(steps, shape);
  const FunctionRegistry registry = MakeRegistry();
  for (auto _ : state) Run(graph, registry, nullptr);
  state.SetItemsProcessed(state.iterations() * steps);
}
BENCHMARK_CAPTURE(BM_Execute_Empty, chain, Shape::kChain)->Arg(10'000);
BENCHMARK_CAPTURE(BM_Execute_Empty, wide, Shape::kWide)->Arg(10'000);

void BM_Execute_Cached(benchmark::State& state) {
  const int steps = static_cast<int>(state.range(0));
  const Graph graph = MakeGraph(steps, Shape::kWide);
  const FunctionRegistry registry = MakeRegistry();
  std::string directory = std::filesystem::temp_directory_path() / "weft-benchmark-XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) return;
  {
    const auto store = *ResultStore::Open(directory);
    Run(graph, registry, store.get());
    for (auto _ : state) Run(graph, registry, store.get());
  }
  std::filesystem::remove_all(directory);
  state.SetItemsProcessed(state.iterations() * steps);
}
BENCHMARK(BM_Execute_Cached)->Arg(200);

void BM_Digest(benchmark::State& state) {
  const std::string bytes(static_cast<std::size_t>(state.range(0)), 'x');
  for (auto _ : state) benchmark::DoNotOptimize(DigestOf(bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Digest)->Arg(0)->Arg(1 << 20);

}  // namespace
}  // namespace weft

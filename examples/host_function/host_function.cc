// A program of one's own around graphs and guests: it offers them a function and a coroutine in
// C++, and runs a graph on the real scheduler.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dag/execute.h"
#include "dag/function.h"
#include "dag/load.h"
#include "dag/run_report.h"
#include "future/sleep.h"
#include "future/task.h"
#include "runtime/runtime.h"
#include "wasm_host/engine.h"
#include "wasm_host/engine_options.h"
#include "wasm_host/registry.h"
#include "wasm_host/step.h"

namespace {

// A function runs on the guest's stack and must not block.
absl::StatusOr<int32_t> Price(std::string_view item) {
  if (item == "tea") return 4;
  if (item == "coffee") return 5;
  if (item == "quince") return 7;
  return absl::NotFoundError("the shop has no " + std::string(item));
}

// A coroutine may wait: its guest is suspended meanwhile, and the worker runs other tasks.
weft::Task<int64_t> Order(std::string_view item, int32_t price) {
  co_await weft::SleepFor(absl::Milliseconds(2));
  co_return price * 1000 + static_cast<int64_t>(item.size());
}

std::unique_ptr<weft::StepFunction> MakeShopStep() {
  auto functions = std::make_shared<weft::HostFunctions>();
  weft::AddStepFunctions(*functions);
  functions->Add({.module = "shop", .name = "price", .is_cacheable = true}, Price)
      .Add({.module = "shop", .name = "order", .capability = "shop.order"}, Order);
  weft::EngineOptions options;
  options.max_instances = 4;
  return weft::MakeWasmStep(weft::Engine(options), std::move(functions));
}

bool HasText(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

int main() {
  const absl::StatusOr<weft::LoadedGraph> loaded =
      weft::LoadGraph("examples/host_function/shop.textproto");
  weft::FunctionRegistry registry;
  registry.Register(MakeShopStep());
  if (!loaded.ok() || !registry.Check(loaded->graph).ok()) {
    std::fprintf(stderr, "%s\n", loaded.status().ToString().c_str());
    return 1;
  }

  weft::GraphRun run(loaded->graph, registry, {.on_error = weft::OnError::kContinue});
  weft::Runtime runtime;
  const absl::Status status = runtime.BlockOn(run.Run(runtime));

  std::string bills;
  for (const auto& bill : run.report().results) {
    if (bill.has_value()) bills += **bill->Load();
  }
  const std::string refusal(status.message());
  std::printf("%s%s\n", bills.c_str(), refusal.c_str());
  const bool is_right = bills ==
                            "tea costs 4, order 4003\ncoffee costs 5, order 5006\n"
                            "quince costs 7, order 7006\n" &&
                        HasText(refusal, "step \"thief\"") &&
                        HasText(refusal, "needs the capability shop.order");
  return is_right ? 0 : 1;
}

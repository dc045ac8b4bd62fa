#include "dag/testing/test_graph.h"

#include <stdexcept>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "future/or_return.h"
#include "future/poll_fn.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

class TestFunction final : public StepFunction {
 public:
  TestFunction(std::string name, TestBody body, TestFunctionOptions options)
      : name_(std::move(name)), body_(std::move(body)), options_(std::move(options)) {}

  std::string_view name() const override { return name_; }
  std::string_view version() const override { return options_.version; }
  bool IsPure(const StepSpec&) const override { return options_.is_pure; }
  Task<absl::StatusOr<StepOutputs>> Run(StepContext& context) override { return body_(context); }

 private:
  const std::string name_;
  const TestBody body_;
  const TestFunctionOptions options_;
};

StepOutputs One(std::string text) { return StepOutputs(1, std::move(text)); }

Task<absl::StatusOr<StepOutputs>> Join(StepContext& context) {
  std::string text = context.id() + "(";
  for (const StepInput& input : context.inputs()) {
    const auto bytes = co_await OrReturn(co_await LoadBlob(context.executor(), input.blob));
    absl::StrAppend(&text, text.back() == '(' ? "" : ",", *bytes);
  }
  co_return One(text + ")");
}

Task<absl::StatusOr<StepOutputs>> Split(StepContext& context) {
  StepOutputs outputs;
  for (const StepInput& input : context.inputs()) {
    const auto bytes = co_await OrReturn(co_await LoadBlob(context.executor(), input.blob));
    outputs.push_back(*bytes);
  }
  co_return outputs;
}

Task<absl::StatusOr<StepOutputs>> Fail(StepContext& context) {
  co_return absl::UnknownError(absl::StrCat(context.id(), " is meant to fail"));
}

Task<absl::StatusOr<StepOutputs>> Throw(StepContext&) {
  throw std::runtime_error("a planted exception");
  co_return StepOutputs();
}

Task<absl::StatusOr<StepOutputs>> Hang(StepContext&) {
  co_await Never<>();
  co_return StepOutputs();
}

}  // namespace

TestStep::TestStep(std::string function, std::string id) {
  spec_.function = std::move(function);
  spec_.id = std::move(id);
  spec_.outputs = {"out"};
}

TestStep& TestStep::Reads(const std::string& step, const std::string& output) {
  spec_.inputs.push_back({NextInputName(), OutputRef{step, output}, {}});
  return *this;
}

TestStep& TestStep::Literal(const std::string& text) {
  spec_.inputs.push_back({NextInputName(), LiteralInput{text}, {}});
  return *this;
}

TestStep& TestStep::File(const std::string& path) {
  spec_.inputs.push_back({NextInputName(), FileInput{path}, {}});
  return *this;
}

TestStep& TestStep::Param(const std::string& name, const std::string& value) {
  spec_.params.push_back({name, value, ParamSpec::Meaning::kResult});
  return *this;
}

TestStep& TestStep::Outputs(std::vector<std::string> names) {
  spec_.outputs = std::move(names);
  return *this;
}

TestStep& TestStep::Cache(Caching caching) {
  spec_.caching = caching;
  return *this;
}

TestStep& TestStep::Directory(const std::string& directory) {
  spec_.directory = directory;
  return *this;
}

Graph MakeGraph(std::vector<StepSpec> steps) {
  GraphBuilder builder;
  for (StepSpec& step : steps) {
    if (!step.outputs.empty()) builder.AddResult(step.id + "." + step.outputs[0]);
    builder.AddStep(std::move(step));
  }
  absl::StatusOr<Graph> graph = std::move(builder).Build();
  EXPECT_TRUE(graph.ok()) << graph.status();
  return graph.ok() ? *std::move(graph) : Graph();
}

std::unique_ptr<StepFunction> MakeTestFunction(std::string name, TestBody body,
                                               TestFunctionOptions options) {
  return std::make_unique<TestFunction>(std::move(name), std::move(body), std::move(options));
}

std::string ResultText(const RunReport& report, std::size_t index) {
  if (!report.results[index].has_value()) return "(none)";
  const absl::StatusOr<Blob::Bytes> bytes = report.results[index]->Load();
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  return bytes.ok() ? **bytes : "(error)";
}

std::string Outcomes(const Graph& graph, const RunReport& report) {
  std::string text;
  for (StepIndex i = 0; i < graph.size(); ++i) {
    absl::StrAppend(&text, i == 0 ? "" : " ", graph.step(i).id, ":",
                    std::string(ToString(report.steps[i].outcome)));
  }
  return text;
}

void CallCounter::Count(const std::string& id) {
  MutexLock lock(&mu_);
  ++calls_[id];
}

int CallCounter::calls(const std::string& id) const {
  MutexLock lock(&mu_);
  const auto found = calls_.find(id);
  return found == calls_.end() ? 0 : found->second;
}

int CallCounter::total() const {
  MutexLock lock(&mu_);
  int total = 0;
  for (const auto& [id, calls] : calls_) total += calls;
  return total;
}

void RegisterTestFunctions(FunctionRegistry& registry, CallCounter* counter) {
  const auto counted = [counter](TestBody body) {
    return [counter, body = std::move(body)](StepContext& context) {
      counter->Count(context.id());
      return body(context);
    };
  };
  registry.Register(MakeTestFunction("join", counted(Join)));
  registry.Register(MakeTestFunction("split", counted(Split)));
  registry.Register(MakeTestFunction("fail", counted(Fail)));
  registry.Register(MakeTestFunction("throw", Throw));
  registry.Register(MakeTestFunction("hang", Hang));
}

}  // namespace weft

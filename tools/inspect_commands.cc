#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "dag/function.h"
#include "dag/graph.h"
#include "dag/load.h"
#include "runtime/runtime.h"
#include "tools/commands.h"
#include "tools/common.h"
#include "tools/functions.h"
#include "tools/paths.h"

namespace weft::tools {
namespace {

absl::StatusOr<LoadedGraph> Load(const Options& options) {
  LoadOptions load;
  load.params = options.params;
  load.working_directory = UserDirectory();
  return LoadGraph(options.graph, load);
}

// The functions of this program, without anything that runs them for long.
class Functions {
 public:
  Functions() : runtime_(RuntimeOptions{.workers = 1}) {
    RegisterFunctions(runtime_.reactor(), registry_);
  }

  const FunctionRegistry& registry() const { return registry_; }

 private:
  Runtime runtime_;
  FunctionRegistry registry_;
};

// A string of Graphviz' language.
std::string DotQuote(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string FormatDot(const Graph& graph) {
  std::string text = "digraph weft {\n  rankdir=LR;\n  node [shape=box];\n";
  for (StepIndex i = 0; i < graph.size(); ++i) {
    const StepSpec& step = graph.step(i);
    absl::StrAppend(&text, "  ", DotQuote(step.id),
                    " [label=", DotQuote(absl::StrCat(step.id, " (", step.function, ")")), "];\n");
  }
  for (StepIndex i = 0; i < graph.size(); ++i) {
    const StepSpec& step = graph.step(i);
    for (uint32_t k = 0; k < step.inputs.size(); ++k) {
      const auto source = graph.source(i, k);
      if (!source.has_value()) continue;
      const StepSpec& from = graph.step(source->step);
      absl::StrAppend(&text, "  ", DotQuote(from.id), " -> ", DotQuote(step.id),
                      " [label=", DotQuote(from.outputs[source->output]), "];\n");
    }
  }
  for (const OutputIndex result : graph.results()) {
    const std::string name = DotQuote(absl::StrCat("result ", graph.OutputName(result)));
    absl::StrAppend(&text, "  ", name, " [shape=plaintext];\n  ",
                    DotQuote(graph.step(result.step).id), " -> ", name, ";\n");
  }
  return text + "}\n";
}

std::string FormatList(const Graph& graph) {
  std::string text;
  for (const StepIndex i : graph.order()) {
    const StepSpec& step = graph.step(i);
    absl::StrAppend(&text, step.id, "\t", step.function);
    const char* separator = "\tneeds ";
    for (const StepIndex needed : graph.dependencies(i)) {
      absl::StrAppend(&text, separator, graph.step(needed).id);
      separator = ", ";
    }
    text += '\n';
  }
  return text;
}

}  // namespace

int CheckCommand(const Options& options) {
  const absl::StatusOr<LoadedGraph> loaded = Load(options);
  if (!loaded.ok()) return ReportBadInput(loaded.status());
  const absl::Status checked = Functions().registry().Check(loaded->graph);
  if (!checked.ok()) return ReportBadInput(checked);
  std::string text =
      absl::StrCat(options.graph, ": good; ", Counted(loaded->graph.size(), "step"), ", ",
                   Counted(static_cast<int64_t>(loaded->graph.results().size()), "result"), "\n");
  for (const GraphParamValue& param : loaded->params) {
    absl::StrAppend(&text, "  --param ", param.name, "=", param.value);
    if (!param.help.empty()) absl::StrAppend(&text, "  (", param.help, ")");
    text += '\n';
  }
  return PrintAndSucceed(text);
}

int GraphCommand(const Options& options) {
  const absl::StatusOr<LoadedGraph> loaded = Load(options);
  if (!loaded.ok()) return ReportBadInput(loaded.status());
  return PrintAndSucceed(options.dot ? FormatDot(loaded->graph) : FormatList(loaded->graph));
}

int FunctionsCommand() {
  const Functions functions;
  std::string text;
  for (const StepFunction* const function : functions.registry().List()) {
    absl::StrAppend(&text, std::string(function->name()), "\t", std::string(function->help()),
                    "\n");
  }
  return PrintAndSucceed(text);
}

}  // namespace weft::tools

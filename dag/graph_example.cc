// Builds a graph in C++, and shows what is said about a wrong one.
#include <cstdio>
#include <utility>

#include "absl/status/statusor.h"
#include "dag/graph.h"
#include "dag/spec.h"

int main() {
  weft::StepSpec read, count;
  read.id = "read";
  read.function = "concat";
  read.inputs = {{"text", weft::LiteralInput{"so far so good\n"}, {}}};
  read.outputs = {"text"};
  count.id = "count";
  count.function = "word_counts";
  count.inputs = {{"text", weft::OutputRef{"read", "text"}, {}}};
  count.outputs = {"counts"};

  weft::GraphBuilder builder;
  builder.AddStep(count).AddStep(read).AddResult("count.counts");
  const absl::StatusOr<weft::Graph> graph = std::move(builder).Build();
  if (!graph.ok()) return 1;
  for (const weft::StepIndex i : graph->order()) std::printf("%s\n", graph->step(i).id.c_str());

  weft::GraphBuilder wrong;
  wrong.AddStep(count);
  const absl::StatusOr<weft::Graph> refused = std::move(wrong).Build();
  std::printf("%s\n", std::string(refused.status().message()).c_str());
  return refused.ok() ? 1 : 0;
}

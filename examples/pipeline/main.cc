// Sums up a directory tree: `bazel run //examples/pipeline -- FOLDER [MILLISECONDS]`.
#include <cstdlib>
#include <iostream>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "examples/pipeline/pipeline.h"
#include "runtime/runtime.h"

int main(int argc, char** argv) {
  weft_examples::PipelineOptions options;
  options.root = argc > 1 ? argv[1] : ".";
  if (argc > 2) options.timeout = absl::Milliseconds(std::atoi(argv[2]));

  weft::Runtime runtime;
  const absl::StatusOr<weft_examples::PipelineSummary> summary =
      runtime.BlockOn(weft_examples::Summarize(options));
  if (!summary.ok()) {
    std::cerr << "pipeline: summing up '" << options.root << "': " << summary.status() << "\n";
    return 1;
  }
  std::cout << options.root << ": " << summary->files << " files, " << summary->bytes << " bytes, "
            << summary->lines << " lines, " << summary->unreadable << " unreadable\n";
  return 0;
}

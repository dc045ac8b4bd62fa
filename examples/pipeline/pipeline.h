// examples/pipeline/pipeline.h — a directory tree summed up by stages that run in parallel.
//
//   list --paths--> readers --texts--> counters --counts--> sum
//
// Each arrow is a bounded channel, so a slow stage holds up the ones before it. A file holds a
// permit from before it is read until it is counted: memory is bounded by files, not by channels.
// The stages are children of one nursery: an error, a deadline or a cancellation ends them all.
#ifndef WEFT_EXAMPLES_PIPELINE_PIPELINE_H_
#define WEFT_EXAMPLES_PIPELINE_PIPELINE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "future/task.h"

namespace weft_examples {

struct PipelineOptions {
  std::string root;
  // Files in memory at once; positive.
  std::size_t files_in_flight = 8;
  // Readers and counters, each; positive.
  int stage_width = 4;
  // Room of each channel; positive.
  std::size_t channel_capacity = 16;
  // Longer, and the result is absl::DeadlineExceededError.
  std::optional<absl::Duration> timeout = std::nullopt;
};

struct PipelineSummary {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t lines = 0;
  // Could not be read: gone, forbidden, too long, no file.
  std::uint64_t unreadable = 0;
};

// Sums up the regular files below `options.root`, and those that links there lead to. Fails when
// the root cannot be listed. Cancellation: stops; jobs of the blocking pool end behind its back.
weft::Task<absl::StatusOr<PipelineSummary>> Summarize(PipelineOptions options);

}  // namespace weft_examples

#endif  // WEFT_EXAMPLES_PIPELINE_PIPELINE_H_

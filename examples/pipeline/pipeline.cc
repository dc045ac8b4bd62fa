#include "examples/pipeline/pipeline.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "channel/channel.h"
#include "channel/outcome.h"
#include "future/executor.h"
#include "future/poll_fn.h"
#include "future/task.h"
#include "io/blocking_file.h"
#include "io/file.h"
#include "nursery/nursery.h"
#include "sync/semaphore.h"

namespace weft_examples {
namespace {

// A file in memory. Destroying it lets the next one in.
struct Text {
  weft::SemaphorePermit permit;
  std::string bytes;
};

// What a reader or a counter has to say about one file.
struct Count {
  bool is_readable = false;
  std::uint64_t bytes = 0;
  std::uint64_t lines = 0;
};

weft::Task<absl::Status> List(std::string root, weft::Sender<std::string> paths) {
  absl::StatusOr<std::vector<weft::TreeEntry>> entries = co_await weft::ListTree(root);
  if (!entries.ok()) co_return entries.status();
  for (const weft::TreeEntry& entry : *entries) {
    if (entry.info.kind == weft::FileKind::kDirectory) continue;
    std::string path = root + "/" + entry.path;
    if (co_await paths.SendFrom(path) != weft::SendOutcome::kOk) break;
  }
  co_return absl::OkStatus();
}

weft::Task<> Read(weft::Semaphore* in_flight, weft::Receiver<std::string> paths,
                  weft::Sender<Text> texts, weft::Sender<Count> counts) {
  while (std::optional<std::string> path = co_await paths.Receive()) {
    weft::SemaphorePermit permit = co_await in_flight->Acquire();
    absl::StatusOr<std::string> bytes = co_await weft::ReadFile(*path);
    if (bytes.ok()) {
      Text text{std::move(permit), *std::move(bytes)};
      co_await texts.SendFrom(text);
    } else {
      Count unreadable;
      co_await counts.SendFrom(unreadable);
    }
  }
}

weft::Task<> CountLines(weft::Receiver<Text> texts, weft::Sender<Count> counts) {
  while (std::optional<Text> text = co_await texts.Receive()) {
    Count count;
    count.is_readable = true;
    count.bytes = text->bytes.size();
    count.lines =
        static_cast<std::uint64_t>(std::count(text->bytes.begin(), text->bytes.end(), '\n'));
    text.reset();
    co_await counts.SendFrom(count);
  }
}

// Each stage owns the ends of its channels: as the stages end one after the other, so do they.
void SpawnStages(weft::Nursery& nursery, const PipelineOptions& options, weft::Semaphore* in_flight,
                 weft::Sender<Count> counts) {
  auto paths = weft::MakeChannel<std::string>(options.channel_capacity);
  auto texts = weft::MakeChannel<Text>(options.channel_capacity);
  nursery.Spawn(List(options.root, std::move(paths.sender)));
  for (int i = 0; i < options.stage_width; ++i) {
    nursery.Spawn(Read(in_flight, paths.receiver, texts.sender, counts));
    nursery.Spawn(CountLines(texts.receiver, counts));
  }
}

weft::Task<PipelineSummary> Run(weft::Nursery& nursery, const PipelineOptions* options,
                                weft::Semaphore* in_flight) {
  auto counts = weft::MakeChannel<Count>(options->channel_capacity);
  SpawnStages(nursery, *options, in_flight, std::move(counts.sender));
  PipelineSummary summary;
  while (std::optional<Count> count = co_await counts.receiver.Receive()) {
    summary.files += count->is_readable ? 1 : 0;
    summary.unreadable += count->is_readable ? 0 : 1;
    summary.bytes += count->bytes;
    summary.lines += count->lines;
  }
  co_return summary;
}

}  // namespace

weft::Task<absl::StatusOr<PipelineSummary>> Summarize(PipelineOptions options) {
  weft::Semaphore in_flight(options.files_in_flight);
  weft::NurseryOptions scope;
  if (options.timeout) {
    weft::Executor* const executor = co_await weft::CurrentExecutor();
    scope.deadline = executor->Now() + *options.timeout;
  }
  const PipelineOptions* const settings = &options;
  weft::Semaphore* const permits = &in_flight;
  co_return co_await weft::WithNursery(scope, Run, settings, permits);
}

}  // namespace weft_examples

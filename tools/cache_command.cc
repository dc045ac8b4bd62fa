#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "dag/store.h"
#include "tools/commands.h"
#include "tools/common.h"
#include "tools/history.h"
#include "tools/json.h"

namespace weft::tools {
namespace {

constexpr char kSchema[] = "weft.cache/1";

int PrintStats(const ResultStore& store, const StoreStats& stats, bool as_json) {
  if (!as_json) {
    return PrintAndSucceed(absl::StrCat(
        store.directory(), ": ", Counted(stats.results, "result"), "; ",
        Counted(stats.inline_values, "small value"), ", ", Counted(stats.inline_bytes, "byte"),
        "; ", Counted(stats.file_values, "large value"), ", ", Counted(stats.file_bytes, "byte"),
        "; index of ", Counted(stats.index_bytes, "byte"), "; ",
        Counted(stats.retired_bytes, "byte"), " cleared and still in use\n"));
  }
  return PrintAndSucceed(FormatDocument({
      {"schema", kSchema},
      {"store", store.directory()},
      {"results", stats.results},
      {"inline_values", stats.inline_values},
      {"inline_bytes", stats.inline_bytes},
      {"file_values", stats.file_values},
      {"file_bytes", stats.file_bytes},
      {"index_bytes", stats.index_bytes},
      {"retired_bytes", stats.retired_bytes},
  }));
}

int PrintCleared(const ResultStore& store, const ClearedStore& cleared, bool as_json) {
  if (!as_json) {
    return PrintAndSucceed(absl::StrCat(
        store.directory(), ": removed ", Counted(cleared.results, "result"), " and ",
        Counted(cleared.values, "value"), ", ", Counted(cleared.bytes, "byte"),
        cleared.deferred ? "; files go when the weft processes that run now have ended\n" : "\n"));
  }
  return PrintAndSucceed(FormatDocument({
      {"schema", kSchema},
      {"store", store.directory()},
      {"removed_results", cleared.results},
      {"removed_values", cleared.values},
      {"removed_bytes", cleared.bytes},
      {"deferred", cleared.deferred},
  }));
}

}  // namespace

int CacheCommand(const Options& options) {
  absl::StatusOr<std::unique_ptr<ResultStore>> store = OpenStore(options);
  if (!store.ok()) return ReportBadInput(store.status());
  if (options.command == Command::kCacheStats) {
    const absl::StatusOr<StoreStats> stats = (*store)->Stats();
    if (!stats.ok()) return ReportBadInput(stats.status());
    return PrintStats(**store, *stats, options.json);
  }
  const absl::StatusOr<ClearedStore> cleared = (*store)->Clear();
  if (!cleared.ok()) return ReportBadInput(cleared.status());
  ClearHistory((*store)->directory());
  return PrintCleared(**store, *cleared, options.json);
}

}  // namespace weft::tools

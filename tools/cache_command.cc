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

int PrintStats(const ResultStore& store, const StoreStats& stats, bool as_json) {
  if (!as_json) {
    return PrintAndSucceed(absl::StrCat(
        store.directory(), ": ", Counted(stats.results, "result"), "; ",
        Counted(stats.inline_values, "small value"), ", ", Counted(stats.inline_bytes, "byte"),
        "; ", Counted(stats.file_values, "large value"), ", ", Counted(stats.file_bytes, "byte"),
        "; index of ", Counted(stats.index_bytes, "byte"), "; ",
        Counted(stats.retired_bytes, "byte"), " cleared and still in use\n"));
  }
  JsonWriter json;
  json.BeginObject();
  json.Key("schema").String("weft.cache/1");
  json.Key("store").String(store.directory());
  json.Key("results").Int(stats.results);
  json.Key("inline_values").Int(stats.inline_values);
  json.Key("inline_bytes").Int(stats.inline_bytes);
  json.Key("file_values").Int(stats.file_values);
  json.Key("file_bytes").Int(stats.file_bytes);
  json.Key("index_bytes").Int(stats.index_bytes);
  json.Key("retired_bytes").Int(stats.retired_bytes);
  json.EndObject();
  return PrintAndSucceed(absl::StrCat(json.text(), "\n"));
}

int PrintCleared(const ResultStore& store, const ClearedStore& cleared, bool as_json) {
  if (!as_json) {
    return PrintAndSucceed(absl::StrCat(
        store.directory(), ": removed ", Counted(cleared.results, "result"), " and ",
        Counted(cleared.values, "value"), ", ", Counted(cleared.bytes, "byte"),
        cleared.deferred ? "; files go when the weft processes that run now have ended\n" : "\n"));
  }
  JsonWriter json;
  json.BeginObject();
  json.Key("schema").String("weft.cache/1");
  json.Key("store").String(store.directory());
  json.Key("removed_results").Int(cleared.results);
  json.Key("removed_values").Int(cleared.values);
  json.Key("removed_bytes").Int(cleared.bytes);
  json.Key("deferred").Bool(cleared.deferred);
  json.EndObject();
  return PrintAndSucceed(absl::StrCat(json.text(), "\n"));
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

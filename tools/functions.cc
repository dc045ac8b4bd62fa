#include "tools/functions.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "dag/builtin.h"
#include "dag/process.h"
#include "future/or_return.h"
#include "future/task.h"
#include "io/http.h"
#include "tools/wasm_functions.h"

namespace weft::tools {
namespace {

Task<absl::StatusOr<std::string>> FetchUrl(Reactor* reactor, std::string url) {
  HttpRequest request;
  request.url = url;
  HttpResponse response = co_await OrReturn(co_await HttpFetch(*reactor, std::move(request)));
  if (response.status < 200 || response.status > 299) {
    co_return absl::UnavailableError(
        absl::StrCat("fetching ", url, ": expected status 200 to 299, found ", response.status));
  }
  co_return std::move(response.body);
}

}  // namespace

void RegisterFunctions(Reactor& reactor, FunctionRegistry& registry) {
  RegisterBuiltins(registry);
  registry.Register(MakeProcessFunction(reactor));
  RegisterWasm(reactor, registry);
}

UrlFetcher MakeUrlFetcher(Reactor& reactor) {
  return [reactor = &reactor](std::string url) { return FetchUrl(reactor, std::move(url)); };
}

}  // namespace weft::tools

// wasm_host/registry.h — all that a guest can call, in one place.
//
//   auto functions = std::make_shared<weft::HostFunctions>();
//   functions->Add({.module = "shop", .name = "price", .capability = "shop.price"},
//                  [](int32_t item) -> int32_t { return item * 100; });
//   functions->Add({.module = "shop", .name = "order", .capability = "shop.order"},
//                  [](weft::HostCall& call, std::string_view text) -> weft::Task<int64_t> {
//                    co_await weft::SleepFor(absl::Milliseconds(5));
//                    co_return static_cast<int64_t>(text.size());
//                  });
//   weft::AddFsRead(*functions);   // a built-in, from fs_read.h
//
// host_function.h says which signatures there are. A guest sees a function only if the grants of
// the call give its capability: checked when the guest is linked and again before each dispatch.
//
// Guarantees
//   Thread safety    Fill it from one thread; then share it as shared_ptr<const HostFunctions>.
//   Lifetime         What was linked with it keeps it alive. A capturing lambda lives in it.
#ifndef WEFT_WASM_HOST_REGISTRY_H_
#define WEFT_WASM_HOST_REGISTRY_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "wasm_host/grants.h"
#include "wasm_host/host_function.h"
#include "wasm_host/internal/bind.h"

namespace weft {

class HostFunctions {
 public:
  HostFunctions() = default;
  HostFunctions(const HostFunctions&) = delete;
  HostFunctions& operator=(const HostFunctions&) = delete;

  // Registers a function pointer or a function object with one const operator(). It may be called
  // by many guests at once.
  // Precondition (checked): no other function has this module and name, and the module is not
  // WASI's.
  template <typename Function>
  HostFunctions& Add(HostFunctionInfo info, Function function) {
    return AddBound(wasm_host_internal::MakeHostFunction(std::move(info), std::move(function)));
  }

  // Registers a function that was bound by hand. Precondition (checked): as Add().
  HostFunctions& AddBound(std::unique_ptr<const HostFunction> function);

  // The function that an import names, or null.
  const HostFunction* Find(std::string_view module, std::string_view name) const;

  // Whether the grants can be meant: each capability guards a function that is registered, and
  // takes the scopes that it is given. Errors: InvalidArgument, saying what there is.
  absl::Status CheckGrants(const Grants& grants) const;

  // Whether everything that a guest with these grants can call has HostFunctionInfo::is_cacheable.
  bool IsCacheable(const Grants& grants) const;

  // All of them, in the order of registration.
  const std::vector<std::unique_ptr<const HostFunction>>& all() const { return all_; }

 private:
  std::vector<std::unique_ptr<const HostFunction>> all_;
  std::map<std::pair<std::string, std::string>, const HostFunction*, std::less<>> by_name_;
};

}  // namespace weft

#endif  // WEFT_WASM_HOST_REGISTRY_H_

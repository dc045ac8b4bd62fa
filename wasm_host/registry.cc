#include "wasm_host/registry.h"

#include "base/check.h"

namespace weft {

HostFunctions& HostFunctions::AddBound(std::unique_ptr<const HostFunction> function) {
  const HostFunctionInfo& info = function->info();
  WEFT_CHECK(!info.module.starts_with("wasi"))
      << "HostFunctions::Add(): WASI is refused as a whole; choose another module name than "
      << info.module;
  const bool is_new =
      by_name_.try_emplace(std::pair(info.module, info.name), function.get()).second;
  WEFT_CHECK(is_new) << "HostFunctions::Add(): expected a new function, found that "
                     << function->FullName() << " is registered already";
  all_.push_back(std::move(function));
  return *this;
}

const HostFunction* HostFunctions::Find(std::string_view module, std::string_view name) const {
  const auto found = by_name_.find(std::pair(std::string(module), std::string(name)));
  return found == by_name_.end() ? nullptr : found->second;
}

}  // namespace weft

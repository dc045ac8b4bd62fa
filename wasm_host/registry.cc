#include "wasm_host/registry.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"

namespace weft {

HostFunctions& HostFunctions::AddBound(std::unique_ptr<const HostFunction> function) {
  const HostFunctionInfo& info = function->info();
  WEFT_CHECK(!info.module.starts_with("wasi"))
      << "HostFunctions::Add(): WASI is refused as a whole; choose another module name than "
      << info.module;
  WEFT_CHECK(function->params().size() <= kMaxGuestValues)
      << "HostFunctions::Add(): expected at most " << kMaxGuestValues
      << " WebAssembly parameters, found " << function->params().size() << " in "
      << function->FullName();
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

absl::Status HostFunctions::CheckGrants(const Grants& grants) const {
  for (const auto& [capability, scopes] : grants.all()) {
    const HostFunction* guarded = nullptr;
    std::set<std::string> known;
    for (const auto& function : all_) {
      if (function->info().capability == capability) guarded = function.get();
      if (!function->info().capability.empty()) known.insert(function->info().capability);
    }
    if (guarded == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("granting ", capability,
                       ": expected a capability that guards a host function, "
                       "which are ",
                       known.empty() ? "none" : absl::StrJoin(known, ", ")));
    }
    for (const std::string& scope : scopes) {
      if (guarded->info().check_scope == nullptr) {
        return absl::InvalidArgumentError(
            absl::StrCat("granting ", capability, ": expected no scope, found ", scope));
      }
      const absl::Status status = guarded->info().check_scope(scope);
      if (status.ok()) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("granting ", capability, ": ", status.message()));
    }
  }
  return absl::OkStatus();
}

bool HostFunctions::IsCacheable(const Grants& grants) const {
  for (const auto& function : all_) {
    const HostFunctionInfo& info = function->info();
    const bool is_reachable = info.capability.empty() || grants.Has(info.capability);
    if (is_reachable && !info.is_cacheable) return false;
  }
  return true;
}

}  // namespace weft

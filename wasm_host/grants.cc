#include "wasm_host/grants.h"

namespace weft {

Grants& Grants::Allow(std::string_view capability) {
  all_.try_emplace(std::string(capability));
  return *this;
}

Grants& Grants::Allow(std::string_view capability, std::string_view scope) {
  all_[std::string(capability)].emplace_back(scope);
  return *this;
}

bool Grants::Has(std::string_view capability) const { return all_.find(capability) != all_.end(); }

const std::vector<std::string>& Grants::Scopes(std::string_view capability) const {
  static const std::vector<std::string> kNone;
  const auto found = all_.find(capability);
  return found == all_.end() ? kNone : found->second;
}

}  // namespace weft

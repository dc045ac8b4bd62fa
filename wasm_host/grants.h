// wasm_host/grants.h — what a guest may do. Nothing is allowed that is not written here.
//
// A capability is a name ("fs.read", "clock.sleep") that a host function asks for. A grant gives
// the capability, and for capabilities that are about something, says about what: a path glob for
// fs.read, a host for http.fetch. The host function interprets the scopes; its header says how.
//
//   weft::Grants grants;
//   grants.Allow("clock.sleep").Allow("fs.read", "/data/census/**");
//
//   Thread safety    Thread-compatible; copyable.
#ifndef WEFT_WASM_HOST_GRANTS_H_
#define WEFT_WASM_HOST_GRANTS_H_

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace weft {

class Grants {
 public:
  // Grants a capability that needs no scope. It does not widen the scopes that others gave.
  Grants& Allow(std::string_view capability);

  // Grants a capability for one more scope.
  Grants& Allow(std::string_view capability, std::string_view scope);

  // Whether the capability is granted at all.
  bool Has(std::string_view capability) const;

  // The scopes of a capability, in the order in which they were granted.
  const std::vector<std::string>& Scopes(std::string_view capability) const;

  // Capability by capability, for messages and for keys of results.
  const std::map<std::string, std::vector<std::string>, std::less<>>& all() const { return all_; }

  friend bool operator==(const Grants&, const Grants&) = default;

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> all_;
};

}  // namespace weft

#endif  // WEFT_WASM_HOST_GRANTS_H_

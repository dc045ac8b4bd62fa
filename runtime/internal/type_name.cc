#include "runtime/internal/type_name.h"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>

namespace weft::runtime_internal {

std::string TypeName(const std::type_info* type) {
  if (type == nullptr) return "unknown type";
  struct Free {
    void operator()(char* text) const { std::free(text); }
  };
  int status = 0;
  const std::unique_ptr<char, Free> text(
      abi::__cxa_demangle(type->name(), nullptr, nullptr, &status));
  return text != nullptr ? text.get() : type->name();
}

}  // namespace weft::runtime_internal

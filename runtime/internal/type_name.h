// runtime/internal/type_name.h — a type as its author writes it.
#ifndef WEFT_RUNTIME_INTERNAL_TYPE_NAME_H_
#define WEFT_RUNTIME_INTERNAL_TYPE_NAME_H_

#include <string>
#include <typeinfo>

namespace weft::runtime_internal {

// "unknown type" for null.
std::string TypeName(const std::type_info* type);

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_TYPE_NAME_H_

// wasm_host/wat.h — WebAssembly from its text format, for tests.
#ifndef WEFT_WASM_HOST_WAT_H_
#define WEFT_WASM_HOST_WAT_H_

#include <string>
#include <string_view>

namespace weft {

// The binary form of `text`. Precondition (checked): it is well-formed.
std::string WatToWasm(std::string_view text);

}  // namespace weft

#endif  // WEFT_WASM_HOST_WAT_H_

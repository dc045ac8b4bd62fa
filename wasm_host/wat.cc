#include "wasm_host/wat.h"

#include "base/check.h"
#include "wasm_host/internal/wasmtime.h"

namespace weft {

std::string WatToWasm(std::string_view text) {
  wasm_host_internal::ByteVector bytes;
  const wasm_host_internal::ErrorHandle error(
      wasmtime_wat2wasm(text.data(), text.size(), bytes.get()));
  WEFT_CHECK(error == nullptr) << "WatToWasm(): " << wasm_host_internal::MessageOf(*error);
  return std::string(wasm_host_internal::ViewOf(*bytes.get()));
}

}  // namespace weft

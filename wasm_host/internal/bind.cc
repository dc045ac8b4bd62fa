#include "wasm_host/internal/bind.h"

#include <exception>

#include "absl/strings/str_cat.h"

namespace weft::wasm_host_internal {

absl::Status StatusOfException() noexcept {
  try {
    throw;
  } catch (const std::exception& exception) {
    return absl::UnknownError(absl::StrCat("it threw: ", exception.what()));
  } catch (...) {
    return absl::UnknownError("it threw an exception that is not a std::exception");
  }
}

}  // namespace weft::wasm_host_internal

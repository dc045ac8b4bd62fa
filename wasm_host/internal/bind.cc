#include "wasm_host/internal/bind.h"

#include <exception>
#include <new>

#include "absl/strings/str_cat.h"

namespace weft::wasm_host_internal {

absl::Status StatusOfException() noexcept {
  try {
    try {
      throw;
    } catch (const std::bad_alloc&) {
      return absl::ResourceExhaustedError("it found no memory");
    } catch (const std::exception& exception) {
      return absl::UnknownError(absl::StrCat("it threw: ", exception.what()));
    } catch (...) {
      return absl::UnknownError("it threw an exception that is not a std::exception");
    }
  } catch (...) {
    return absl::Status(absl::StatusCode::kResourceExhausted, "");  // No memory for words either.
  }
}

}  // namespace weft::wasm_host_internal

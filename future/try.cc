#include "future/try.h"

#include "absl/strings/str_cat.h"

namespace weft::future_internal {

absl::Status StatusOfException(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& error) {
    return absl::UnknownError(absl::StrCat("an exception was thrown: ", error.what()));
  } catch (...) {
    return absl::UnknownError("an exception that is no std::exception was thrown");
  }
}

}  // namespace weft::future_internal

#include "future/first_success.h"

#include "absl/strings/str_cat.h"

namespace weft::future_internal {

absl::Status NoSuccess::Error() const {
  return absl::Status(code_, absl::StrCat("none of ", count_, " succeeded: ", errors_));
}

void NoSuccess::NoteError(std::size_t index, const absl::Status& error) {
  if (!has_error()) {
    code_ = error.code();
  } else if (code_ != error.code()) {
    code_ = absl::StatusCode::kUnknown;
  }
  absl::StrAppend(&errors_, has_error() ? "; " : "", "#", index, " ",
                  absl::StatusCodeToString(error.code()), ": ", error.message());
}

}  // namespace weft::future_internal

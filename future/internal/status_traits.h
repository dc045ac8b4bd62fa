// future/internal/status_traits.h — how combinators see absl::Status and absl::StatusOr in a
// future's output.
#ifndef WEFT_FUTURE_INTERNAL_STATUS_TRAITS_H_
#define WEFT_FUTURE_INTERNAL_STATUS_TRAITS_H_

#include <type_traits>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "future/poll.h"

namespace weft::future_internal {

// WithStatus: T with the possibility of an error added; not added twice.
// IsStatus: whether T says by itself whether it is an error.
// Value: what T is without the error; monostate for a Status or void.
template <typename T>
struct StatusTraits {
  using WithStatus = absl::StatusOr<T>;
  using Value = T;
  static constexpr bool kIsStatus = false;
};
template <>
struct StatusTraits<void> {
  using WithStatus = absl::Status;
  using Value = std::monostate;
  static constexpr bool kIsStatus = false;
};
template <>
struct StatusTraits<absl::Status> {
  using WithStatus = absl::Status;
  using Value = std::monostate;
  static constexpr bool kIsStatus = true;
};
template <typename T>
struct StatusTraits<absl::StatusOr<T>> {
  using WithStatus = absl::StatusOr<T>;
  using Value = T;
  static constexpr bool kIsStatus = true;
};

template <typename T>
concept StatusLike = StatusTraits<T>::kIsStatus;

inline absl::Status StatusOf(const absl::Status& status) { return status; }
template <typename T>
absl::Status StatusOf(const absl::StatusOr<T>& value) {
  return value.status();
}

// The value of a success. Precondition: result.ok().
inline std::monostate ValueOf(absl::Status&&) { return {}; }
template <typename T>
T ValueOf(absl::StatusOr<T>&& result) {
  return *std::move(result);
}

}  // namespace weft::future_internal

#endif  // WEFT_FUTURE_INTERNAL_STATUS_TRAITS_H_

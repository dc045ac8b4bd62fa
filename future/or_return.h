// future/or_return.h — leave a coroutine early with an error, without a macro and without an
// exception.
//
//   weft::Task<absl::StatusOr<Config>> Load(std::string path) {
//     std::string text = co_await weft::OrReturn(co_await weft::ReadFile(path));
//     co_return Parse(text);
//   }
//
// If the operand is an error, the coroutine ends there: its locals are destroyed and its awaiter
// gets the error.
#ifndef WEFT_FUTURE_OR_RETURN_H_
#define WEFT_FUTURE_OR_RETURN_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace weft {

// The operand of `co_await OrReturn(...)`: an absl::Status or an absl::StatusOr<T>. Only a Task
// understands it.
template <typename S>
class [[nodiscard]] OrReturn {
 public:
  explicit OrReturn(S value) : value_(std::move(value)) {}

  S& value() { return value_; }

  // The error as a status.
  absl::Status status() const {
    if constexpr (std::is_same_v<S, absl::Status>) {
      return value_;
    } else {
      return value_.status();
    }
  }

 private:
  S value_;
};

template <typename S>
OrReturn(S) -> OrReturn<S>;

}  // namespace weft

#endif  // WEFT_FUTURE_OR_RETURN_H_

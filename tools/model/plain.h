// tools/model/plain.h — memory without atomicity whose races the model checker (model.h) finds.
#ifndef WEFT_TOOLS_MODEL_PLAIN_H_
#define WEFT_TOOLS_MODEL_PLAIN_H_

#include <source_location>
#include <utility>

#include "tools/model/internal/operations.h"

namespace weft::model {

// Two accesses that are not ordered, one of them a write, are a data race and fail the execution.
// So do an access after destruction, and reading what was moved from. Copying reads; moving reads
// and leaves the source moved from; destroying writes, and so does making one where another one
// has been (in a slot that is used again, say). So a Plain<T> as the element type of a
// container under test checks the container's slots by itself. Outside of scenarios it is a T.
template <typename T>
class Plain {
  using Where = std::source_location;

 public:
  Plain(Where where = Where::current()) : state_(true, where) {}
  explicit Plain(T value, Where where = Where::current())
      : state_(true, where), value_(std::move(value)) {}

  Plain(const Plain& other, Where where = Where::current())
      : state_(true, where), value_(other.Read(where)) {}
  Plain(Plain&& other, Where where = Where::current()) noexcept
      : state_(true, where), value_(other.Take(where)) {}
  Plain& operator=(const Plain& other) noexcept {
    Write(other.Read());
    return *this;
  }
  Plain& operator=(Plain&& other) noexcept {
    if (this != &other) Write(other.Take(Where::current()));
    return *this;
  }
  ~Plain() = default;

  const T& Read(Where where = Where::current()) const {
    state_.Read(where);
    return value_;
  }
  void Write(T value, Where where = Where::current()) {
    state_.Write(true, where);
    value_ = std::move(value);
  }

 private:
  T Take(Where where) {
    state_.Read(where);
    state_.Write(false, where);
    return std::move(value_);
  }

  model_internal::PlainState state_;
  T value_{};
};

}  // namespace weft::model

#endif  // WEFT_TOOLS_MODEL_PLAIN_H_

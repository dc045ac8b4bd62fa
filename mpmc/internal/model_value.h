// mpmc/internal/model_value.h — the element type of model tests of queues that construct and
// destroy their values in slots.
#ifndef WEFT_MPMC_INTERNAL_MODEL_VALUE_H_
#define WEFT_MPMC_INTERNAL_MODEL_VALUE_H_

#include <array>
#include <cstddef>
#include <functional>
#include <new>
#include <string>
#include <utility>

#include "tools/model/model.h"
#include "tools/model/plain.h"

namespace weft::mpmc_internal {

// A model::Plain<int> for whose place, too, the races are found: that a value is constructed where
// another one ended that the constructor does not know of. (A Plain begins to be looked after when
// it is constructed; what was there before it does not know.) Scenarios begin with Forget().
class ModelValue {
 public:
  explicit ModelValue(int value) : value_(value) { PlaceOf(this).Write(1); }
  ModelValue(ModelValue&& other) noexcept : value_(std::move(other.value_)) {
    PlaceOf(this).Write(1);
  }
  ModelValue& operator=(ModelValue&& other) noexcept {
    value_ = std::move(other.value_);
    return *this;
  }
  ~ModelValue() { PlaceOf(this).Write(0); }

  int Read() const { return value_.Read(); }

  // Forgets the places of the last execution.
  static void Forget() { used_ = 0; }

 private:
  using Place = model::Plain<int>;

  static Place& PlaceOf(const void* address) {
    std::size_t i = 0;
    while (i < used_ && addresses_[i] != address) ++i;
    void* const place = places_.data() + i * sizeof(Place);
    if (i < used_) return *std::launder(static_cast<Place*>(place));
    model::Assert(used_ < kPlaces, "ModelValue: too many places; make kPlaces larger");
    addresses_[used_++] = address;
    return *::new (place) Place(0);
  }

  static constexpr std::size_t kPlaces = 256;
  static inline std::size_t used_ = 0;
  static inline std::array<const void*, kPlaces> addresses_;
  alignas(Place) static inline std::array<unsigned char, kPlaces * sizeof(Place)> places_;

  model::Plain<int> value_;
};

// A scenario over ModelValues.
inline model::Scenario ScenarioOf(std::string name, std::function<void()> body) {
  return {std::move(name),
          [body = std::move(body)] {
            ModelValue::Forget();
            body();
          },
          {}};
}

}  // namespace weft::mpmc_internal

#endif  // WEFT_MPMC_INTERNAL_MODEL_VALUE_H_

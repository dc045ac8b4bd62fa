// wasm_host/value.h — numbers as they pass between C++ and WebAssembly.
#ifndef WEFT_WASM_HOST_VALUE_H_
#define WEFT_WASM_HOST_VALUE_H_

#include <bit>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <variant>

namespace weft {

// The types of a function that guests import or export. References and vectors are not supported.
enum class WasmType : unsigned char { kI32, kI64, kF32, kF64, kOther };

// "i32", "i64", "f32", "f64" or "other".
constexpr std::string_view ToString(WasmType type) {
  constexpr std::string_view kNames[] = {"i32", "i64", "f32", "f64", "other"};
  return kNames[static_cast<int>(type)];
}

// A number with its type; the order of the alternatives is that of WasmType.
using GuestValue = std::variant<int32_t, int64_t, float, double>;

// A number whose type is known from elsewhere; the low bytes hold it.
struct RawValue {
  uint64_t bits = 0;

  template <typename T>
  static RawValue From(T value) {
    if constexpr (sizeof(T) == 4) {
      return RawValue{std::bit_cast<uint32_t>(value)};
    } else {
      return RawValue{std::bit_cast<uint64_t>(value)};
    }
  }

  template <typename T>
  T As() const {
    if constexpr (sizeof(T) == 4) {
      return std::bit_cast<T>(static_cast<uint32_t>(bits));
    } else {
      return std::bit_cast<T>(bits);
    }
  }
};

// Numbers that stand for themselves in a signature.
template <typename T>
inline constexpr bool kIsWasmNumber =
    std::is_same_v<T, int32_t> || std::is_same_v<T, uint32_t> || std::is_same_v<T, int64_t> ||
    std::is_same_v<T, uint64_t> || std::is_same_v<T, float> || std::is_same_v<T, double>;

// The WebAssembly type of such a number.
template <typename T>
  requires kIsWasmNumber<T>
constexpr WasmType WasmTypeOf() {
  if constexpr (std::is_same_v<T, float>) {
    return WasmType::kF32;
  } else if constexpr (std::is_same_v<T, double>) {
    return WasmType::kF64;
  } else {
    return sizeof(T) == 4 ? WasmType::kI32 : WasmType::kI64;
  }
}

}  // namespace weft

#endif  // WEFT_WASM_HOST_VALUE_H_

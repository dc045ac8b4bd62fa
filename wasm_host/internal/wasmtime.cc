#include "wasm_host/internal/wasmtime.h"

#include <algorithm>
#include <cstdint>

#include "base/check.h"

namespace weft::wasm_host_internal {

std::string MessageOf(const wasmtime_error_t& error) {
  ByteVector message;
  wasmtime_error_message(&error, message.get());
  std::string text(ViewOf(*message.get()));
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

WasmType FromValKind(wasm_valkind_t kind) {
  switch (kind) {
    case WASM_I32:
      return WasmType::kI32;
    case WASM_I64:
      return WasmType::kI64;
    case WASM_F32:
      return WasmType::kF32;
    case WASM_F64:
      return WasmType::kF64;
    default:
      return WasmType::kOther;
  }
}

wasm_valkind_t ToValKind(WasmType type) {
  switch (type) {
    case WasmType::kI32:
      return WASM_I32;
    case WasmType::kI64:
      return WASM_I64;
    case WasmType::kF32:
      return WASM_F32;
    case WasmType::kF64:
      return WASM_F64;
    case WasmType::kOther:
      break;
  }
  WEFT_FATAL() << "ToValKind(): expected a number type, found " << static_cast<int>(type);
  return WASM_I32;
}

RawValue ToRaw(const wasmtime_val_t& value) {
  switch (value.kind) {
    case WASMTIME_I32:
      return RawValue::From(value.of.i32);
    case WASMTIME_I64:
      return RawValue::From(value.of.i64);
    case WASMTIME_F32:
      return RawValue::From(value.of.f32);
    case WASMTIME_F64:
      return RawValue::From(value.of.f64);
    default:
      return RawValue();
  }
}

wasmtime_val_t ToVal(WasmType type, RawValue raw) {
  wasmtime_val_t value{};
  switch (type) {
    case WasmType::kI32:
      value.kind = WASMTIME_I32;
      value.of.i32 = raw.As<int32_t>();
      break;
    case WasmType::kI64:
      value.kind = WASMTIME_I64;
      value.of.i64 = raw.As<int64_t>();
      break;
    case WasmType::kF32:
      value.kind = WASMTIME_F32;
      value.of.f32 = raw.As<float>();
      break;
    case WasmType::kF64:
      value.kind = WASMTIME_F64;
      value.of.f64 = raw.As<double>();
      break;
    case WasmType::kOther:
      WEFT_FATAL() << "ToVal(): expected a number type, found another";
  }
  return value;
}

}  // namespace weft::wasm_host_internal

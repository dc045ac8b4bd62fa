// wasm_host/internal/wasmtime.h — Wasmtime's C API with owners, for .cc files and internals only.
#ifndef WEFT_WASM_HOST_INTERNAL_WASMTIME_H_
#define WEFT_WASM_HOST_INTERNAL_WASMTIME_H_

#include <wasmtime.h>
#include <wasmtime/async.h>

#include <memory>
#include <string>
#include <string_view>

#include "wasm_host/value.h"

namespace weft::wasm_host_internal {

// Deletes by calling a function of the C API.
template <auto kDelete>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    kDelete(object);
  }
};

using EngineHandle = std::unique_ptr<wasm_engine_t, Deleter<wasm_engine_delete>>;
using ModuleHandle = std::unique_ptr<wasmtime_module_t, Deleter<wasmtime_module_delete>>;
using LinkerHandle = std::unique_ptr<wasmtime_linker_t, Deleter<wasmtime_linker_delete>>;
using InstancePreHandle =
    std::unique_ptr<wasmtime_instance_pre_t, Deleter<wasmtime_instance_pre_delete>>;
using StoreHandle = std::unique_ptr<wasmtime_store_t, Deleter<wasmtime_store_delete>>;
using CallFutureHandle =
    std::unique_ptr<wasmtime_call_future_t, Deleter<wasmtime_call_future_delete>>;
using ErrorHandle = std::unique_ptr<wasmtime_error_t, Deleter<wasmtime_error_delete>>;
using TrapHandle = std::unique_ptr<wasm_trap_t, Deleter<wasm_trap_delete>>;
using FuncTypeHandle = std::unique_ptr<wasm_functype_t, Deleter<wasm_functype_delete>>;

// A vector of the C API that is filled by it and deleted here.
template <typename Vector, auto kDelete>
class OwnedVector {
 public:
  OwnedVector() : vector_{} {}
  OwnedVector(const OwnedVector&) = delete;
  OwnedVector& operator=(const OwnedVector&) = delete;
  ~OwnedVector() { kDelete(&vector_); }

  Vector* get() { return &vector_; }
  auto begin() const { return vector_.data; }
  auto end() const { return vector_.data + vector_.size; }

 private:
  Vector vector_;
};

using ByteVector = OwnedVector<wasm_byte_vec_t, wasm_byte_vec_delete>;

inline std::string_view ViewOf(const wasm_byte_vec_t& bytes) {
  return std::string_view(bytes.data, bytes.size);
}

// What an error says, on one line.
std::string MessageOf(const wasmtime_error_t& error);

// The type of a number of the C API and back. `type` is not kOther.
WasmType FromValKind(wasm_valkind_t kind);
wasm_valkind_t ToValKind(WasmType type);

// A value of the C API as our bits and back.
RawValue ToRaw(const wasmtime_val_t& value);
wasmtime_val_t ToVal(WasmType type, RawValue raw);

}  // namespace weft::wasm_host_internal

#endif  // WEFT_WASM_HOST_INTERNAL_WASMTIME_H_

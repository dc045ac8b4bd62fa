#include "wasm_host/engine.h"

#include <openssl/evp.h>

#include <array>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/check.h"
#include "base/mutex.h"
#include "wasm_host/error.h"
#include "wasm_host/internal/engine_state.h"
#include "wasm_host/internal/wasmtime.h"

namespace weft {
namespace {

using wasm_host_internal::CompiledModule;
using wasm_host_internal::EngineState;
using wasm_host_internal::ErrorHandle;
using wasm_host_internal::FunctionType;
using wasm_host_internal::Import;
using wasm_host_internal::ModuleHandle;
using wasm_host_internal::OwnedVector;
using wasm_host_internal::ViewOf;

using ImportVector = OwnedVector<wasm_importtype_vec_t, wasm_importtype_vec_delete>;
using ExportVector = OwnedVector<wasm_exporttype_vec_t, wasm_exporttype_vec_delete>;

std::string Sha256(std::string_view bytes) {
  std::array<unsigned char, 32> hash;
  const int is_ok =
      EVP_Digest(bytes.data(), bytes.size(), hash.data(), nullptr, EVP_sha256(), nullptr);
  WEFT_CHECK(is_ok == 1) << "Engine::Compile(): OpenSSL has no SHA-256";
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(hash.data()), hash.size()));
}

FunctionType TypeOf(const wasm_functype_t* type) {
  FunctionType result;
  const wasm_valtype_vec_t* const params = wasm_functype_params(type);
  for (size_t i = 0; i < params->size; ++i) {
    result.params.push_back(wasm_host_internal::FromValKind(wasm_valtype_kind(params->data[i])));
  }
  const wasm_valtype_vec_t* const results = wasm_functype_results(type);
  for (size_t i = 0; i < results->size; ++i) {
    result.results.push_back(wasm_host_internal::FromValKind(wasm_valtype_kind(results->data[i])));
  }
  return result;
}

void ReadImports(CompiledModule& compiled) {
  ImportVector imports;
  wasmtime_module_imports(compiled.module.get(), imports.get());
  for (const wasm_importtype_t* const type : imports) {
    Import import{std::string(ViewOf(*wasm_importtype_module(type))),
                  std::string(ViewOf(*wasm_importtype_name(type))),
                  false,
                  {}};
    const wasm_functype_t* const function =
        wasm_externtype_as_functype_const(wasm_importtype_type(type));
    if (function != nullptr) {
      import.is_function = true;
      import.type = TypeOf(function);
    }
    compiled.imports.push_back(std::move(import));
  }
}

void ReadExports(CompiledModule& compiled) {
  ExportVector exports;
  wasmtime_module_exports(compiled.module.get(), exports.get());
  for (const wasm_exporttype_t* const type : exports) {
    const wasm_functype_t* const function =
        wasm_externtype_as_functype_const(wasm_exporttype_type(type));
    if (function == nullptr) continue;
    std::string name(ViewOf(*wasm_exporttype_name(type)));
    compiled.functions.emplace(std::move(name), TypeOf(function));
  }
}

// Whether `bytes` begin as a module in the text format does.
bool IsText(std::string_view bytes) {
  const std::size_t first = bytes.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && (bytes[first] == '(' || bytes[first] == ';');
}

#if defined(__SANITIZE_THREAD__)
constexpr bool kIsUnderTsan = true;
#elif defined(__has_feature)
constexpr bool kIsUnderTsan = __has_feature(thread_sanitizer);
#else
constexpr bool kIsUnderTsan = false;
#endif

struct NoTurn {
  explicit NoTurn(Mutex*) {}
  ~NoTurn() {}
};

// Compilations hand buffers to each other under a lock of Wasmtime that ThreadSanitizer cannot see:
// there they take turns under one of ours.
using CompileTurn = std::conditional_t<kIsUnderTsan, MutexLock, NoTurn>;

absl::StatusOr<std::shared_ptr<const CompiledModule>> CompileBytes(EngineState& state,
                                                                   std::string_view name,
                                                                   std::string_view bytes,
                                                                   std::string sha256) {
  wasmtime_module_t* raw = nullptr;
  wasm_host_internal::ByteVector binary;
  ErrorHandle error;
  std::string_view code = bytes;
  if (IsText(bytes)) {
    error.reset(wasmtime_wat2wasm(bytes.data(), bytes.size(), binary.get()));
    code = ViewOf(*binary.get());
  }
  if (error == nullptr) {
    const CompileTurn turn(&state.compile_mutex);
    error.reset(wasmtime_module_new(
        state.engine.get(), reinterpret_cast<const uint8_t*>(code.data()), code.size(), &raw));
  }
  if (error != nullptr) {
    return GuestError(
        GuestCause::kBadModule,
        absl::StrCat("module ", absl::string_view(name.data(), name.size()),
                     ": expected a WebAssembly module that weft can run, found ", bytes.size(),
                     " bytes of which the compiler says: ", wasm_host_internal::MessageOf(*error)));
  }
  auto compiled = std::make_shared<CompiledModule>();
  compiled->module.reset(raw);
  compiled->sha256 = std::move(sha256);
  ReadImports(*compiled);
  ReadExports(*compiled);
  return std::shared_ptr<const CompiledModule>(std::move(compiled));
}

}  // namespace

Module::Module(std::string name, std::shared_ptr<EngineState> engine,
               std::shared_ptr<const CompiledModule> compiled)
    : name_(std::move(name)), engine_(std::move(engine)), compiled_(std::move(compiled)) {}

const std::string& Module::sha256() const { return compiled_->sha256; }

std::vector<ModuleFunction> Module::imports() const {
  std::vector<ModuleFunction> result;
  for (const Import& import : compiled_->imports) {
    result.push_back({import.module, import.name,
                      import.is_function ? ToString(import.type) : std::string("not a function")});
  }
  return result;
}

std::vector<ModuleFunction> Module::exports() const {
  std::vector<ModuleFunction> result;
  for (const auto& [name, type] : compiled_->functions) {
    result.push_back({"", name, ToString(type)});
  }
  return result;
}

bool Module::Exports(std::string_view function) const {
  return compiled_->functions.find(function) != compiled_->functions.end();
}

Engine::Engine(const EngineOptions& options) : state_(std::make_shared<EngineState>(options)) {}

absl::StatusOr<Module> Engine::Compile(std::string_view name, std::string_view bytes) {
  std::string sha256 = Sha256(bytes);
  std::shared_ptr<wasm_host_internal::ModuleSlot> slot;
  {
    MutexLock lock(&state_->mutex);
    std::shared_ptr<wasm_host_internal::ModuleSlot>& entry = state_->modules[sha256];
    if (entry == nullptr) entry = std::make_shared<wasm_host_internal::ModuleSlot>();
    slot = entry;
  }
  // Whoever comes while the module is compiled waits for it here.
  MutexLock lock(&slot->mutex);
  if (slot->compiled == nullptr) {
    absl::StatusOr<std::shared_ptr<const CompiledModule>> compiled =
        CompileBytes(*state_, name, bytes, std::move(sha256));
    if (!compiled.ok()) return compiled.status();
    slot->compiled = *std::move(compiled);
  }
  return Module(std::string(name), state_, slot->compiled);
}

std::size_t Engine::cached_modules() const {
  MutexLock lock(&state_->mutex);
  return state_->modules.size();
}

uint32_t Engine::live_instances() const { return state_->pool.used(); }

uint32_t Engine::queued_instances() const { return state_->pool.queued(); }

}  // namespace weft

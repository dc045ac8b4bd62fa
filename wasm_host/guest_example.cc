// Registers a function and a coroutine of one's own, and runs a guest that calls both.

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string_view>
#include <variant>

#include "absl/status/statusor.h"
#include "future/block_on.h"
#include "future/poll_fn.h"
#include "future/task.h"
#include "wasm_host/engine.h"
#include "wasm_host/guest.h"
#include "wasm_host/guest_options.h"
#include "wasm_host/registry.h"

namespace {

constexpr std::string_view kGuest = R"(
  (module
    (import "shop" "price" (func $price (param i32) (result i32)))
    (import "shop" "order" (func $order (param i32 i32 i32) (result i64)))
    (memory (export "memory") 1)
    (data (i32.const 0) "tea")
    (func (export "run") (result i64)
      (call $order (i32.const 0) (i32.const 3) (call $price (i32.const 4)))))
)";

int32_t Price(int32_t item) { return item * 25; }

// May wait for whatever it likes: the guest is suspended meanwhile, and no thread is blocked.
weft::Task<int64_t> Order(std::string_view what, int32_t price) {
  std::printf("ordering %.*s for %d\n", static_cast<int>(what.size()), what.data(), price);
  co_await weft::YieldNow();
  co_return 4711;
}

absl::StatusOr<weft::GuestResult> RunGuest() {
  weft::Engine engine(weft::EngineOptions{.max_instances = 4});
  auto functions = std::make_shared<weft::HostFunctions>();
  functions->Add({.module = "shop", .name = "price"}, Price)
      .Add({.module = "shop", .name = "order", .capability = "shop.order"}, Order);

  absl::StatusOr<weft::Module> module = engine.Compile("shopper", kGuest);
  if (!module.ok()) return module.status();
  absl::StatusOr<weft::LinkedModule> guest = weft::LinkedModule::Link(*module, functions);
  if (!guest.ok()) return guest.status();

  weft::GuestOptions options;
  options.grants.Allow("shop.order");
  options.limits.fuel = 1'000'000;
  return weft::BlockOn(guest->Call("run", {}, options));
}

}  // namespace

int main() {
  const absl::StatusOr<weft::GuestResult> result = RunGuest();
  if (!result.ok()) {
    std::printf("%s\n", result.status().ToString().c_str());
    return 1;
  }
  const int64_t number = std::get<int64_t>(result->values[0]);
  std::printf("order number %lld\n", static_cast<long long>(number));
  return number == 4711 ? 0 : 1;
}

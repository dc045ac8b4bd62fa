// wasm_host/log_write.h — lines of text from a guest to whoever called it.
//
//   weft.log_write(text, length)           capability log.write
//
// The text is cut after 8 KiB, and control characters in it are shown as '?', so that a guest
// cannot steer the terminal on which its lines end up.
#ifndef WEFT_WASM_HOST_LOG_WRITE_H_
#define WEFT_WASM_HOST_LOG_WRITE_H_

#include <functional>
#include <string_view>

#include "wasm_host/registry.h"

namespace weft {

inline constexpr char kLogWriteCapability[] = "log.write";

// Attach one to GuestOptions::data to receive the lines; without, they go to standard error.
struct GuestLog {
  std::function<void(std::string_view line)> write;
};

// Registers the function.
void AddLogWrite(HostFunctions& functions);

}  // namespace weft

#endif  // WEFT_WASM_HOST_LOG_WRITE_H_

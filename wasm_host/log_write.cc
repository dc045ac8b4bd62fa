#include "wasm_host/log_write.h"

#include <cstdio>
#include <string>

#include "wasm_host/host_call.h"

namespace weft {
namespace {

constexpr std::size_t kMaxLineBytes = 8192;

void LogWrite(HostCall& call, std::string_view text) {
  std::string line(text.substr(0, kMaxLineBytes));
  for (char& c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t') || byte == 0x7f) c = '?';
  }
  const GuestLog* const log = call.data().Find<GuestLog>();
  if (log != nullptr && log->write) {
    log->write(line);
  } else {
    std::fprintf(stderr, "%s: %s\n", call.guest().c_str(), line.c_str());
  }
}

}  // namespace

void AddLogWrite(HostFunctions& functions) {
  functions.Add({.module = "weft",
                 .name = "log_write",
                 .capability = kLogWriteCapability,
                 .is_cacheable = true},
                LogWrite);
}

}  // namespace weft

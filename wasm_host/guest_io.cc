#include "wasm_host/guest_io.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "wasm_host/error.h"
#include "wasm_host/host_call.h"

namespace weft {
namespace {

constexpr std::size_t kMaxMessageBytes = 4096;

GuestIo& IoOf(HostCall& call) { return call.data().FindOrMake<GuestIo>(); }

int32_t CopyOut(std::string_view value, std::span<char> buffer) {
  const std::size_t count = std::min(value.size(), buffer.size());
  if (count > 0) std::memcpy(buffer.data(), value.data(), count);
  return static_cast<int32_t>(value.size());
}

int32_t InputCount(HostCall& call) { return static_cast<int32_t>(IoOf(call).inputs.size()); }

int32_t InputName(HostCall& call, uint32_t index, std::span<char> buffer) {
  const GuestIo& io = IoOf(call);
  return index < io.inputs.size() ? CopyOut(io.inputs[index].name, buffer) : -1;
}

absl::StatusOr<int32_t> InputOpen(HostCall& call, std::string_view name) {
  for (const GuestIo::Input& input : IoOf(call).inputs) {
    if (input.name == name) return call.data().FindOrMake<DataTable>().AddShared(input.bytes);
  }
  return -1;
}

int32_t ParamGet(HostCall& call, std::string_view name, uint32_t index, std::span<char> buffer) {
  for (const auto& [param, value] : IoOf(call).params) {
    if (param == name && index-- == 0) return CopyOut(value, buffer);
  }
  return -1;
}

int32_t OutputOpen(HostCall& call, std::string_view name) {
  const std::vector<std::string>& names = IoOf(call).output_names;
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? -1 : static_cast<int32_t>(found - names.begin());
}

absl::Status OutputWrite(HostCall& call, uint32_t output, std::string_view bytes) {
  GuestIo& io = IoOf(call);
  if (output >= io.output_names.size()) {
    return GuestError(GuestCause::kBadPointer,
                      absl::StrCat("expected an output from 0 to ", io.output_names.size(),
                                   " (exclusive), found ", output));
  }
  io.outputs.resize(io.output_names.size());
  uint64_t total = bytes.size();
  for (const std::string& written : io.outputs) total += written.size();
  if (total > io.max_output_bytes) {
    return GuestError(GuestCause::kMemory, absl::StrCat("expected at most ", io.max_output_bytes,
                                                        " bytes in all outputs, found ", total));
  }
  io.outputs[output].append(bytes);
  return absl::OkStatus();
}

absl::Status GuestFail(std::string_view message) {
  return GuestError(GuestCause::kGuestFailed, message.substr(0, kMaxMessageBytes));
}

absl::Status NoMemory(HostCall& call, uint32_t bytes) {
  return GuestError(GuestCause::kMemory,
                    absl::StrCat("it wanted ", bytes, " bytes beyond the ", call.memory().size(),
                                 " bytes of memory that it has, which passes its memory limit"));
}

}  // namespace

void AddGuestIo(HostFunctions& functions) {
  const auto info = [](const char* name) {
    return HostFunctionInfo{.module = "weft", .name = name, .is_cacheable = true};
  };
  functions.Add(info("input_count"), InputCount)
      .Add(info("input_name"), InputName)
      .Add(info("input_open"), InputOpen)
      .Add(info("param_get"), ParamGet)
      .Add(info("output_open"), OutputOpen)
      .Add(info("output_write"), OutputWrite)
      .Add(info("fail"), GuestFail)
      .Add(info("no_memory"), NoMemory);
}

}  // namespace weft

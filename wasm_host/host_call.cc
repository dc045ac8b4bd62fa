#include "wasm_host/host_call.h"

#include "absl/strings/str_cat.h"
#include "wasm_host/error.h"

namespace weft {
namespace {

absl::Status CheckRange(std::size_t size, uint32_t pointer, uint32_t length) {
  if (pointer <= size && length <= size - pointer) return absl::OkStatus();
  return GuestError(GuestCause::kBadPointer,
                    absl::StrCat("expected memory of the guest, which has ", size,
                                 " bytes, found pointer ", pointer, " with length ", length));
}

}  // namespace

absl::StatusOr<std::string_view> GuestMemory::Read(uint32_t pointer, uint32_t length) const {
  absl::Status status = CheckRange(size_, pointer, length);
  if (!status.ok()) return status;
  return length == 0 ? std::string_view() : std::string_view(data_ + pointer, length);
}

absl::StatusOr<std::span<char>> GuestMemory::Write(uint32_t pointer, uint32_t length) const {
  absl::Status status = CheckRange(size_, pointer, length);
  if (!status.ok()) return status;
  return length == 0 ? std::span<char>() : std::span<char>(data_ + pointer, length);
}

}  // namespace weft

#include "wasm_host/error.h"

#include <array>
#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace weft {
namespace {

constexpr char kPayload[] = "weft.dev/guest_cause";

struct Row {
  GuestCause cause;
  std::string_view name;
  absl::StatusCode code;
};

constexpr std::array<Row, 15> kRows = {{
    {GuestCause::kBadModule, "bad module", absl::StatusCode::kInvalidArgument},
    {GuestCause::kUnknownImport, "unknown import", absl::StatusCode::kInvalidArgument},
    {GuestCause::kWasiImport, "WASI import", absl::StatusCode::kUnimplemented},
    {GuestCause::kMissingExport, "missing export", absl::StatusCode::kNotFound},
    {GuestCause::kBadCall, "bad call", absl::StatusCode::kInvalidArgument},
    {GuestCause::kCapabilityDenied, "capability denied", absl::StatusCode::kPermissionDenied},
    {GuestCause::kTrap, "trap", absl::StatusCode::kAborted},
    {GuestCause::kStackOverflow, "stack overflow", absl::StatusCode::kResourceExhausted},
    {GuestCause::kFuel, "fuel limit", absl::StatusCode::kResourceExhausted},
    {GuestCause::kMemory, "memory limit", absl::StatusCode::kResourceExhausted},
    {GuestCause::kCpuDeadline, "CPU deadline", absl::StatusCode::kDeadlineExceeded},
    {GuestCause::kWallDeadline, "wall deadline", absl::StatusCode::kDeadlineExceeded},
    {GuestCause::kBadPointer, "bad pointer", absl::StatusCode::kInvalidArgument},
    {GuestCause::kGuestFailed, "guest failed", absl::StatusCode::kAborted},
    {GuestCause::kHostFunction, "host function", absl::StatusCode::kUnknown},
}};

const Row& RowOf(GuestCause cause) { return kRows[static_cast<std::size_t>(cause)]; }

void SetCause(absl::Status& status, GuestCause cause) {
  const std::string_view name = ToString(cause);
  status.SetPayload(kPayload, absl::Cord(absl::string_view(name.data(), name.size())));
}

}  // namespace

std::string_view ToString(GuestCause cause) { return RowOf(cause).name; }

absl::StatusCode CodeOf(GuestCause cause) { return RowOf(cause).code; }

absl::Status GuestError(GuestCause cause, std::string_view message) {
  absl::Status status(CodeOf(cause), absl::string_view(message.data(), message.size()));
  SetCause(status, cause);
  return status;
}

absl::Status WithCause(absl::Status status, GuestCause cause, std::string_view prefix) {
  absl::Status result(status.code(), absl::StrCat(absl::string_view(prefix.data(), prefix.size()),
                                                  status.message()));
  status.ForEachPayload(
      [&](absl::string_view url, const absl::Cord& payload) { result.SetPayload(url, payload); });
  if (!CauseOf(result)) SetCause(result, cause);
  return result;
}

std::optional<GuestCause> CauseOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kPayload);
  if (!payload) return std::nullopt;
  const std::string name(*payload);
  for (const Row& row : kRows) {
    if (row.name == name) return row.cause;
  }
  return std::nullopt;
}

}  // namespace weft

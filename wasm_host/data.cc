#include "wasm_host/data.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "wasm_host/error.h"
#include "wasm_host/host_call.h"

namespace weft {
namespace {

absl::Status BadHandle(int32_t handle) {
  return GuestError(GuestCause::kBadPointer,
                    absl::StrCat("expected a handle that is open, found ", handle));
}

absl::StatusOr<int64_t> DataSize(HostCall& call, int32_t handle) {
  const absl::StatusOr<DataTable::Bytes> bytes = call.data().FindOrMake<DataTable>().Find(handle);
  if (!bytes.ok()) return bytes.status();
  return static_cast<int64_t>((*bytes)->size());
}

absl::StatusOr<int32_t> DataRead(HostCall& call, int32_t handle, int64_t offset,
                                 std::span<char> buffer) {
  const absl::StatusOr<DataTable::Bytes> bytes = call.data().FindOrMake<DataTable>().Find(handle);
  if (!bytes.ok()) return bytes.status();
  const std::string& source = **bytes;
  if (offset < 0 || static_cast<uint64_t>(offset) >= source.size()) return 0;
  const auto start = static_cast<std::size_t>(offset);
  const std::size_t count =
      std::min({buffer.size(), source.size() - start, std::size_t{0x7fffffff}});
  if (count > 0) std::memcpy(buffer.data(), source.data() + start, count);
  return static_cast<int32_t>(count);
}

absl::Status DataClose(HostCall& call, int32_t handle) {
  return call.data().FindOrMake<DataTable>().Close(handle);
}

}  // namespace

absl::StatusOr<int32_t> DataTable::Add(Bytes bytes) {
  const uint64_t size = bytes->size();
  if (size > max_bytes_ - used_bytes_) {
    return GuestError(
        GuestCause::kMemory,
        absl::StrCat("expected at most ", max_bytes_, " bytes behind open handles, found ",
                     used_bytes_, " and ", size, " more; close handles that are done with"));
  }
  return Insert(std::move(bytes), size);
}

absl::StatusOr<int32_t> DataTable::AddShared(Bytes bytes) { return Insert(std::move(bytes), 0); }

absl::StatusOr<int32_t> DataTable::Insert(Bytes bytes, uint64_t charge) {
  if (entries_.size() >= kMaxHandles || next_ == INT32_MAX) {
    return GuestError(GuestCause::kMemory,
                      absl::StrCat("expected at most ", kMaxHandles,
                                   " open handles, found one more; close handles that are done "
                                   "with"));
  }
  used_bytes_ += charge;
  entries_.emplace(next_, Entry{std::move(bytes), charge});
  return next_++;
}

absl::StatusOr<DataTable::Bytes> DataTable::Find(int32_t handle) const {
  const auto found = entries_.find(handle);
  if (found == entries_.end()) return BadHandle(handle);
  return found->second.bytes;
}

absl::Status DataTable::Close(int32_t handle) {
  const auto found = entries_.find(handle);
  if (found == entries_.end()) return BadHandle(handle);
  used_bytes_ -= found->second.charge;
  entries_.erase(found);
  return absl::OkStatus();
}

void AddData(HostFunctions& functions) {
  functions.Add({.module = "weft", .name = "data_size", .is_cacheable = true}, DataSize)
      .Add({.module = "weft", .name = "data_read", .is_cacheable = true}, DataRead)
      .Add({.module = "weft", .name = "data_close", .is_cacheable = true}, DataClose);
}

}  // namespace weft

// wasm_host/data.h — bytes that a guest reads piece by piece, through a handle.
//
// Whatever gives a guest more bytes than a number holds (an input, a file, the body of an HTTP
// answer) puts them into the call's DataTable and gives the guest a handle. The guest asks for the
// size, brings a buffer of its own, and reads from any offset:
//
//   weft.data_size(handle) -> i64
//   weft.data_read(handle, offset: i64, buffer, capacity) -> i32  (bytes copied; 0 at the end)
//   weft.data_close(handle)
//
// A handle that is not open ends the guest. Needs no capability.
#ifndef WEFT_WASM_HOST_DATA_H_
#define WEFT_WASM_HOST_DATA_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "wasm_host/registry.h"

namespace weft {

// The open handles of one call of a guest. Lives in its CallData. Thread-compatible.
class DataTable {
 public:
  using Bytes = std::shared_ptr<const std::string>;

  // What a guest may keep open at a time beside its inputs: the host holds the bytes, so the limit
  // of the guest's own memory does not cover them.
  static constexpr uint64_t kDefaultMaxBytes = uint64_t{1} << 30;
  static constexpr std::size_t kMaxHandles = 65536;

  explicit DataTable(uint64_t max_bytes = kDefaultMaxBytes) : max_bytes_(max_bytes) {}

  // A handle for bytes that the guest caused the host to hold. Errors: kMemory.
  absl::StatusOr<int32_t> Add(Bytes bytes);
  // A handle for bytes that the host holds anyway. Errors: kMemory when there are too many handles.
  absl::StatusOr<int32_t> AddShared(Bytes bytes);

  // The bytes of an open handle. Errors: kBadPointer.
  absl::StatusOr<Bytes> Find(int32_t handle) const;

  // Lets go of the bytes. Errors: kBadPointer.
  absl::Status Close(int32_t handle);

 private:
  struct Entry {
    Bytes bytes;
    uint64_t charge;  // counted towards max_bytes_
  };

  absl::StatusOr<int32_t> Insert(Bytes bytes, uint64_t charge);

  const uint64_t max_bytes_;
  uint64_t used_bytes_ = 0;
  int32_t next_ = 0;
  std::map<int32_t, Entry> entries_;
};

// Registers the three functions.
void AddData(HostFunctions& functions);

}  // namespace weft

#endif  // WEFT_WASM_HOST_DATA_H_

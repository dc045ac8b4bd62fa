// wasm_host/fs_read.h — files for guests, within what they were granted.
//
//   weft.fs_read(path, length) -> i32      capability fs.read; suspends the guest
//
// gives a handle (data.h) of the whole file as it was when it was opened, or -1 if there is no such
// file. Reading outside the grant, through a symbolic link, a directory, a device, or a file that
// the operating system refuses, ends the guest.
//
// A scope of the capability is a path glob: "src/**/*.h" counts from the call's directory,
// "/data/census/*.txt" is absolute. `*` and `?` stay within one segment, `**` spans any number of
// them (none included). A path or scope with ".." is refused. Symbolic links are refused below the
// call's directory, and for absolute scopes below the segments before the first wildcard.
#ifndef WEFT_WASM_HOST_FS_READ_H_
#define WEFT_WASM_HOST_FS_READ_H_

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "wasm_host/registry.h"

namespace weft {

inline constexpr char kFsReadCapability[] = "fs.read";

// What a guest read, for whoever keeps its result.
struct FsReadEvent {
  // Counted from the call's directory where it lies below it, else absolute.
  std::string path = {};
  // Whether there was a file; if so, what it held.
  bool exists = false;
  std::array<uint8_t, 32> sha256 = {};
  int64_t size = 0;
};

// Attach one to GuestOptions::data to say where paths count from and to hear what was read.
struct FsReadOptions {
  // Absolute; empty: the working directory of the process.
  std::string directory;
  uint64_t max_file_bytes = uint64_t{256} << 20;
  // Called for each read, on the guest's task.
  std::function<void(const FsReadEvent& event)> on_read;
};

// Registers the function. Needs an executor with a blocking pool.
void AddFsRead(HostFunctions& functions);

// Whether `scope` can be granted. Errors: InvalidArgument, saying what to change.
absl::Status CheckFsReadScope(std::string_view scope);

}  // namespace weft

#endif  // WEFT_WASM_HOST_FS_READ_H_

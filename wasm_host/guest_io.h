// wasm_host/guest_io.h — what a guest is given and what it gives: inputs, parameters, outputs.
//
//   weft.input_count() -> i32
//   weft.input_name(index, buffer, capacity) -> i32      length of the name, or -1
//   weft.input_open(name, length) -> i32                 handle (data.h), or -1
//   weft.param_get(name, length, index, buffer, capacity) -> i32
//                                                        length of the index-th value, or -1
//   weft.output_open(name, length) -> i32                number of the output, or -1
//   weft.output_write(output, bytes, length)             appends
//   weft.fail(message, length)                           ends the guest: it failed
//   weft.no_memory(bytes)                                ends the guest: memory.grow refused it
//
// None needs a capability. Where a buffer is too small, as much as fits is copied and the whole
// length returned. GUESTS.md is the guest's view; weft_guest.h declares these in C.
#ifndef WEFT_WASM_HOST_GUEST_IO_H_
#define WEFT_WASM_HOST_GUEST_IO_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "wasm_host/data.h"
#include "wasm_host/registry.h"

namespace weft {

// Attach one to GuestOptions::data, and take the outputs from it after the call.
struct GuestIo {
  struct Input {
    std::string name;
    DataTable::Bytes bytes;
  };
  std::vector<Input> inputs;
  std::vector<std::pair<std::string, std::string>> params;
  std::vector<std::string> output_names;
  // Bytes that all outputs together may have; more ends the guest with kMemory.
  uint64_t max_output_bytes = uint64_t{1} << 30;
  // What the guest wrote, in the order of output_names. Filled by the call.
  std::vector<std::string> outputs;
};

// Registers the functions above.
void AddGuestIo(HostFunctions& functions);

}  // namespace weft

#endif  // WEFT_WASM_HOST_GUEST_IO_H_

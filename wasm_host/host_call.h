// wasm_host/host_call.h — what a host function is told about the call that it serves.
//
// A host function takes a HostCall& as its first parameter when it wants to know more than its
// arguments: the guest's memory, the grants, and the objects that the caller of the guest attached.
// The reference, and every view into guest memory, is valid until the function's coroutine ends:
// the guest is suspended meanwhile and cannot move its memory.
#ifndef WEFT_WASM_HOST_HOST_CALL_H_
#define WEFT_WASM_HOST_HOST_CALL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "wasm_host/grants.h"

namespace weft {

// The linear memory of a suspended guest, as seen by a host function. A view: cheap to copy.
class GuestMemory {
 public:
  GuestMemory() = default;
  GuestMemory(char* data, std::size_t size) : data_(data), size_(size) {}

  std::size_t size() const { return size_; }

  // Bytes of the guest. Errors: kBadPointer when they do not all lie within the memory.
  absl::StatusOr<std::string_view> Read(uint32_t pointer, uint32_t length) const;
  absl::StatusOr<std::span<char>> Write(uint32_t pointer, uint32_t length) const;

 private:
  char* data_ = nullptr;
  std::size_t size_ = 0;
};

// Objects that ride along with one call of a guest, at most one of each type: where a built-in host
// function leaves or finds what it shares with whoever made the call. Thread-compatible.
class CallData {
 public:
  // Attaches `object`, in place of an earlier one of the same type.
  template <typename T>
  void Set(std::shared_ptr<T> object) {
    for (Entry& entry : entries_) {
      if (entry.type == TypeId<T>()) {
        entry.object = std::move(object);
        return;
      }
    }
    entries_.push_back(Entry{TypeId<T>(), std::move(object)});
  }

  // The object of this type, or null.
  template <typename T>
  T* Find() const {
    for (const Entry& entry : entries_) {
      if (entry.type == TypeId<T>()) return static_cast<T*>(entry.object.get());
    }
    return nullptr;
  }

  // The object of this type; a default-made one is attached if there is none.
  template <typename T>
  T& FindOrMake() {
    if (Find<T>() == nullptr) Set(std::make_shared<T>());
    return *Find<T>();
  }

 private:
  struct Entry {
    const void* type;
    std::shared_ptr<void> object;
  };

  template <typename T>
  static const void* TypeId() {
    static const char kId = 0;
    return &kId;
  }

  std::vector<Entry> entries_;
};

// See the head of the file. One at a time for each running guest.
class HostCall {
 public:
  HostCall(const std::string& guest, const Grants& grants, CallData& data)
      : guest_(&guest), grants_(&grants), data_(&data) {}
  HostCall(const HostCall&) = delete;
  HostCall& operator=(const HostCall&) = delete;

  // Name of the module that calls, for messages.
  const std::string& guest() const { return *guest_; }
  const Grants& grants() const { return *grants_; }
  CallData& data() const { return *data_; }
  const GuestMemory& memory() const { return memory_; }

  // For the driver of the guest, before each host function.
  void set_memory(GuestMemory memory) { memory_ = memory; }

 private:
  const std::string* guest_;
  const Grants* grants_;
  CallData* data_;
  GuestMemory memory_;
};

}  // namespace weft

#endif  // WEFT_WASM_HOST_HOST_CALL_H_

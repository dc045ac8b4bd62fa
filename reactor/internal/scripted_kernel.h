// reactor/internal/scripted_kernel.h — a kernel that says what a test tells it to say.
//
// Nothing blocks and nothing happens by itself: Wait hands out the batches of events that the test
// queued, whatever the registrations are, and then reports the wake-up signal or nothing. Reads,
// writes and registrations answer from queues too, and succeed when those are empty. A test can
// thus delay, duplicate, reorder and forge events, and cut transfers short.
#ifndef WEFT_REACTOR_INTERNAL_SCRIPTED_KERNEL_H_
#define WEFT_REACTOR_INTERNAL_SCRIPTED_KERNEL_H_

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "base/instant.h"
#include "reactor/internal/kernel.h"

namespace weft::reactor_internal {

// Not thread-safe: tests with it have one thread.
class ScriptedKernel final : public Kernel {
 public:
  struct Registration {
    uint32_t events = 0;
    uint64_t token = 0;
  };

  // What the test sets.
  std::deque<std::vector<epoll_event>> batches;  // One per Wait.
  std::deque<int> wait_errors;                   // Returned before any batch.
  std::deque<int> control_errors;                // 0 means: go on to the usual answer.
  std::deque<int64_t> transfer_results;          // Of Read and Write; empty: the whole size.
  std::function<void()> during_wait;             // Runs inside Wait, once.
  std::function<void()> during_transfer;         // Runs inside Read and Write, once.

  // What the test looks at.
  std::map<int, Registration> registrations;
  Instant last_deadline;
  int signals = 0;
  int transfers = 0;

  // The event that the kernel would report for the present registration of `fd`.
  epoll_event EventFor(int fd, uint32_t events) const {
    epoll_event event = {};
    event.events = events;
    event.data.u64 = registrations.at(fd).token;
    return event;
  }

  // The file behind `fd` is closed: the kernel drops its registration.
  void Close(int fd) { registrations.erase(fd); }

  int Control(int operation, int fd, uint32_t events, uint64_t token) override {
    const int error = static_cast<int>(TakeFirst(&control_errors, 0));
    if (error != 0) return error;
    const bool known = registrations.count(fd) != 0;
    if (operation == EPOLL_CTL_ADD && known) return -EEXIST;
    if (operation == EPOLL_CTL_MOD && !known) return -ENOENT;
    registrations[fd] = {.events = events, .token = token};
    return 0;
  }

  int Wait(epoll_event* events, int capacity, Instant deadline) override {
    last_deadline = deadline;
    RunOnce(&during_wait);
    const int error = static_cast<int>(TakeFirst(&wait_errors, 0));
    if (error != 0) return error;
    int count = 0;
    if (std::exchange(signalled_, false)) events[count++].data.u64 = kWakeToken;
    if (batches.empty()) return count;
    for (const epoll_event& event : batches.front()) {
      if (count < capacity) events[count++] = event;
    }
    batches.pop_front();
    return count;
  }

  int64_t Read(int, std::byte* buffer, size_t size) override {
    const int64_t result = Transfer(size);
    if (result > 0) std::fill_n(buffer, result, std::byte{'r'});
    return result;
  }
  int64_t Write(int, const std::byte*, size_t size) override { return Transfer(size); }

  void Signal() override {
    ++signals;
    signalled_ = true;
  }

 private:
  template <typename T>
  static T TakeFirst(std::deque<T>* queue, T otherwise) {
    if (queue->empty()) return otherwise;
    const T first = queue->front();
    queue->pop_front();
    return first;
  }
  static void RunOnce(std::function<void()>* action) {
    if (*action == nullptr) return;
    const std::function<void()> once = std::exchange(*action, nullptr);
    once();
  }
  int64_t Transfer(size_t size) {
    ++transfers;
    RunOnce(&during_transfer);
    return TakeFirst(&transfer_results, static_cast<int64_t>(size));
  }

  bool signalled_ = false;
};

}  // namespace weft::reactor_internal

#endif  // WEFT_REACTOR_INTERNAL_SCRIPTED_KERNEL_H_

// reactor/internal/simulated_kernel.h — a kernel whose files are byte streams in memory and whose
// moods come from a seed. See simulated_reactor.h.
#ifndef WEFT_REACTOR_INTERNAL_SIMULATED_KERNEL_H_
#define WEFT_REACTOR_INTERNAL_SIMULATED_KERNEL_H_

#include <sys/epoll.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "absl/time/time.h"
#include "base/instant.h"
#include "reactor/internal/kernel.h"

namespace weft::reactor_internal {

// Thread-compatible.
class SimulatedKernel final : public Kernel {
 public:
  struct Ends {
    int first;
    int second;
  };

  SimulatedKernel(uint64_t seed, absl::Duration max_latency, std::size_t capacity,
                  int first_descriptor, int max_held_back);

  Ends OpenPipe();
  Ends OpenSocketPair();
  void Close(int fd);
  void AdvanceTo(Instant now);
  Instant NextEvent() const;

  // Kernel.
  int Control(int operation, int fd, uint32_t events, uint64_t token) override;
  int Wait(epoll_event* events, int capacity, Instant deadline) override;
  int64_t Read(int fd, std::byte* buffer, std::size_t size) override;
  int64_t Write(int fd, const std::byte* buffer, std::size_t size) override;
  void Signal() override { is_signalled_ = true; }

 private:
  // Bytes that were written together and arrive together.
  struct Packet {
    Instant arrival;
    std::vector<std::byte> bytes;
    std::size_t taken = 0;
  };
  // One direction.
  struct Stream {
    std::deque<Packet> packets;
    std::size_t size = 0;  // bytes in all packets
    bool is_reader_closed = false;
    bool is_writer_closed = false;
    Instant end = Instant::InfiniteFuture();   // when the reader learns that the writer has closed
    Instant latest = Instant::InfinitePast();  // no packet arrives before an earlier one
  };
  // What a descriptor is.
  struct File {
    std::shared_ptr<Stream> in;   // null: cannot be read
    std::shared_ptr<Stream> out;  // null: cannot be written
    bool is_registered = false;
    uint32_t events = 0;  // what was asked for and not reported; 0: nothing
    uint64_t token = 0;
  };

  int Open(File file);
  uint64_t Below(uint64_t bound) { return random_() % bound; }
  Instant Arrival(Stream* stream);
  std::size_t SomeOf(std::size_t most);
  bool HasNews(const Stream& in) const;
  // The events of those that were asked for which hold now.
  uint32_t Ready(const File& file) const;

  std::mt19937_64 random_;
  const absl::Duration max_latency_;
  const std::size_t capacity_;
  const int max_held_back_;
  int next_fd_;
  int held_back_ = 0;  // Waits in a row that reported nothing although something was ready
  bool is_signalled_ = false;
  Instant now_;
  std::map<int, File> files_;
};

}  // namespace weft::reactor_internal

#endif  // WEFT_REACTOR_INTERNAL_SIMULATED_KERNEL_H_

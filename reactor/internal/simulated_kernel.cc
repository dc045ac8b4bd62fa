#include "reactor/internal/simulated_kernel.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"

namespace weft::reactor_internal {
namespace {

constexpr uint32_t kAsksForEvents = EPOLLIN | EPOLLOUT;

}  // namespace

SimulatedKernel::SimulatedKernel(uint64_t seed, absl::Duration max_latency, std::size_t capacity,
                                 int first_descriptor, int max_held_back)
    : random_(seed),
      max_latency_(max_latency),
      capacity_(capacity),
      max_held_back_(max_held_back),
      next_fd_(first_descriptor) {}

int SimulatedKernel::Open(File file) {
  files_.emplace(next_fd_, std::move(file));
  return next_fd_++;
}

SimulatedKernel::Ends SimulatedKernel::OpenPipe() {
  const auto stream = std::make_shared<Stream>();
  const int reads = Open({.in = stream, .out = nullptr});
  return {.first = reads, .second = Open({.in = nullptr, .out = stream})};
}

SimulatedKernel::Ends SimulatedKernel::OpenSocketPair() {
  const auto there = std::make_shared<Stream>();
  const auto back = std::make_shared<Stream>();
  const int first = Open({.in = back, .out = there});
  return {.first = first, .second = Open({.in = there, .out = back})};
}

void SimulatedKernel::Close(int fd) {
  const auto found = files_.find(fd);
  WEFT_CHECK(found != files_.end())
      << "SimulatedReactor::Close(): expected an open descriptor of this reactor, found " << fd;
  const File& file = found->second;
  if (file.in != nullptr) file.in->is_reader_closed = true;
  if (file.out != nullptr) {
    file.out->is_writer_closed = true;
    file.out->end = Arrival(file.out.get());
  }
  files_.erase(found);
}

void SimulatedKernel::AdvanceTo(Instant now) { now_ = std::max(now_, now); }

Instant SimulatedKernel::Arrival(Stream* stream) {
  Instant arrival = now_;
  const int64_t most = absl::ToInt64Nanoseconds(max_latency_);
  if (most > 0) {
    arrival =
        now_ + absl::Nanoseconds(static_cast<int64_t>(Below(static_cast<uint64_t>(most) + 1)));
  }
  stream->latest = std::max(stream->latest, arrival);
  return stream->latest;
}

// All of it, or, every other time, a part: transfers are short now and then.
std::size_t SimulatedKernel::SomeOf(std::size_t most) {
  if (most <= 1 || Below(2) == 0) return most;
  return 1 + static_cast<std::size_t>(Below(most));
}

bool SimulatedKernel::HasNews(const Stream& in) const {
  return in.end <= now_ || (!in.packets.empty() && in.packets.front().arrival <= now_);
}

uint32_t SimulatedKernel::Ready(const File& file) const {
  uint32_t ready = 0;
  if ((file.events & kAsksForEvents) == 0) return 0;
  if (file.in != nullptr && HasNews(*file.in)) {
    ready |= file.in->end <= now_ ? EPOLLIN | EPOLLHUP : uint32_t{EPOLLIN};
  }
  if (file.out != nullptr) {
    if (file.out->is_reader_closed) ready |= EPOLLOUT | EPOLLERR;
    if (file.out->size < capacity_) ready |= EPOLLOUT;
  }
  return ready & (file.events | EPOLLHUP | EPOLLERR);
}

Instant SimulatedKernel::NextEvent() const {
  if (is_signalled_) return now_;
  Instant next = Instant::InfiniteFuture();
  for (const auto& [fd, file] : files_) {
    if (Ready(file) != 0) return now_;
    if (file.in == nullptr || (file.events & EPOLLIN) == 0) continue;
    next = std::min(next, file.in->end);
    if (!file.in->packets.empty()) next = std::min(next, file.in->packets.front().arrival);
  }
  return next;
}

int SimulatedKernel::Control(int operation, int fd, uint32_t events, uint64_t token) {
  const auto found = files_.find(fd);
  if (found == files_.end()) return -EBADF;
  File& file = found->second;
  if (operation == EPOLL_CTL_ADD && file.is_registered) return -EEXIST;
  if (operation == EPOLL_CTL_MOD && !file.is_registered) return -ENOENT;
  file.is_registered = true;
  file.events = events;
  file.token = token;
  return 0;
}

// Any of the ready descriptors, in any order, each held back with a probability of a quarter.
int SimulatedKernel::Wait(epoll_event* events, int capacity, Instant) {
  int count = 0;
  if (std::exchange(is_signalled_, false)) events[count++].data.u64 = kWakeToken;
  std::vector<File*> ready;
  for (auto& [fd, file] : files_) {
    if (Ready(file) != 0) ready.push_back(&file);
  }
  std::shuffle(ready.begin(), ready.end(), random_);
  const bool may_hold_back = held_back_ < max_held_back_;
  const int before = count;
  for (File* const file : ready) {
    if (count == capacity) break;
    if (may_hold_back && Below(4) == 0) continue;
    events[count].events = Ready(*file);
    events[count++].data.u64 = file->token;
    file->events = 0;  // one-shot
  }
  held_back_ = !ready.empty() && count == before ? held_back_ + 1 : 0;
  return count;
}

int64_t SimulatedKernel::Read(int fd, std::byte* buffer, std::size_t size) {
  const auto found = files_.find(fd);
  if (found == files_.end() || found->second.in == nullptr) return -EBADF;
  Stream& stream = *found->second.in;
  if (!HasNews(stream)) return -EAGAIN;
  const std::size_t most = SomeOf(size);
  std::size_t read = 0;
  while (read < most && !stream.packets.empty() && stream.packets.front().arrival <= now_) {
    Packet& packet = stream.packets.front();
    const std::size_t part = std::min(most - read, packet.bytes.size() - packet.taken);
    std::copy_n(packet.bytes.data() + packet.taken, part, buffer + read);
    read += part;
    packet.taken += part;
    if (packet.taken == packet.bytes.size()) stream.packets.pop_front();
  }
  stream.size -= read;
  return static_cast<int64_t>(read);
}

int64_t SimulatedKernel::Write(int fd, const std::byte* buffer, std::size_t size) {
  const auto found = files_.find(fd);
  if (found == files_.end() || found->second.out == nullptr) return -EBADF;
  Stream& stream = *found->second.out;
  if (stream.is_reader_closed) return -EPIPE;
  const std::size_t room = capacity_ - std::min(capacity_, stream.size);
  if (room == 0 && size > 0) return -EAGAIN;
  const std::size_t written = SomeOf(std::min(size, room));
  if (written == 0) return 0;
  stream.packets.push_back({.arrival = Arrival(&stream), .bytes = {buffer, buffer + written}});
  stream.size += written;
  return static_cast<int64_t>(written);
}

}  // namespace weft::reactor_internal

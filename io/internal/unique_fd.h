// io/internal/unique_fd.h — owns a file descriptor.
#ifndef WEFT_IO_INTERNAL_UNIQUE_FD_H_
#define WEFT_IO_INTERNAL_UNIQUE_FD_H_

#include <unistd.h>

#include <utility>

namespace weft::io_internal {

// Closes its descriptor when destroyed. Movable.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) Reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~UniqueFd() { Reset(); }

  // The descriptor, or -1.
  int get() const { return fd_; }
  bool IsOpen() const { return fd_ >= 0; }

  // Closes the descriptor and takes `fd` instead.
  void Reset(int fd = -1) {
    if (fd_ >= 0) close(fd_);
    fd_ = fd;
  }
  // Gives the descriptor away.
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

}  // namespace weft::io_internal

#endif  // WEFT_IO_INTERNAL_UNIQUE_FD_H_

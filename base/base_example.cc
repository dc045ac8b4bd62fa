// A box that one thread fills and another one empties before a deadline.
#include <iostream>
#include <optional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/check.h"
#include "base/instant.h"
#include "base/mutex.h"

namespace {

class Box {
 public:
  // Precondition (checked): `value` is positive, and the box is empty.
  void Put(int value) {
    WEFT_CHECK(value > 0) << "Box::Put(): value must be positive, found " << value;
    weft::MutexLock lock(&mu_);
    WEFT_CHECK(!value_.has_value()) << "Box::Put(): the box is full";
    value_ = value;
    changed_.NotifyAll();
  }

  int Take() {
    weft::MutexLock lock(&mu_);
    while (!value_.has_value()) changed_.Wait(&mu_);
    const int value = *value_;
    value_.reset();
    return value;
  }

 private:
  weft::Mutex mu_;
  weft::CondVar changed_;
  std::optional<int> value_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

int main() {
  const weft::Instant start = weft::MonotonicNow();
  const weft::Instant deadline = start + absl::Minutes(1);
  Box box;
  std::thread filler([&box] { box.Put(7); });
  const int value = box.Take();
  filler.join();
  const bool in_time = weft::MonotonicNow() < deadline;
  std::cout << "took " << value << (in_time ? " in time" : " late") << "\n";
  return value == 7 ? 0 : 1;
}

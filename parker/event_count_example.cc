// A mailbox whose readers sleep while it is empty. The lock that guards it knows nothing of
// sleeping, and a push that nobody waits for costs a fence more.
#include <cstdio>
#include <deque>
#include <optional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "parker/event_count.h"

namespace {

class Mailbox {
 public:
  void Push(int letter) {
    {
      weft::MutexLock lock(&mu_);
      letters_.push_back(letter);
    }
    events_.NotifyOne();
  }

  int Pop() {
    std::optional<int> letter;
    events_.Await([&] { return (letter = TryPop()).has_value(); });
    return *letter;
  }

 private:
  std::optional<int> TryPop() {
    weft::MutexLock lock(&mu_);
    if (letters_.empty()) return std::nullopt;
    const int letter = letters_.front();
    letters_.pop_front();
    return letter;
  }

  weft::Mutex mu_;
  std::deque<int> letters_ ABSL_GUARDED_BY(mu_);
  weft::EventCount events_;
};

}  // namespace

int main() {
  Mailbox mailbox;
  int sum = 0;
  std::thread reader([&] {
    for (int i = 0; i < 3; ++i) sum += mailbox.Pop();
  });
  for (const int letter : {1, 2, 39}) mailbox.Push(letter);
  reader.join();
  std::printf("the sum is %d\n", sum);
  return sum == 42 ? 0 : 1;
}

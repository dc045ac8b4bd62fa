#include "tools/stress/watchdog.h"

#include <chrono>
#include <sstream>
#include <utility>

#include "base/check.h"
#include "tools/stress/seed.h"

namespace weft::stress {
namespace {

// A worker's last report is noticed at most this part of the patience too late.
constexpr int kLooksPerPatience = 8;

}  // namespace

Watchdog::Watchdog(WatchdogOptions options)
    : options_(std::move(options)), slots_(static_cast<std::size_t>(options_.workers)) {
  WEFT_CHECK(options_.workers > 0)
      << "Watchdog(): expected at least one worker, found " << options_.workers;
  WEFT_CHECK(options_.patience > absl::ZeroDuration())
      << "Watchdog(): expected a positive patience, found " << options_.patience;
  thread_ = std::thread([this] { Watch(); });
}

Watchdog::~Watchdog() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_one();
  thread_.join();
}

void Watchdog::Watch() {
  const auto interval = absl::ToChronoNanoseconds(options_.patience / kLooksPerPatience);
  uint64_t before = Progress();
  int looks = 0;
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stop_.wait_for(lock, interval, [this] { return stopping_; })) {
    const uint64_t now = Progress();
    looks = now == before ? looks + 1 : 0;
    before = now;
    if (looks == kLooksPerPatience) WEFT_FATAL() << Describe();
  }
}

uint64_t Watchdog::Progress() const {
  uint64_t sum = 0;
  for (const Slot& slot : slots_) sum += slot.reports.load(std::memory_order_relaxed);
  return sum;
}

std::string Watchdog::Describe() const {
  std::ostringstream text;
  text << options_.test << ": expected progress, found none for " << options_.patience << "; "
       << SeedMessage(options_.seed);
  for (std::size_t worker = 0; worker < slots_.size(); ++worker) {
    const Slot& slot = slots_[worker];
    const char* const done = slot.done.load(std::memory_order_relaxed);
    const uint64_t reports = slot.reports.load(std::memory_order_relaxed);
    text << "\n  worker " << worker << ": ";
    if (done == nullptr) {
      text << "finished after " << reports - 1 << " reports";
    } else if (reports == 0) {
      text << "no report yet";
    } else {
      text << "report " << reports << " was '" << done << "' "
           << slot.detail.load(std::memory_order_relaxed);
    }
  }
  return text.str();
}

}  // namespace weft::stress

#include "tools/stress/counted_value.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/check.h"
#include "base/mutex.h"

namespace weft::stress {
namespace {

class Tally;

// The tallies of running threads, and the sum of those of threads that have ended.
struct Books {
  Mutex mutex;
  std::vector<const Tally*> open ABSL_GUARDED_BY(mutex);
  ValueCounts closed ABSL_GUARDED_BY(mutex);
};

// Never destroyed: threads may end after main().
Books& AllBooks() {
  static Books* const books = new Books;
  return *books;
}

// One thread's counts. Only it writes them.
class Tally {
 public:
  Tally() {
    Books& books = AllBooks();
    MutexLock lock(&books.mutex);
    books.open.push_back(this);
  }
  Tally(const Tally&) = delete;
  Tally& operator=(const Tally&) = delete;
  ~Tally() {
    Books& books = AllBooks();
    MutexLock lock(&books.mutex);
    AddTo(&books.closed);
    books.open.erase(std::find(books.open.begin(), books.open.end(), this));
  }

  void Constructed() { Increment(&constructed_); }
  void Destroyed() { Increment(&destroyed_); }

  void AddTo(ValueCounts* sum) const {
    sum->constructed += constructed_.load(std::memory_order_relaxed);
    sum->destroyed += destroyed_.load(std::memory_order_relaxed);
  }

 private:
  static void Increment(std::atomic<int64_t>* count) {
    count->store(count->load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  std::atomic<int64_t> constructed_{0};
  std::atomic<int64_t> destroyed_{0};
};

Tally& MyTally() {
  thread_local Tally tally;
  return tally;
}

}  // namespace

CountedValue::CountedValue(uint64_t id) : id_(id) {
  MyTally().Constructed();
  Become(kFull);
}

CountedValue::CountedValue(CountedValue&& other) noexcept {
  other.ExpectFull("moved from");
  id_ = other.id_;
  other.Become(kMoved);
  MyTally().Constructed();
  Become(kFull);
}

CountedValue& CountedValue::operator=(CountedValue&& other) noexcept {
  WEFT_CHECK(this != &other) << "CountedValue: value " << id_ << " is moved to itself";
  other.ExpectFull("moved from");
  if (Find() != kMoved) ExpectFull("assigned to");
  id_ = other.id_;
  other.Become(kMoved);
  Become(kFull);
  return *this;
}

CountedValue::~CountedValue() {
  if (Find() != kMoved) ExpectFull("destroyed");
  Become(kDead);
  MyTally().Destroyed();
}

uint64_t CountedValue::id() const {
  ExpectFull("read");
  return id_;
}

ValueCounts CountedValue::Counts() {
  Books& books = AllBooks();
  MutexLock lock(&books.mutex);
  ValueCounts sum = books.closed;
  for (const Tally* tally : books.open) tally->AddTo(&sum);
  return sum;
}

// Volatile, because the state is of interest before and after the lifetime of the value too.
CountedValue::State CountedValue::Find() const {
  const uint64_t found = *const_cast<const volatile uint64_t*>(&state_);
  return static_cast<State>(found ^ reinterpret_cast<uintptr_t>(this));
}

void CountedValue::Become(State state) {
  *const_cast<volatile uint64_t*>(&state_) = state ^ reinterpret_cast<uintptr_t>(this);
}

void CountedValue::ExpectFull(const char* doing) const {
  const State found = Find();
  if (found == kFull) return;
  WEFT_CHECK(found != kMoved) << "CountedValue: expected value " << id_ << " to be " << doing
                              << " before it is moved away, found it moved";
  WEFT_CHECK(found != kDead) << "CountedValue: expected value " << id_ << " to be " << doing
                             << " before it is destroyed, found it dead";
  WEFT_FATAL() << "CountedValue: expected what is " << doing
               << " to be a value, found memory where none was constructed (a copy of bytes?)";
}

}  // namespace weft::stress

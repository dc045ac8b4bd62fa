// dag/flight_table.h — lets one task at a time work on a key, so that equal steps execute once.
//
//   weft::FlightTable::Ticket ticket(table, key);
//   weft::AsyncMutexGuard guard = co_await ticket.Lock();
//   ...   // look the key up again: whoever had the lock before may have stored its result
//
// A task that is cancelled or fails while it holds a key simply lets go of it: the next waiter
// takes over. Keys that nobody works on cost nothing.
//
//   Thread safety    All methods may be called from any thread.
//   Cancellation     As AsyncMutex::Lock.
//   Lifetime         The table outlives its tickets, a ticket the guard that it gave.
#ifndef WEFT_DAG_FLIGHT_TABLE_H_
#define WEFT_DAG_FLIGHT_TABLE_H_

#include "absl/base/thread_annotations.h"
#include "absl/container/node_hash_map.h"
#include "base/mutex.h"
#include "dag/digest.h"
#include "sync/async_mutex.h"

namespace weft {

// See the top of this file.
class FlightTable {
 private:
  struct Entry {
    AsyncMutex mutex;
    int tickets = 0;  // under mu_
  };

 public:
  // A task's interest in a key.
  class Ticket {
   public:
    Ticket(FlightTable& table, const Digest& key)
        : table_(table), key_(key), entry_(table.Enter(key)) {}
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    ~Ticket() { table_.Leave(key_); }

    // Waits until nobody else holds the key.
    AsyncMutex::LockFuture Lock() { return entry_.mutex.Lock(); }

   private:
    FlightTable& table_;
    const Digest key_;
    Entry& entry_;
  };

 private:
  Entry& Enter(const Digest& key) {
    MutexLock lock(&mu_);
    Entry& entry = entries_[key];
    ++entry.tickets;
    return entry;
  }

  void Leave(const Digest& key) {
    MutexLock lock(&mu_);
    const auto found = entries_.find(key);
    if (--found->second.tickets == 0) entries_.erase(found);
  }

  Mutex mu_;
  absl::node_hash_map<Digest, Entry> entries_ ABSL_GUARDED_BY(mu_);
};

}  // namespace weft

#endif  // WEFT_DAG_FLIGHT_TABLE_H_

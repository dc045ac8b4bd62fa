// tools/model/internal/explorer.h — runs a scenario along the graphs that Search finds.
//
// Each graph is run from the start: first the events that it holds, in an order in which every read
// comes after its source, then new ones. So plain memory holds what it should.
#ifndef WEFT_TOOLS_MODEL_INTERNAL_EXPLORER_H_
#define WEFT_TOOLS_MODEL_INTERNAL_EXPLORER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "tools/model/internal/ends.h"
#include "tools/model/internal/fiber.h"
#include "tools/model/internal/graph.h"
#include "tools/model/internal/place.h"
#include "tools/model/internal/schedule.h"
#include "tools/model/internal/search.h"

namespace weft::model_internal {

struct ExploreOptions {
  uint64_t max_executions = 0;
  int max_events = 0;
  int spurious_failures = 0;
  int spurious_wakes = 0;
  int load_buffering = 0;
  std::string replay;
  // Called with each complete execution.
  std::function<void(const Graph&)> on_complete;
};

struct Exploration {
  uint64_t executions = 0;
  uint64_t blocked = 0;
  bool complete = true;
  std::string failure;
  std::string trace;
  std::string schedule;
};

class Explorer {
 public:
  Explorer(const ExploreOptions& options, const std::function<void()>& scenario);
  ~Explorer();
  Explorer(const Explorer&) = delete;
  Explorer& operator=(const Explorer&) = delete;

  Exploration Explore();

  // The one that runs, seen from a thread of its scenario; null outside of scenarios.
  static Explorer* Running();

  // ---- For threads of the scenario; all but the first add events. ----

  // Gives up the execution: `message` is its failure.
  [[noreturn]] void Fail(std::string_view message);
  [[noreturn]] void FailAssertion(std::string_view message, PlaceId place);
  // Two accesses to plain memory, of the running thread and of an earlier one.
  struct Accessed {
    std::string_view what;
    int thread;
    uint16_t epoch;
    PlaceId place;
  };
  [[noreturn]] void FailRace(std::string_view what, PlaceId place, const Accessed& other);

  // A value of plain memory ends at an address; another one begins there: a race unless ordered.
  void EndPlain(const void* address);
  void BeginPlain(const void* address, PlaceId place);

  LocationId MakeAtomic(const void* address, uint64_t value, PlaceId place);
  void DestroyAtomic(LocationId location, const void* address, PlaceId place);
  // Fails unless `address` is the live atomic `location` and its making happened before.
  void CheckAtomic(LocationId location, const void* address, PlaceId place);

  // Copies: the next event of the thread may move the graph's.
  Event Read(Event e);
  void Write(Event e);
  void Add(Event e);
  int Choose(int count, PlaceId place);
  int Spawn(std::function<void()> body, PlaceId place);
  void Join(int thread, PlaceId place);
  // `reason`: what the thread does if it hangs here.
  void Pause(PlaceId place, std::string_view reason);
  // Blocks for good. `by_design`: then this is no execution at all, rather than a thread stuck.
  [[noreturn]] void Block(std::string_view reason, PlaceId place, bool by_design);

  bool FutexWait(LocationId word, uint32_t expected, bool has_deadline, PlaceId place);
  void FutexWake(LocationId word, int count, PlaceId place);

  // Plain memory: what the running thread has seen, and the number of its next event, from 1.
  const Clock& Now() const { return running_->now; }
  int thread() const { return running_->id; }
  uint16_t Epoch() const { return static_cast<uint16_t>(running_->done + 1); }

  // The event of the graph that `thread` did at `index`.
  const Graph& graph() const { return search_.graph(); }

 private:
  enum class Wait : uint8_t {
    kNothing,   // It runs.
    kSource,    // For the source of its next event, which the graph holds.
    kFrontier,  // For all threads to have done what the graph holds of them.
    kTurn,      // Until the schedule that is replayed comes to it.
    kJoin,
    kPause,
    kForever,
    kFinished,
  };

  struct Seen {
    LocationId location;
    uint64_t value;
    PlaceId place;
    bool operator==(const Seen& other) const {
      return location == other.location && value == other.value;
    }
  };

  struct Strand {
    int id = 0;
    Fiber fiber;
    const std::function<void()>* body = nullptr;
    Wait wait = Wait::kFinished;
    bool started = false;
    bool by_design = false;   // kForever
    LocationId cell = kNone;  // kForever: a write to it wakes the thread.
    int waits = 0;            // Sleeps so far.
    int spurious_wakes = 0;   // Returns from FutexWait() for no reason so far.
    bool probed = false;      // See ProbeOnePause().
    EventId source = kNone;   // kSource
    int joined = 0;           // kJoin
    int done = 0;             // Events so far.
    Clock now;
    PlaceId place = 0;         // Where it waits.
    std::string reason;        // kPause, kForever
    std::vector<Seen> seen;    // Read since the last pause.
    std::vector<Seen> before;  // Read before that.
    EventId spawned = kNone;
  };

  struct Location {
    const void* address = nullptr;
    bool live = false;
    uint8_t creator = 0;
    uint16_t created = 0;
    PlaceId place = 0;
  };

  static void Enter(void* strand);
  void Run();
  bool CanRun(const Strand& strand) const;
  Strand* PickStrand();
  void Suspend(Wait wait);
  // At the end of a run in which nobody can go on.
  void Conclude();
  bool IsStale(const Strand& strand) const;
  bool LetOnePauseEnd();
  bool ProbeOnePause();
  std::string Deadlock() const;

  // Load buffering (promises.cc): the stores that may be promised, and their explorations.
  using Store = std::tuple<int, int, LocationId, uint64_t>;  // Thread, index, atomic, value.
  void ExploreStack();
  void ExplorePromises(std::size_t first, std::vector<Store>* chosen);
  void NoteStores();
  // Whether the execution needs a promise, and was not seen before.
  bool IsNewCycle();
  // The running thread comes to its next event: the promise that it fulfils, or kNone.
  EventId Fulfil(const Event& e);
  LocationId LocationOf(int thread, std::size_t number);
  std::string PrintPromises() const;
  void AddScheduledPromises();

  // What the schedule says of the running thread's next event, when it is its turn; null if no
  // schedule is replayed or it is at its end.
  const ScheduledEvent* Scheduled();
  bool NextIsScheduledPause() const;
  EventId AddRead(const Event& e);
  EventId ProbeRead(const Event& e);
  EventId AddWrite(const Event& e);
  [[noreturn]] void FailSchedule();

  // The next event of the running thread, if the graph holds it already, when its source is done.
  EventId Replay(const Event& e);
  void PrepareNew();
  EventId Done(EventId id);
  bool IsDone(EventId id) const;
  // futex.cc: an atomic that the scenario does not see; its initial value is 0.
  LocationId Hidden(std::vector<LocationId>* known, std::size_t number);
  uint64_t ChangeQueue(LocationId word, Change change, uint64_t operand, PlaceId place);
  void FailNow(std::string_view message);
  static void OnMemoryFailure(const char* message);

  const ExploreOptions& options_;
  const std::function<void()>& scenario_;
  Search search_;
  Exploration result_;
  std::array<std::unique_ptr<Strand>, kMaxThreads> strands_;
  int thread_count_ = 0;
  Strand* running_ = nullptr;
  int to_replay_ = 0;
  bool failed_ = false;
  std::string message_;  // Of a failure in a thread: its stack is abandoned with what is on it.
  std::string because_;  // More about it, below the trace.
  Schedule schedule_;
  std::size_t scheduled_ = 0;     // Events of the schedule that are done.
  std::vector<EventId> history_;  // Events in the order in which they were run.
  std::set<Store> stores_;
  std::vector<Store> candidates_;
  std::set<std::string> cycles_;
  bool probing_ = false;         // See ProbeOnePause().
  std::string pending_failure_;  // Of an execution with promises that are not fulfilled yet.
  std::vector<Location> locations_;
  Ends ends_;
  std::array<std::vector<LocationId>, kMaxThreads> made_;  // n-th atomic that a thread makes.
  std::array<int, kMaxThreads> made_count_{};
  std::vector<LocationId> queues_;                          // Of a word's sleepers.
  std::array<std::vector<LocationId>, kMaxThreads> cells_;  // Of a thread's n-th sleep.
  LocationId location_count_ = 0;
};

// The trace of an execution, as a text of one line for each event. `made` says where each atomic
// was made; 0 is the queue or cell of a futex.
std::string TraceOf(const Graph& graph, const std::vector<EventId>& history,
                    const std::vector<PlaceId>& made);

// Why the trace is not what its lines from top to bottom suggest: each read that misses a write
// above it, as lines of text.
std::string MissedWrites(const Graph& graph, const std::vector<EventId>& history);

// Why what `other` did before its event number `epoch` does not happen before what has seen `now`:
// a read that reached that far and does not synchronise, or that there is none, as a line.
std::string MissingEdge(const Graph& graph, const std::vector<EventId>& history, const Clock& now,
                        int other, uint16_t epoch);

}  // namespace weft::model_internal

#endif  // WEFT_TOOLS_MODEL_INTERNAL_EXPLORER_H_

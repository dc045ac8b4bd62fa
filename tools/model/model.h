// tools/model/model.h — a model checker for code over C++ atomics.
//
// Write a scenario of two or three threads against `internal::X<T, weft::model::Atomics>`, the very
// body that ships over weft::StdAtomics. Explore() runs it once for every behaviour that the C++20
// memory model allows (which write each load reads, in which order the writes of a location stand),
// and stops at the first that fails: an Assert(), a data race on plain memory, an access to a
// destroyed atomic, a deadlock, a thread that waits for a write that never comes.
//
//   const model::Result result = model::Explore({}, [] {
//     model::Atomic<int> flag{0};
//     model::Plain<int> data{0};
//     model::Thread writer([&] {
//       data.Write(42);
//       flag.store(1, std::memory_order_release);
//     });
//     if (flag.load(std::memory_order_acquire) == 1) model::Assert(data.Read() == 42, "lost");
//     writer.Join();
//   });
//   EXPECT_TRUE(result.ok()) << result;
//
// What it knows: relaxed, acquire, release, acq_rel and seq_cst accesses and fences as in C++20
// [atomics.order], [intro.races]; release sequences; read-modify-writes; weak CAS that fails for no
// reason; asymmetric barriers by the axioms of base/asymmetric_barrier.h; futexes with and without
// deadline; heap memory, which it takes back after each execution. Writes that a relaxed load reads
// from its own future (load buffering) when Options::load_buffering asks for them.
//
// What a scenario must be: a pure function of what it reads through this header. No clock, no
// random numbers, no other threads, no state from outside that it changes. Loops that wait for
// another thread call Atomics::SpinPause() or Yield() once a turn and change nothing in it.
//
// RunMutants() runs scenarios over every mutant of the code under test, and says which survive.
#ifndef WEFT_TOOLS_MODEL_MODEL_H_
#define WEFT_TOOLS_MODEL_MODEL_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <ostream>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

#include "tools/model/atomic.h"
#include "tools/model/mutex.h"
#include "tools/model/plain.h"

namespace weft::model {

// ---- Exploring -------------------------------------------------------------------------------

struct Options {
  // Explore() gives up behind this many executions; the result is then kIncomplete, not kOk.
  uint64_t max_executions = 2'000'000;
  // An execution of more events (atomic accesses and fences) fails as a runaway loop.
  int max_events = 400;
  // How often in one execution a weak CAS may fail although the value is the expected one.
  int spurious_failures = 1;
  // How often each thread's FutexWait() may return in one execution although nobody woke it, as
  // the kernel's does when a signal comes.
  int spurious_wakes = 0;
  // How many relaxed stores of one execution may be read before their thread comes to them (load
  // buffering). 0 is what compilers and processors of today do with code as it is written here.
  int load_buffering = 0;
  // The `schedule` of a failed result: runs that one execution and no other. If empty, the variable
  // WEFT_MODEL_REPLAY of the environment, for one failing test.
  std::string replay;
};

enum class Verdict {
  kOk,          // Every behaviour was tried and none failed.
  kFailed,      // `failure` says what, `trace` shows the execution, `schedule` replays it.
  kIncomplete,  // max_executions was reached; nothing failed until then.
};

struct Result {
  Verdict verdict = Verdict::kOk;
  uint64_t executions = 0;  // Complete executions: one for each consistent behaviour.
  uint64_t blocked = 0;     // Executions given up because a thread waited in vain by design.
  std::string failure;
  std::string trace;
  std::string schedule;

  bool ok() const { return verdict == Verdict::kOk; }
};
std::ostream& operator<<(std::ostream& out, const Result& result);

// Runs `scenario` in every behaviour. Not reentrant; one exploration at a time in a process.
Result Explore(const Options& options, const std::function<void()>& scenario);

// ---- What a scenario uses --------------------------------------------------------------------

// Fails the execution with `message` unless `condition`.
void Assert(bool condition, std::string_view message,
            std::source_location where = std::source_location::current());

// A number from 0 to count - 1; each is tried.
int Choose(int count, std::source_location where = std::source_location::current());

// A thread of the scenario. Joined at most once; the scenario ends when all threads have.
// What happens before the constructor happens before the body; the body happens before Join().
class Thread {
 public:
  explicit Thread(std::function<void()> body,
                  std::source_location where = std::source_location::current());
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

  void Join(std::source_location where = std::source_location::current());

 private:
  int id_;
  bool joined_ = false;
};

// Atomic<T> (atomic.h) is std::atomic<T> over the model's memory; Plain<T> (plain.h) is memory
// whose races are found; Mutex and MutexLock (mutex.h) are those of base/mutex.h.

// The seam; the same members as weft::StdAtomics, and a futex.
struct Atomics {
  template <typename T>
  using Atomic = model::Atomic<T>;
  template <typename T>
  using Plain = model::Plain<T>;
  using Mutex = model::Mutex;
  using MutexLock = model::MutexLock;
  using Where = std::source_location;

  static void Fence(std::memory_order order, Where where = Where::current());
  static void LightBarrier(Where where = Where::current());
  static void HeavyBarrier(Where where = Where::current());
  static bool AsymmetricBarriersAreAvailable() { return true; }
  static bool Recheck(bool condition, Where where = Where::current());
  static void SpinPause(Where where = Where::current());
  static void Yield(Where where = Where::current());

  // Sleeps while the low 32 bits of `word` equal those of `expected`. Returns false when the
  // deadline passed, which may be any time after it started to wait if `has_deadline`; true after a
  // wake-up, at once if the word differs, and for no reason as Options::spurious_wakes says.
  static bool FutexWait(const Atomic<uint64_t>& word, uint64_t expected, bool has_deadline,
                        Where where = Where::current());
  // Wakes up to `count` sleepers of `word`.
  static void FutexWake(const Atomic<uint64_t>& word, int count, Where where = Where::current());
};

// The same where the kernel offers no asymmetric barrier: HeavyBarrier() fails the execution.
struct AtomicsWithoutAsymmetricBarriers : Atomics {
  static void HeavyBarrier(Where where = Where::current());
  static bool AsymmetricBarriersAreAvailable() { return false; }
};

// ---- Mutants ---------------------------------------------------------------------------------

// A scenario with a name, as mutants are run against.
struct Scenario {
  std::string name;
  std::function<void()> body;
  Options options;
};

struct MutantOptions {
  // Only mutants of files whose path contains one of these, e.g. "deque/internal/". If empty: of
  // all files but tests (x_test.cc).
  std::vector<std::string> files;
  // Mutants that are known to change nothing that the code promises, by Mutant::name, with the
  // reason; each must exist and survive.
  std::map<std::string, std::string> equivalent;
};

// One mutant: one place of the code, changed in one way (an order made one step weaker, a fence,
// barrier or re-check left out).
struct Mutant {
  std::string name;       // "lap_ring.h:TryPush:store release -> relaxed", "... #2" for the second.
  std::string place;      // "lap_ring.h:87 TryPush"
  std::string change;     // "store release -> relaxed"
  std::string caught_by;  // Name of the scenario, empty if it survived.
  std::string failure;
  uint64_t executions = 0;
};

struct MutantReport {
  std::vector<Mutant> mutants;
  std::string failure;  // Empty if the code itself passes and every mutant was caught.

  bool ok() const { return failure.empty(); }
};
std::ostream& operator<<(std::ostream& out, const MutantReport& report);  // The table.

// Explores every scenario as it is, collecting the places that it passes; then each mutant of each
// place until one scenario fails.
MutantReport RunMutants(const MutantOptions& options, const std::vector<Scenario>& scenarios);

}  // namespace weft::model

#endif  // WEFT_TOOLS_MODEL_MODEL_H_

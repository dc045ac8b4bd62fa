#include "tools/model/testing/reference.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tools/model/testing/axioms.h"

namespace weft::model_testing {
namespace {

// All runs of a program, in all interleavings, where a read reads any write that was done; then all
// modification orders.
class Enumerator {
 public:
  explicit Enumerator(const Program& program) : program_(program) {}

  std::set<std::string> Run() {
    Extend(InitialValues(), std::vector<int>(program_.size(), 0));
    return found_;
  }

  std::set<std::string> RunBuffered() {
    std::vector<Done> events = InitialValues();
    for (int t = 0; t < static_cast<int>(program_.size()); ++t) {
      int index = 0;
      for (const Step& step : program_[t]) {
        Done done;
        done.thread = t;
        done.index = index++;
        done.op = step.op;
        done.order = step.order;
        const bool is_access = step.op <= Op::kExchange;
        done.location = is_access ? step.location : -1;
        done.reads = step.op == Op::kLoad || step.op == Op::kExchange;
        done.writes = step.op == Op::kStore || step.op == Op::kExchange;
        done.written = step.value;
        events.push_back(done);
      }
    }
    ChooseSources(events, 0);
    return found_;
  }

 private:
  static std::vector<Done> InitialValues() {
    std::vector<Done> events;
    for (int l = 0; l < kLocations; ++l) {
      Done initial;
      initial.location = l;
      initial.writes = true;
      events.push_back(initial);
    }
    return events;
  }

  // All ways in which the reads from `next` on may read.
  void ChooseSources(std::vector<Done>& events, std::size_t next) {
    while (next < events.size() && !events[next].reads) ++next;
    if (next == events.size()) {
      if (NeedsOneStoreEarly(events)) OrderWrites(events, 0, {});
      return;
    }
    for (std::size_t w = 0; w < events.size(); ++w) {
      if (w == next || !events[w].writes || events[w].location != events[next].location) continue;
      events[next].source = static_cast<int>(w);
      events[next].read = events[w].written;
      ChooseSources(events, next + 1);
    }
  }

  // Whether program order and reads-from, but for reads of `ignored`, have a cycle.
  static bool HasCycle(const std::vector<Done>& events, int ignored) {
    std::vector<char> done(events.size(), 0);
    for (bool moved = true; moved;) {
      moved = false;
      for (std::size_t i = 0; i < events.size(); ++i) {
        const Done& e = events[i];
        const bool waits_for_source = e.source >= 0 && e.source != ignored && !done[e.source];
        const bool is_behind = e.index > 0 && !done[i - 1];
        if (done[i] || waits_for_source || is_behind) continue;
        done[i] = 1;
        moved = true;
      }
    }
    return std::find(done.begin(), done.end(), 0) != done.end();
  }

  static bool NeedsOneStoreEarly(const std::vector<Done>& events) {
    if (!HasCycle(events, -1)) return false;
    bool is_behind_release = false;
    for (std::size_t i = 0; i < events.size(); ++i) {
      const Done& e = events[i];
      if (e.index == 0) is_behind_release = false;
      is_behind_release =
          is_behind_release || (e.op == Op::kFence && e.order != std::memory_order_acquire);
      if (e.op == Op::kStore && e.thread >= 0 && e.order == std::memory_order_relaxed &&
          !is_behind_release && !HasCycle(events, static_cast<int>(i))) {
        return true;
      }
    }
    return false;
  }

  static std::string NameOf(const std::vector<Done>& events, int i) {
    if (i < 0) return "-";
    if (events[i].thread < 0) return "i";
    return std::to_string(events[i].thread + 1) + "." + std::to_string(events[i].index);
  }

  std::string Signature(const std::vector<Done>& events) const {
    std::string text;
    for (int t = 0; t < static_cast<int>(program_.size()); ++t) {
      text += std::to_string(t + 1) + ":";
      for (const Done& done : events) {
        if (done.thread == t) text += NameOf(events, done.source) + ",";
      }
      text += ";";
    }
    return text;
  }

  void Extend(const std::vector<Done>& events, const std::vector<int>& next) {
    std::string state = Signature(events);
    for (int i : next) state += std::to_string(i) + " ";
    if (!seen_.insert(state).second) return;
    bool complete = true;
    for (std::size_t t = 0; t < program_.size(); ++t) {
      if (next[t] == static_cast<int>(program_[t].size())) continue;
      complete = false;
      ExtendThread(events, next, static_cast<int>(t));
    }
    if (complete) OrderWrites(events, 0, {});
  }

  void ExtendThread(const std::vector<Done>& events, std::vector<int> next, int t) {
    const Step& step = program_[t][next[t]++];
    Done done;
    done.thread = t;
    int last_read = 0;
    for (const Done& other : events) {
      if (other.thread != t) continue;
      ++done.index;
      if (other.reads) last_read = other.read;
    }
    if (step.if_odd && last_read % 2 == 0) return Extend(events, next);
    done.op = step.op;
    done.order = step.order;
    std::vector<Done> more = events;
    if (step.op == Op::kFence || step.op == Op::kLight || step.op == Op::kHeavy) {
      more.push_back(done);
      return Extend(more, next);
    }
    done.location = step.location;
    if (step.op == Op::kStore) {
      done.writes = true;
      done.written = step.value;
      more.push_back(done);
      return Extend(more, next);
    }
    done.reads = true;
    for (int w = 0; w < static_cast<int>(events.size()); ++w) {
      if (!events[w].writes || events[w].location != step.location) continue;
      Done read = done;
      read.source = w;
      read.read = events[w].written;
      read.writes = step.op != Op::kLoad;
      read.written = step.op == Op::kOr ? read.read | step.value : step.value;
      if (step.op == Op::kCompare && read.read != step.expected) {
        read.writes = false;
        read.order = step.failure;
      }
      more = events;
      more.push_back(read);
      Extend(more, next);
    }
  }

  void OrderWrites(const std::vector<Done>& events, int location,
                   std::vector<std::vector<int>> orders) {
    if (location == kLocations) {
      if (!IsConsistent(events, orders)) return;
      std::string text = Signature(events);
      for (const std::vector<int>& order : orders) {
        text += " ";
        for (int w : order) text += NameOf(events, w) + ">";
      }
      found_.insert(text);
      return;
    }
    std::vector<int> writes;
    for (int w = 0; w < static_cast<int>(events.size()); ++w) {
      if (events[w].writes && events[w].location == location && events[w].thread >= 0) {
        writes.push_back(w);
      }
    }
    do {
      orders.push_back({location});
      orders.back().insert(orders.back().end(), writes.begin(), writes.end());
      OrderWrites(events, location + 1, orders);
      orders.pop_back();
    } while (std::next_permutation(writes.begin(), writes.end()));
  }

  const Program& program_;
  std::set<std::string> seen_;
  std::set<std::string> found_;
};

std::string OrderName(std::memory_order order) {
  static const std::map<std::memory_order, std::string> names = {
      {std::memory_order_relaxed, "relaxed"},
      {std::memory_order_acquire, "acquire"},
      {std::memory_order_release, "release"},
      {std::memory_order_acq_rel, "acq_rel"},
      {std::memory_order_seq_cst, "seq_cst"}};
  return names.at(order);
}

}  // namespace

std::set<std::string> ConsistentExecutions(const Program& program) {
  return Enumerator(program).Run();
}

std::set<std::string> BufferedExecutions(const Program& program) {
  return Enumerator(program).RunBuffered();
}

std::string Print(const Program& program) {
  static const char* const kNames[] = {"load", "store", "exchange", "or",
                                       "CAS",  "fence", "light",    "heavy"};
  std::ostringstream out;
  for (const std::vector<Step>& thread : program) {
    out << "thread:";
    for (const Step& step : thread) {
      out << (step.if_odd ? " if odd " : " ") << kNames[static_cast<int>(step.op)];
      if (step.op != Op::kFence) out << " " << "xy"[step.location];
      if (step.op == Op::kCompare) out << " " << step.expected << "->";
      out << " " << step.value << " " << OrderName(step.order);
      if (step.op == Op::kCompare) out << "/" << OrderName(step.failure);
      out << ";";
    }
    out << "\n";
  }
  return out.str();
}

}  // namespace weft::model_testing

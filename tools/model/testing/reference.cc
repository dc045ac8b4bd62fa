#include "tools/model/testing/reference.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace weft::model_testing {
namespace {

using std::memory_order;

// An operation that was done. Thread -1: the initial value of a location.
struct Done {
  int thread = -1;
  int index = 0;
  Op op = Op::kStore;
  int location = -1;
  memory_order order = std::memory_order_relaxed;
  bool reads = false;
  bool writes = false;
  int read = 0;
  int written = 0;
  int source = -1;  // Index in the execution.
};

struct Matrix {
  explicit Matrix(std::size_t n) : cells(n, std::vector<char>(n, 0)) {}
  std::vector<char>& operator[](std::size_t i) { return cells[i]; }
  const std::vector<char>& operator[](std::size_t i) const { return cells[i]; }
  std::vector<std::vector<char>> cells;
};

// Calls f(i, j) for each pair of the numbers below n.
template <typename F>
void ForPairs(int n, F f) {
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j < n; ++j) f(i, j);
  }
}

void Close(Matrix& m) {
  const int n = static_cast<int>(m.cells.size());
  for (int k = 0; k < n; ++k) {
    ForPairs(n, [&](int i, int j) {
      if (m[i][k] && m[k][j]) m[i][j] = 1;
    });
  }
}

Matrix Composed(const Matrix& a, const Matrix& b) {
  const int n = static_cast<int>(a.cells.size());
  Matrix result(a.cells.size());
  for (int k = 0; k < n; ++k) {
    ForPairs(n, [&](int i, int j) {
      if (a[i][k] && b[k][j]) result[i][j] = 1;
    });
  }
  return result;
}

bool IsIrreflexive(const Matrix& m) {
  for (std::size_t i = 0; i < m.cells.size(); ++i) {
    if (m[i][i]) return false;
  }
  return true;
}

bool Acquires(memory_order order) {
  return order == std::memory_order_acquire || order == std::memory_order_acq_rel ||
         order == std::memory_order_seq_cst;
}
bool Releases(memory_order order) {
  return order == std::memory_order_release || order == std::memory_order_acq_rel ||
         order == std::memory_order_seq_cst;
}

// One candidate execution and whether the standard allows it.
class Candidate {
 public:
  // `modification[l]` lists the writes of location l, the initial one first.
  Candidate(const std::vector<Done>& events, const std::vector<std::vector<int>>& modification)
      : e_(events),
        n_(static_cast<int>(events.size())),
        sb_(n_),
        mo_(n_),
        sw_(n_),
        hb_(n_),
        cob_(n_) {
    for (const std::vector<int>& order : modification) {
      for (std::size_t i = 0; i < order.size(); ++i) {
        for (std::size_t j = i + 1; j < order.size(); ++j) mo_[order[i]][order[j]] = 1;
      }
    }
    ForPairs(n_, [&](int a, int b) {
      sb_[a][b] = e_[a].thread >= 0 && e_[a].thread == e_[b].thread && e_[a].index < e_[b].index;
    });
  }

  bool IsConsistent() {
    FindSynchronizesWith();
    FindHappensBefore();
    if (!IsIrreflexive(hb_)) return false;
    if (!ReadModifyWritesAreAtomic() || !IsCoherent()) return false;
    FindCoherenceOrderedBefore();
    return SingleTotalOrderExists() && BarrierOrderExists();
  }

 private:
  bool IsAtomic(int a) const { return e_[a].reads || e_[a].writes; }
  bool IsFence(int a) const { return e_[a].op == Op::kFence; }
  bool IsRmw(int a) const { return e_[a].reads && e_[a].writes; }

  // Whether write b belongs to the release sequence that a heads (or would head).
  bool InReleaseSequence(int a, int b) const {
    for (;; b = e_[b].source) {
      if (a == b) return true;
      if (!IsRmw(b)) return false;
    }
  }

  // [atomics.order] 2, [atomics.fences] 2 to 4.
  void FindSynchronizesWith() {
    // Each release side as (operation, head), each acquire side as (operation, read).
    std::vector<std::pair<int, int>> releases, acquires;
    for (int a = 0; a < n_; ++a) {
      if (e_[a].writes && Releases(e_[a].order)) releases.emplace_back(a, a);
      if (e_[a].reads && Acquires(e_[a].order)) acquires.emplace_back(a, a);
    }
    ForPairs(n_, [&](int a, int b) {
      if (!sb_[a][b]) return;
      if (IsFence(a) && Releases(e_[a].order) && e_[b].writes) releases.emplace_back(a, b);
      if (IsFence(b) && Acquires(e_[b].order) && e_[a].reads) acquires.emplace_back(b, a);
    });
    for (const auto& [release, head] : releases) {
      for (const auto& [acquire, read] : acquires) {
        if (release != acquire && InReleaseSequence(head, e_[read].source)) {
          sw_[release][acquire] = 1;
        }
      }
    }
  }

  // [intro.races]; the initial values precede everything (the threads are started behind them).
  void FindHappensBefore() {
    ForPairs(n_, [&](int a, int b) {
      hb_[a][b] = sb_[a][b] || sw_[a][b] || (e_[a].thread < 0 && e_[b].thread >= 0);
    });
    Close(hb_);
  }

  bool ReadModifyWritesAreAtomic() const {
    for (int a = 0; a < n_; ++a) {
      if (!IsRmw(a)) continue;
      if (!mo_[e_[a].source][a]) return false;
      for (int w = 0; w < n_; ++w) {
        if (mo_[e_[a].source][w] && mo_[w][a]) return false;
      }
    }
    return true;
  }

  // [intro.races] 14 to 17.
  bool IsCoherent() const {
    bool good = true;
    ForPairs(n_, [&](int a, int b) {
      if (!hb_[a][b] || !IsAtomic(a) || !IsAtomic(b) || e_[a].location != e_[b].location) return;
      const auto is_earlier = [&](int x, int y) { return x != y && !mo_[x][y]; };
      // Write-write.
      if (e_[a].writes && e_[b].writes && !mo_[a][b]) good = false;
      // Read-read: the later one reads the same or a later side effect.
      if (e_[a].reads && e_[b].reads && is_earlier(e_[a].source, e_[b].source)) good = false;
      // Read-write.
      if (e_[a].reads && e_[b].writes && !mo_[e_[a].source][b]) good = false;
      // Write-read.
      if (e_[a].writes && e_[b].reads && is_earlier(a, e_[b].source)) good = false;
    });
    return good;
  }

  // [atomics.order] 3.
  void FindCoherenceOrderedBefore() {
    ForPairs(n_, [&](int a, int b) {
      if (!IsAtomic(a) || !IsAtomic(b) || e_[a].location != e_[b].location) return;
      if (e_[a].writes && e_[b].reads && e_[b].source == a) cob_[a][b] = 1;
      if (e_[a].writes && e_[b].writes && mo_[a][b]) cob_[a][b] = 1;
      if (e_[a].reads && e_[b].writes && a != b && mo_[e_[a].source][b]) cob_[a][b] = 1;
    });
    for (bool changed = true; changed;) {
      changed = false;
      for (int x = 0; x < n_; ++x) {
        if (!e_[x].writes) continue;
        ForPairs(n_, [&](int a, int b) {
          if (cob_[a][x] && cob_[x][b] && !cob_[a][b]) changed = cob_[a][b] = 1;
        });
      }
    }
  }

  // [intro.races] 12.
  Matrix StronglyHappensBefore() const {
    Matrix shb = Composed(Composed(sb_, hb_), sb_);
    ForPairs(n_, [&](int a, int d) {
      if (sb_[a][d]) shb[a][d] = 1;
      if (sw_[a][d] && IsAtomic(a) && IsAtomic(d) && IsSeqCst(a) && IsSeqCst(d)) shb[a][d] = 1;
    });
    Close(shb);
    return shb;
  }

  bool IsSeqCst(int a) const { return e_[a].order == std::memory_order_seq_cst; }

  // [atomics.order] 4.
  bool SingleTotalOrderExists() const {
    const Matrix shb = StronglyHappensBefore();
    Matrix s(n_);
    ForPairs(n_, [&](int a, int b) {
      if (IsSeqCst(a) && IsSeqCst(b) && shb[a][b]) s[a][b] = 1;
      if (!cob_[a][b]) return;
      if (IsSeqCst(a) && IsSeqCst(b)) s[a][b] = 1;
      for (int x = 0; x < n_; ++x) {
        const bool is_fence = IsFence(x) && IsSeqCst(x);
        if (is_fence && IsSeqCst(a) && hb_[b][x]) s[a][x] = 1;
        if (is_fence && IsSeqCst(b) && hb_[x][a]) s[x][b] = 1;
        for (int y = 0; is_fence && y < n_; ++y) {
          if (IsFence(y) && IsSeqCst(y) && hb_[x][a] && hb_[b][y]) s[x][y] = 1;
        }
      }
    });
    Close(s);
    return IsIrreflexive(s);
  }

  // base/asymmetric_barrier.h, A1 to A3.
  bool BarrierOrderExists() const {
    const auto is_barrier = [&](int x) { return e_[x].op == Op::kLight || e_[x].op == Op::kHeavy; };
    Matrix s(n_);
    ForPairs(n_, [&](int x, int y) {
      if (!is_barrier(x) || !is_barrier(y)) return;
      if (hb_[x][y]) s[x][y] = 1;
      if (e_[x].op == Op::kLight && e_[y].op == Op::kLight) return;
      ForPairs(n_, [&](int a, int b) {
        if (cob_[a][b] && hb_[x][a] && hb_[b][y]) s[x][y] = 1;
      });
    });
    Close(s);
    return IsIrreflexive(s);
  }

  const std::vector<Done>& e_;
  const int n_;
  Matrix sb_, mo_, sw_, hb_, cob_;
};

// All runs of a program, in all interleavings, where a read reads any write that was done; then all
// modification orders.
class Enumerator {
 public:
  explicit Enumerator(const Program& program) : program_(program) {}

  std::set<std::string> Run() {
    std::vector<Done> events;
    for (int l = 0; l < kLocations; ++l) {
      Done initial;
      initial.location = l;
      initial.writes = true;
      events.push_back(initial);
    }
    Extend(events, std::vector<int>(program_.size(), 0));
    return found_;
  }

 private:
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
      if (!Candidate(events, orders).IsConsistent()) return;
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

std::string OrderName(memory_order order) {
  static const std::map<memory_order, std::string> names = {{std::memory_order_relaxed, "relaxed"},
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

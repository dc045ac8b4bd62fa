#include "tools/model/testing/axioms.h"

#include <cstddef>
#include <utility>
#include <vector>

namespace weft::model_testing {
namespace {

using std::memory_order;

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
          if (!cob_[a][x] || !cob_[x][b] || cob_[a][b]) return;
          cob_[a][b] = 1;
          changed = true;
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

}  // namespace

bool IsConsistent(const std::vector<Done>& events,
                  const std::vector<std::vector<int>>& modification) {
  return Candidate(events, modification).IsConsistent();
}

}  // namespace weft::model_testing

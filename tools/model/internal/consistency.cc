#include "tools/model/internal/consistency.h"

#include <array>
#include <cstdint>
#include <vector>

namespace weft::model_internal {
namespace {

// Which operations a total order is about.
enum class Subject { kSeqCst, kBarriers };

// What a check needs, kept from one to the next so that none allocates.
struct Node {
  int first;  // Index in its thread; a read-modify-write has two.
  int last;
  int number;
  bool is_fence;
  bool is_heavy;
};

struct Edge {
  int to;
  int next;  // The next edge of the same source, or -1.
};

struct Scratch {
  std::vector<Node> nodes;
  std::array<std::vector<int>, kMaxThreads> by_thread;  // Places in `nodes`.
  std::vector<int> numbers;                             // Event -> vertex, or -1.
  std::vector<int> edges_of;                            // Vertex -> its first edge, or -1.
  std::vector<Edge> edges;
  std::vector<int> degrees;
  std::vector<int> ready;
  std::array<std::vector<int>, 2> links;  // Location -> vertex of step 0.

  void Clear() {
    nodes.clear();
    for (std::vector<int>& thread : by_thread) thread.clear();
    edges_of.clear();
    edges.clear();
    degrees.clear();
    ready.clear();
    for (std::vector<int>& link : links) link.clear();
  }
};

// A constraint graph: one node for each operation of the subject, and for each atomic a chain of
// links, one for each step of its coherence order, so that "everything before step k precedes
// everything from step k on" takes a linear number of edges.
class OrderCheck {
 public:
  OrderCheck(const Graph& graph, Subject subject, Scratch* scratch)
      : graph_(graph), subject_(subject), s_(*scratch) {
    s_.Clear();
  }

  bool Exists() {
    CollectNodes();
    if (s_.nodes.size() < 2) return true;
    AddProgramOrder();
    for (LocationId l = 0; l < graph_.location_count(); ++l) s_.links[0].push_back(AddLinks(l));
    if (subject_ == Subject::kBarriers) {
      for (LocationId l = 0; l < graph_.location_count(); ++l) s_.links[1].push_back(AddLinks(l));
    }
    for (EventId id = 0; id < graph_.size(); ++id) {
      // A read-modify-write is one operation; its writing half stands for it.
      const Event& e = graph_[id];
      if (IsAccess(e) && !(e.kind == Kind::kRead && e.updates)) AddAccess(id);
    }
    return IsAcyclic();
  }

 private:
  int NewVertex() {
    s_.edges_of.push_back(-1);
    s_.degrees.push_back(0);
    return static_cast<int>(s_.edges_of.size()) - 1;
  }
  void AddEdge(int from, int to) {
    s_.edges.push_back({to, s_.edges_of[from]});
    s_.edges_of[from] = static_cast<int>(s_.edges.size()) - 1;
    ++s_.degrees[to];
  }

  bool IsSubject(const Event& e) const {
    if (subject_ == Subject::kBarriers) return e.kind == Kind::kLight || e.kind == Kind::kHeavy;
    if (e.kind == Kind::kFence) return e.order == std::memory_order::seq_cst;
    return IsAccess(e) && EffectiveOrder(e) == std::memory_order::seq_cst;
  }

  void CollectNodes() {
    s_.numbers.assign(graph_.size(), -1);
    for (int t = 0; t < kMaxThreads; ++t) {
      for (int i = 0; i < graph_.count(t); ++i) {
        const EventId id = graph_.At(t, i);
        const Event& e = graph_[id];
        if (!IsSubject(e) || (e.kind == Kind::kRead && e.updates)) continue;
        const bool is_update = e.kind == Kind::kWrite && e.updates;
        s_.numbers[id] = NewVertex();
        s_.by_thread[t].push_back(static_cast<int>(s_.nodes.size()));
        s_.nodes.push_back(
            {is_update ? i - 1 : i, i, s_.numbers[id], !IsAccess(e), e.kind == Kind::kHeavy});
      }
    }
  }

  // The last node of thread t that ends before `index`; of fences alone if `fences`.
  const Node* Before(int t, int index, bool fences) const {
    const Node* found = nullptr;
    for (int n : s_.by_thread[t]) {
      if (s_.nodes[n].last >= index) break;
      if (!fences || s_.nodes[n].is_fence) found = &s_.nodes[n];
    }
    return found;
  }

  // "Strongly happens before" between nodes: program order, and what happens before something that
  // stands before the later node in its thread, if there is something between at both ends. (What
  // synchronises without that is coherence-ordered as well.) Barriers: happens before.
  void AddProgramOrder() {
    for (int t = 0; t < kMaxThreads; ++t) {
      const Node* last = nullptr;
      for (int n : s_.by_thread[t]) {
        const Node& node = s_.nodes[n];
        if (last != nullptr) AddEdge(last->number, node.number);
        last = &node;
        const bool strong = subject_ == Subject::kSeqCst;
        if (strong && node.first == 0) continue;
        const Clock& clock = graph_.EventAt(t, strong ? node.first - 1 : node.first).before;
        for (int u = 0; u < kMaxThreads; ++u) {
          if (u == t) continue;
          const Node* other = Before(u, strong ? clock.at[u] - 1 : clock.at[u], false);
          if (other != nullptr) AddEdge(other->number, node.number);
        }
      }
    }
  }

  // A chain of links for the steps 1 ... 2 * writes + 2 of the coherence order.
  int AddLinks(LocationId location) {
    const int first = NewVertex();
    for (int i = 1; i < 2 * graph_.location(location).writes + 3; ++i) {
      const int link = NewVertex();
      AddEdge(link - 1, link);
    }
    return first;
  }

  // Step of an access in the coherence order: an access is coherence-ordered before another one of
  // its atomic exactly if its step is the smaller one.
  int StepOf(const Event& e) const {
    return 2 * graph_.PositionSeen(e) + (e.kind == Kind::kRead ? 1 : 0);
  }

  void AddAccess(EventId id) {
    const Event& e = graph_[id];
    const int step = StepOf(e);
    // Sources: what precedes everything that is coherence-ordered after e.
    if (s_.numbers[id] >= 0) {
      AddEdge(s_.numbers[id], s_.links[0][e.location] + step + 1);
      AddEdge(s_.links[0][e.location] + step, s_.numbers[id]);
    }
    for (int t = 0; t < kMaxThreads; ++t) {
      if (s_.by_thread[t].empty()) continue;
      AddSourceFences(e, t, step);
      AddTargetFences(e, t, step);
    }
  }

  // The last fence of thread t that happens before e stands for those before it.
  void AddSourceFences(const Event& e, int t, int step) {
    const Node* fence = Before(t, e.before.at[t], true);
    if (fence == nullptr) return;
    AddEdge(fence->number, s_.links[0][e.location] + step + 1);
    if (subject_ != Subject::kBarriers) return;
    // Chain 1 is fed by heavy barriers only; light ones take from it alone.
    const Node* heavy = nullptr;
    for (int n : s_.by_thread[t]) {
      if (s_.nodes[n].last < e.before.at[t] && s_.nodes[n].is_heavy) heavy = &s_.nodes[n];
    }
    if (heavy != nullptr) AddEdge(heavy->number, s_.links[1][e.location] + step + 1);
  }

  // The first fence of thread t that e happens before stands for those after it.
  void AddTargetFences(const Event& e, int t, int step) {
    bool light_done = false;
    for (int n : s_.by_thread[t]) {
      const Node& node = s_.nodes[n];
      if (!node.is_fence) continue;
      if (graph_.EventAt(t, node.first).before.at[e.thread] <= e.index) continue;
      const bool from_all = subject_ == Subject::kSeqCst || node.is_heavy;
      if (!from_all && light_done) continue;
      AddEdge(s_.links[from_all ? 0 : 1][e.location] + step, node.number);
      if (from_all) return;
      light_done = true;
    }
  }

  bool IsAcyclic() {
    // Kahn: take away what has no predecessor until nothing is left.
    const std::size_t count = s_.edges_of.size();
    for (std::size_t v = 0; v < count; ++v) {
      if (s_.degrees[v] == 0) s_.ready.push_back(static_cast<int>(v));
    }
    std::size_t done = 0;
    while (!s_.ready.empty()) {
      const int v = s_.ready.back();
      s_.ready.pop_back();
      ++done;
      for (int e = s_.edges_of[v]; e >= 0; e = s_.edges[e].next) {
        if (--s_.degrees[s_.edges[e].to] == 0) s_.ready.push_back(s_.edges[e].to);
      }
    }
    return done == count;
  }

  const Graph& graph_;
  const Subject subject_;
  Scratch& s_;
};

}  // namespace

bool OrdersExist(const Graph& graph) {
  static Scratch scratch;
  if (graph.seq_cst_count() >= 2 && !OrderCheck(graph, Subject::kSeqCst, &scratch).Exists()) {
    return false;
  }
  return graph.barrier_count() < 2 || OrderCheck(graph, Subject::kBarriers, &scratch).Exists();
}

}  // namespace weft::model_internal

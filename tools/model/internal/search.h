// tools/model/internal/search.h — which execution graphs there are, each once.
//
// Method: TruSt [Kokologiannakis2022]. A graph grows by the next event of the first thread that can
// run. A read tries every write that is there; a write tries every place in modification order, and
// every read that is there already and does not lead to it ("backward revisit": the read is given
// the new write, and what was added since then and does not lead to the write is taken out and
// grows again). A revisit is done only if what is taken out had been added in the one canonical way
// (latest writes, first choices), so that no graph is reached twice.
//
// The graph that is being run always takes the canonical way; the others wait on a stack.
#ifndef WEFT_TOOLS_MODEL_INTERNAL_SEARCH_H_
#define WEFT_TOOLS_MODEL_INTERNAL_SEARCH_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "tools/model/internal/graph.h"

namespace weft::model_internal {

class Search {
 public:
  explicit Search(int spurious_failures) : spurious_failures_(spurious_failures) {
    stack_.push_back(NewGraph());
  }

  // Puts the graphs on the stack that begin with these stores, in each modification order.
  void Promise(const std::vector<Event>& stores);

  // The next graph to run; false if there is none.
  bool Next();

  const Graph& graph() const { return *graph_; }

  // An atomic was made. Its number stands for the same one in all graphs.
  void SetInitial(LocationId location, uint64_t value);

  // Each adds an event to the graph (kNone if, because of a promise, it cannot be there), leaves
  // its other ways on the stack and returns it. AddRead adds the write that belongs to a read-
  // modify-write as well.
  EventId AddRead(const Event& e);
  EventId AddWrite(const Event& e);
  EventId AddChoice(const Event& e);  // e.expected: the number of choices
  EventId AddSynchronized(const Event& e, EventId from);
  EventId Add(const Event& e) { return graph_->Append(e); }
  bool Fulfil(EventId promise) { return graph_->Fulfil(promise) && IsConsistent(); }

  // Add an event in one given way and no other, as a schedule says. A write stands at `place` in
  // the modification order in the end; false if the read cannot read that write.
  bool AddGivenRead(const Event& e, EventId source, bool is_spurious);
  void AddGivenWrite(const Event& e, uint64_t place);
  void AddGivenPromise(const Event& e, uint64_t place);
  EventId AddGivenChoice(const Event& e, uint64_t value);

  bool IsConsistent() const;

  // The write that is last in the modification order, or kInitial.
  EventId LastWrite(LocationId location) { return graph_->order_of(location).last; }

 private:
  using GraphPointer = std::unique_ptr<Graph>;

  GraphPointer NewGraph();
  GraphPointer Copy(const Graph& graph);
  void Push(GraphPointer graph);
  void PushPromises(const Graph& graph, const std::vector<Event>& stores, std::size_t done);
  // Puts the graph on the stack if it is consistent, else gives it back.
  void PushIfConsistent(GraphPointer graph);
  void GiveBack(GraphPointer graph) { pool_.push_back(std::move(graph)); }

  uint64_t ValueOf(LocationId location, EventId write, const Graph& graph) const {
    return write == kInitial ? initial_[location] : graph[write].value;
  }
  // Whether the next access `e` of its thread finds a write to read or to stand behind: what its
  // thread has promised must stay behind it. If not, the event must not come into the graph, which
  // the other threads go on with.
  bool HasPlace(const Event& e);
  // Whether the read changes the location if it reads `value`.
  static bool Updates(const Event& read, uint64_t value);
  bool MayFailSpuriously(const Graph& graph, const Event& read) const;
  // The writing half of a read that updates.
  static Event UpdateOf(const Event& read);

  // Lets the last event of a thread read `write`, in all ways, and pushes what comes of it.
  void PushRead(GraphPointer graph, EventId read, EventId write);
  void PushSpurious(const Graph& graph, EventId read, EventId write);
  void PushUpdate(GraphPointer graph, EventId read);
  // Pushes the graphs in which an earlier read reads `write`, the last event, which has no place in
  // modification order yet.
  void PushRevisits(const Graph& graph, EventId write);
  void PushRevisit(const Graph& graph, EventId write, EventId read);
  // In `graph`, gives the write each place and lets the read read it.
  void PushPlacesAndRead(const Graph& graph, EventId write, EventId read);
  void PushPlaced(const Graph& graph, EventId write, EventId after, EventId read);

  // Whether all that a revisit of `read` by `write` would take out was added canonically.
  static bool MayRevisit(const Graph& graph, EventId write, EventId read);
  static bool IsCanonical(const Graph& graph, EventId id, const Clock& prefix);
  static bool IsLatest(const Graph& graph, EventId write, LocationId location, EventId id,
                       const Clock& prefix);

  const int spurious_failures_;
  GraphPointer graph_;
  std::vector<GraphPointer> stack_;
  std::vector<GraphPointer> pool_;
  std::vector<uint64_t> initial_;
  std::vector<uint64_t> places_;  // AddGivenWrite(): of each event.
  std::vector<char> keep_;
  std::vector<EventId> new_ids_;
};

}  // namespace weft::model_internal

#endif  // WEFT_TOOLS_MODEL_INTERNAL_SEARCH_H_

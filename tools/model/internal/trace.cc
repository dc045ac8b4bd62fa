#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "tools/model/internal/explorer.h"
#include "tools/model/internal/place.h"

namespace weft::model_internal {
namespace {

// Of a long trace the middle is left out.
constexpr std::size_t kFirstLines = 40;
constexpr std::size_t kLastLines = 60;
// More of them explain less.
constexpr int kMissedWrites = 3;

std::string EventName(const Graph& graph, EventId id) {
  if (id == kInitial) return "its initial value";
  const Event& e = graph[id];
  return std::to_string(e.thread) + "." + std::to_string(e.index);
}

std::string Describe(const Graph& graph, const Event& e) {
  const std::string order(Name(EffectiveOrder(e)));
  const std::string value = std::to_string(static_cast<int64_t>(e.value));
  const std::string atomic = "#" + std::to_string(e.location);
  switch (e.kind) {
    case Kind::kRead: {
      std::string what = e.change == Change::kNothing ? "load " : "read-modify-write ";
      if (e.change == Change::kCompare) what = e.updates ? "CAS " : "failed CAS ";
      if (e.spurious) what = "spuriously failed CAS ";
      return what + atomic + " " + order + " reads " + value + " from " +
             EventName(graph, e.source);
    }
    case Kind::kWrite:
      return (e.updates ? "  writes " : "store ") + atomic + " " + order + " := " + value +
             ", modification " + std::to_string(e.position);
    case Kind::kFence:
      return "fence " + order;
    case Kind::kLight:
      return "light barrier";
    case Kind::kHeavy:
      return "heavy barrier";
    case Kind::kSpawn:
      return "starts thread " + value;
    case Kind::kStart:
      return "begins";
    case Kind::kEnd:
      return "ends";
    case Kind::kJoin:
      return "joined thread " + value;
    case Kind::kChoice:
      return "chooses " + value + " of " + std::to_string(e.expected);
    case Kind::kPause:
      return "pauses";
  }
  return "?";
}

}  // namespace

std::string TraceOf(const Graph& graph, const std::vector<EventId>& history,
                    const std::vector<PlaceId>& made) {
  std::string text;
  for (std::size_t i = 0; i < history.size(); ++i) {
    if (history.size() > kFirstLines + kLastLines && i == kFirstLines) {
      i = history.size() - kLastLines;
      text += "... (" + std::to_string(i - kFirstLines) + " more)\n";
    }
    const EventId id = history[i];
    const Event& e = graph[id];
    std::string line = EventName(graph, id);
    line.resize(std::max<std::size_t>(line.size() + 1, 6), ' ');
    line += std::string(4 * e.thread, ' ') + Describe(graph, e);
    if (e.place != 0) {
      line.resize(std::max<std::size_t>(line.size() + 2, 64), ' ');
      line += Name(PlaceAt(e.place));
    }
    text += line + "\n";
  }
  std::set<LocationId> atomics;
  for (EventId id : history) {
    if (IsAccess(graph[id])) atomics.insert(graph[id].location);
  }
  for (LocationId location : atomics) {
    text += "#" + std::to_string(location) + ": " +
            (made[location] == 0 ? "a futex's own" : Name(PlaceAt(made[location]))) + "\n";
  }
  return text;
}

std::string MissedWrites(const Graph& graph, const std::vector<EventId>& history) {
  std::string text;
  std::set<EventId> above;
  int lines = 0;
  for (EventId id : history) {
    const Event& e = graph[id];
    if (e.kind == Kind::kRead && lines < kMissedWrites) {
      const EventId missed = graph.NextWrite(e.location, e.source);
      if (above.count(missed) != 0) {
        text += "because " + EventName(graph, id) + " reads from " + EventName(graph, e.source) +
                " and misses " + EventName(graph, missed) + ", which does not happen before it\n";
        ++lines;
      }
    }
    above.insert(id);
  }
  return text;
}

std::string MissingEdge(const Graph& graph, const std::vector<EventId>& history, const Clock& now,
                        int other, uint16_t epoch) {
  for (EventId id : history) {
    const Event& e = graph[id];
    if (e.kind != Kind::kRead || e.source == kInitial || !Graph::IsIn(e, now)) continue;
    if (graph[e.source].before.at[other] < epoch || e.before.at[other] >= epoch) continue;
    return "because " + EventName(graph, id) + " reads from " + EventName(graph, e.source) +
           ", which comes behind that, and does not synchronise with it\n";
  }
  return "because nothing was read that comes behind it in thread " + std::to_string(other) + "\n";
}

}  // namespace weft::model_internal

#include "tools/model/testing/explored.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tools/model/internal/explorer.h"
#include "tools/model/model.h"

namespace weft::model_testing {
namespace {

using model_internal::Event;
using model_internal::EventId;
using model_internal::Graph;
using model_internal::Kind;
using model_internal::kInitial;
using model_internal::LocationId;

// Does the steps of one thread.
void RunThread(const std::vector<Step>& steps, model::Atomic<uint8_t>* atomics) {
  int last_read = 0;
  for (const Step& step : steps) {
    if (step.if_odd && last_read % 2 == 0) continue;
    model::Atomic<uint8_t>& atomic = atomics[step.location];
    const auto value = static_cast<uint8_t>(step.value);
    switch (step.op) {
      case Op::kLoad:
        last_read = atomic.load(step.order);
        break;
      case Op::kStore:
        atomic.store(value, step.order);
        break;
      case Op::kExchange:
        last_read = atomic.exchange(value, step.order);
        break;
      case Op::kOr:
        last_read = atomic.fetch_or(value, step.order);
        break;
      case Op::kCompare: {
        auto found = static_cast<uint8_t>(step.expected);
        atomic.compare_exchange_strong(found, value, step.order, step.failure);
        last_read = found;
        break;
      }
      case Op::kFence:
        model::Atomics::Fence(step.order);
        break;
      case Op::kLight:
        model::Atomics::LightBarrier();
        break;
      case Op::kHeavy:
        model::Atomics::HeavyBarrier();
        break;
    }
  }
}

bool IsStep(const Event& e) {
  return (e.kind == Kind::kRead) || (e.kind == Kind::kWrite && !e.updates) ||
         e.kind == Kind::kFence || e.kind == Kind::kLight || e.kind == Kind::kHeavy;
}

// Thread and number of the operation that an event belongs to, as the reference names it.
std::string NameOf(const Graph& graph, EventId id) {
  if (id == kInitial) return "i";
  const Event& e = graph[id];
  int index = -1;
  for (int i = 0; i <= e.index; ++i) index += IsStep(graph.EventAt(e.thread, i)) ? 1 : 0;
  return std::to_string(e.thread) + "." + std::to_string(index);
}

std::string OutcomeOf(const Graph& graph, std::size_t threads) {
  std::string text;
  for (int t = 1; t <= static_cast<int>(threads); ++t) {
    for (int i = 0; i < graph.count(t); ++i) {
      const Event& e = graph.EventAt(t, i);
      if (e.kind == Kind::kRead) text += (text.empty() ? "" : " ") + std::to_string(e.value);
    }
  }
  return text;
}

std::string FinalValuesOf(const Graph& graph) {
  std::string text;
  for (LocationId l = 0; l < kLocations; ++l) {
    const EventId last = l < graph.location_count() ? graph.location(l).last : kInitial;
    text += (text.empty() ? "" : " ") + std::to_string(last == kInitial ? 0 : graph[last].value);
  }
  return text;
}

std::string Signature(const Graph& graph, std::size_t threads) {
  std::string text;
  for (int t = 1; t <= static_cast<int>(threads); ++t) {
    text += std::to_string(t) + ":";
    for (int i = 0; i < graph.count(t); ++i) {
      const Event& e = graph.EventAt(t, i);
      if (!IsStep(e)) continue;
      text += (e.kind == Kind::kRead ? NameOf(graph, e.source) : "-") + ",";
    }
    text += ";";
  }
  for (LocationId l = 0; l < kLocations; ++l) {
    text += " i>";
    if (l >= graph.location_count()) continue;
    for (EventId w = graph.location(l).first; w != model_internal::kNone; w = graph[w].next_write) {
      text += NameOf(graph, w) + ">";
    }
  }
  return text;
}

}  // namespace

Explored ExploreProgram(const Program& program, int load_buffering) {
  Explored found;
  model_internal::ExploreOptions options;
  options.max_executions = 1'000'000;
  options.max_events = 100;
  options.load_buffering = load_buffering;
  options.on_complete = [&](const Graph& graph) {
    ++found.count;
    ++found.executions[Signature(graph, program.size())];
    found.outcomes.insert(OutcomeOf(graph, program.size()));
    found.final_values.insert(FinalValuesOf(graph));
  };
  const std::function<void()> scenario = [&program] {
    model::Atomic<uint8_t> atomics[kLocations];
    std::vector<std::unique_ptr<model::Thread>> threads;
    for (const std::vector<Step>& steps : program) {
      threads.push_back(
          std::make_unique<model::Thread>([&steps, &atomics] { RunThread(steps, atomics); }));
    }
    for (auto& thread : threads) thread->Join();
  };
  model_internal::Explorer explorer(options, scenario);
  const model_internal::Exploration result = explorer.Explore();
  found.failure = result.failure + result.trace;
  return found;
}

}  // namespace weft::model_testing

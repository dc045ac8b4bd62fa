#include "tools/model/internal/schedule.h"

#include <charconv>
#include <system_error>

namespace weft::model_internal {
namespace {

using What = ScheduledEvent::What;

What WhatOf(const Event& e) {
  switch (e.kind) {
    case Kind::kRead:
      return e.spurious ? What::kSpurious : What::kRead;
    case Kind::kWrite:
      return What::kWrite;
    case Kind::kChoice:
      return What::kChoice;
    case Kind::kPause:
      return What::kPause;
    default:
      return What::kOther;
  }
}

// Takes a number off the front of `text`.
template <typename Number>
bool TakeNumber(std::string_view* text, Number* number) {
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), *number);
  if (error != std::errc()) return false;
  text->remove_prefix(static_cast<std::size_t>(end - text->data()));
  return true;
}

bool TakeChar(std::string_view* text, char c) {
  if (text->empty() || text->front() != c) return false;
  text->remove_prefix(1);
  return true;
}

bool TakeArguments(std::string_view* text, ScheduledEvent* event) {
  switch (event->what) {
    case What::kRead:
    case What::kSpurious:
      if (TakeChar(text, 'i')) return true;
      return TakeNumber(text, &event->source_thread) && TakeChar(text, '.') &&
             TakeNumber(text, &event->source_index);
    case What::kWrite:
    case What::kChoice:
      return TakeNumber(text, &event->number);
    case What::kPromise:
      return TakeNumber(text, &event->source_index) && TakeChar(text, '.') &&
             TakeNumber(text, &event->source_thread) && TakeChar(text, '.') &&
             TakeNumber(text, &event->number) && TakeChar(text, '=') &&
             TakeNumber(text, &event->value) && TakeChar(text, '@') &&
             TakeNumber(text, &event->place);
    case What::kPause:
    case What::kOther:
      return true;
  }
  return false;
}

}  // namespace

std::string Print(const Graph& graph, const std::vector<EventId>& history) {
  std::string text;
  for (EventId id : history) {
    const Event& e = graph[id];
    if (e.kind == Kind::kWrite && e.updates) continue;  // Goes with its read.
    const What what = WhatOf(e);
    if (!text.empty()) text += ' ';
    text += std::to_string(e.thread) + static_cast<char>(what);
    if (e.kind == Kind::kRead) {
      text += e.source == kInitial ? "i"
                                   : std::to_string(graph[e.source].thread) + "." +
                                         std::to_string(graph[e.source].index);
    } else if (e.kind == Kind::kWrite) {
      text += std::to_string(e.position);
    } else if (e.kind == Kind::kChoice) {
      text += std::to_string(e.value);
    }
  }
  return text;
}

std::string Print(const ScheduledEvent& promise) {
  return std::to_string(promise.thread) + static_cast<char>(promise.what) +
         std::to_string(promise.source_index) + "." + std::to_string(promise.source_thread) + "." +
         std::to_string(promise.number) + "=" + std::to_string(promise.value) + "@" +
         std::to_string(promise.place);
}

std::optional<Schedule> Parse(std::string_view text) {
  Schedule schedule;
  while (!text.empty()) {
    ScheduledEvent event;
    if (!TakeNumber(&text, &event.thread) || text.empty()) return std::nullopt;
    event.what = static_cast<What>(text.front());
    text.remove_prefix(1);
    if (!TakeArguments(&text, &event)) return std::nullopt;
    if (event.thread < 0 || event.thread >= kMaxThreads || event.source_thread >= kMaxThreads) {
      return std::nullopt;
    }
    schedule.push_back(event);
    if (!text.empty() && !TakeChar(&text, ' ')) return std::nullopt;
  }
  return schedule;
}

}  // namespace weft::model_internal

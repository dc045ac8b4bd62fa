// Mutants of the code under test and which scenario catches each.

#include <algorithm>
#include <atomic>
#include <cstring>
#include <iomanip>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tools/model/internal/place.h"
#include "tools/model/model.h"

namespace weft::model {
namespace {

using model_internal::Call;
using model_internal::current_mutation;
using model_internal::Mutation;
using model_internal::Place;
using model_internal::PlaceAt;
using model_internal::PlaceId;
using std::memory_order;

struct Candidate {
  Mutant mutant;
  Mutation mutation;
  std::string function;
};

// The orders one step weaker, for a call that may have acquire, release or both sides.
std::vector<memory_order> Weaker(memory_order order, bool reads, bool writes) {
  constexpr memory_order kRelaxed = std::memory_order::relaxed;
  constexpr memory_order kAcquire = std::memory_order::acquire;
  constexpr memory_order kRelease = std::memory_order::release;
  constexpr memory_order kBoth = std::memory_order::acq_rel;
  switch (order) {
    case std::memory_order::seq_cst:
      return {reads && writes ? kBoth : reads ? kAcquire : kRelease};
    case std::memory_order::acq_rel:
      return {kAcquire, kRelease};
    case std::memory_order::consume:
    case std::memory_order::acquire:
    case std::memory_order::release:
      return {kRelaxed};
    case std::memory_order::relaxed:
      break;
  }
  return {};
}

const char* Noun(Call call) {
  switch (call) {
    case Call::kLoad:
      return "load";
    case Call::kStore:
      return "store";
    case Call::kUpdate:
      return "read-modify-write";
    case Call::kCompare:
      return "CAS";
    case Call::kFence:
      return "fence";
    case Call::kLight:
      return "light barrier";
    case Call::kHeavy:
      return "heavy barrier";
    case Call::kRecheck:
      return "re-check";
    case Call::kOther:
      break;
  }
  return "";
}

std::string FileOf(const Place& place) {
  const char* slash = std::strrchr(place.file, '/');
  return slash != nullptr ? slash + 1 : place.file;
}

bool IsWanted(const Place& place, const std::vector<std::string>& files) {
  if (place.call == Call::kOther) return false;
  const std::string path = place.file;
  if (files.empty()) return path.find("_test.") == std::string::npos;
  return std::any_of(files.begin(), files.end(), [&path](const std::string& part) {
    return path.find(part) != std::string::npos;
  });
}

void AddCandidate(PlaceId id, Mutation::What what, memory_order order, const std::string& change,
                  std::vector<Candidate>* all) {
  const Place& place = PlaceAt(id);
  Candidate candidate;
  candidate.mutation = {what, id, order};
  candidate.function = FileOf(place) + ":" + place.function;
  candidate.mutant.place = Name(place);
  candidate.mutant.change = change;
  candidate.mutant.name = candidate.function + ":" + change;
  all->push_back(candidate);
}

std::string Arrow(const std::string& noun, memory_order from, memory_order to) {
  std::ostringstream text;
  text << noun << " " << model_internal::Name(from) << " -> " << model_internal::Name(to);
  return text.str();
}

void AddCandidates(PlaceId id, std::vector<Candidate>* all) {
  const Place& place = PlaceAt(id);
  const std::string noun = Noun(place.call);
  const bool reads = place.call != Call::kStore;
  const bool writes = place.call != Call::kLoad;
  for (memory_order order : Weaker(place.order, reads, writes)) {
    if (place.call == Call::kFence && order == std::memory_order::relaxed) continue;
    AddCandidate(id, Mutation::What::kOrder, order, Arrow(noun, place.order, order), all);
  }
  if (place.call == Call::kCompare) {
    for (memory_order order : Weaker(place.failure_order, true, false)) {
      AddCandidate(id, Mutation::What::kFailureOrder, order,
                   Arrow("CAS failure", place.failure_order, order), all);
    }
  }
  if (place.call == Call::kRecheck) {
    AddCandidate(id, Mutation::What::kLeftOut, {}, "re-check answers false", all);
  } else if (place.call == Call::kFence || place.call == Call::kLight ||
             place.call == Call::kHeavy) {
    AddCandidate(id, Mutation::What::kLeftOut, {}, noun + " left out", all);
  }
}

std::vector<Candidate> CandidatesOf(const std::set<PlaceId>& places) {
  std::vector<PlaceId> sorted(places.begin(), places.end());
  std::sort(sorted.begin(), sorted.end(), [](PlaceId a, PlaceId b) {
    const Place& x = PlaceAt(a);
    const Place& y = PlaceAt(b);
    return std::tuple(std::string(x.file), x.line, x.column) <
           std::tuple(std::string(y.file), y.line, y.column);
  });
  std::vector<Candidate> all;
  for (PlaceId id : sorted) AddCandidates(id, &all);
  std::map<std::string, int> count;
  for (Candidate& candidate : all) {
    const int number = ++count[candidate.mutant.name];
    if (number > 1) candidate.mutant.name += " #" + std::to_string(number);
  }
  return all;
}

// A scenario with what its exploration of the unchanged code has shown.
struct Known {
  const Scenario* scenario;
  uint64_t executions;
  std::set<PlaceId> places;
};

std::set<PlaceId> PassedPlaces(const std::vector<std::string>& files) {
  std::set<PlaceId> places;
  for (int id = 0; id < model_internal::PlaceCount(); ++id) {
    const Place& place = PlaceAt(static_cast<PlaceId>(id));
    if (place.passed && IsWanted(place, files)) places.insert(static_cast<PlaceId>(id));
  }
  return places;
}

// Scenarios that pass the place, the one that caught the function's last mutant first.
void TryScenarios(const std::vector<Known>& scenarios, Candidate* candidate,
                  std::map<std::string, const Scenario*>* last_catch) {
  std::vector<const Known*> order;
  for (const Known& known : scenarios) {
    if (known.places.count(candidate->mutation.place) != 0) order.push_back(&known);
  }
  const Scenario*& favourite = (*last_catch)[candidate->function];
  const auto found = std::find_if(order.begin(), order.end(), [favourite](const Known* known) {
    return known->scenario == favourite;
  });
  if (found != order.end()) std::rotate(order.begin(), found, found + 1);
  for (const Known* known : order) {
    current_mutation = candidate->mutation;
    const Result result = Explore(known->scenario->options, known->scenario->body);
    current_mutation = Mutation();
    candidate->mutant.executions += result.executions + result.blocked;
    if (result.verdict != Verdict::kFailed) continue;
    favourite = known->scenario;
    candidate->mutant.caught_by = known->scenario->name;
    candidate->mutant.failure = result.failure;
    return;
  }
}

}  // namespace

MutantReport RunMutants(const MutantOptions& options, const std::vector<Scenario>& scenarios) {
  MutantReport report;
  std::vector<Known> known;
  std::set<PlaceId> places;
  for (const Scenario& scenario : scenarios) {
    model_internal::ForgetPasses();
    const Result result = Explore(scenario.options, scenario.body);
    if (!result.ok()) {
      std::ostringstream text;
      text << "the unchanged code in scenario '" << scenario.name << "': " << result << "\n";
      report.failure += text.str();
      continue;
    }
    known.push_back({&scenario, result.executions + result.blocked, PassedPlaces(options.files)});
    places.insert(known.back().places.begin(), known.back().places.end());
  }
  if (!report.failure.empty()) return report;
  std::sort(known.begin(), known.end(),
            [](const Known& a, const Known& b) { return a.executions < b.executions; });
  std::map<std::string, const Scenario*> last_catch;
  std::map<std::string, std::string> unused = options.equivalent;
  for (Candidate& candidate : CandidatesOf(places)) {
    TryScenarios(known, &candidate, &last_catch);
    const Mutant& mutant = candidate.mutant;
    const bool is_listed = unused.erase(mutant.name) != 0;
    if (mutant.caught_by.empty() && !is_listed) {
      report.failure += "survives: " + mutant.name + " (" + mutant.place + ")\n";
    } else if (!mutant.caught_by.empty() && is_listed) {
      report.failure +=
          "listed as equivalent, but '" + mutant.caught_by + "' catches it: " + mutant.name + "\n";
    }
    report.mutants.push_back(mutant);
  }
  for (const auto& [name, reason] : unused) {
    report.failure += "listed as equivalent, but there is no such mutant: " + name + "\n";
  }
  if (report.mutants.empty()) {
    report.failure +=
        "no mutant: no scenario passes an order, fence, barrier or re-check of the "
        "files in question\n";
  }
  return report;
}

std::ostream& operator<<(std::ostream& out, const MutantReport& report) {
  std::size_t place = 5;
  std::size_t change = 6;
  std::size_t caught = 9;
  for (const Mutant& mutant : report.mutants) {
    place = std::max(place, mutant.place.size());
    change = std::max(change, mutant.change.size());
    caught = std::max(caught, mutant.caught_by.size());
  }
  const auto row = [&](const std::string& a, const std::string& b, const std::string& c,
                       const std::string& d) {
    out << std::left << std::setw(static_cast<int>(place)) << a << " | "
        << std::setw(static_cast<int>(change)) << b << " | " << std::setw(static_cast<int>(caught))
        << c << " | " << std::right << d << "\n";
  };
  row("place", "mutant", "caught by", "executions");
  for (const Mutant& mutant : report.mutants) {
    row(mutant.place, mutant.change, mutant.caught_by.empty() ? "-" : mutant.caught_by,
        std::to_string(mutant.executions));
  }
  const auto survivors =
      std::count_if(report.mutants.begin(), report.mutants.end(),
                    [](const Mutant& mutant) { return mutant.caught_by.empty(); });
  out << report.mutants.size() << " mutants, " << survivors << " not caught\n";
  return out << report.failure;
}

}  // namespace weft::model

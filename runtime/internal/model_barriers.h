// runtime/internal/model_barriers.h — model tests with each kind of barriers.
#ifndef WEFT_RUNTIME_INTERNAL_MODEL_BARRIERS_H_
#define WEFT_RUNTIME_INTERNAL_MODEL_BARRIERS_H_

#include <string>
#include <utility>
#include <vector>

#include "base/barrier_pair.h"
#include "tools/model/model.h"

namespace weft::runtime_internal {

// Each scenario with both kinds of barriers. By the part that they are about, so that a barrier is
// shown to be needed by each of its users.
inline std::vector<model::Scenario> WithBothBarriers(
    const std::vector<std::pair<const char*, void (*)(BarrierKind)>>& bodies) {
  std::vector<model::Scenario> scenarios;
  for (const auto& [name, body] : bodies) {
    for (const BarrierKind kind : {BarrierKind::kAsymmetric, BarrierKind::kFences}) {
      const char* const suffix = kind == BarrierKind::kFences ? ".Fences" : "";
      scenarios.push_back({name + std::string(suffix), [body = body, kind] { body(kind); }, {}});
    }
  }
  return scenarios;
}

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_MODEL_BARRIERS_H_

// dag/internal/step_loader.h — from the messages of graph.proto to StepSpecs.
#ifndef WEFT_DAG_INTERNAL_STEP_LOADER_H_
#define WEFT_DAG_INTERNAL_STEP_LOADER_H_

#include <functional>
#include <string>
#include <vector>

#include "dag/graph.pb.h"
#include "dag/internal/expand.h"
#include "dag/internal/place_finder.h"
#include "dag/spec.h"

namespace weft::dag_internal {

// `path` counted from `directory`, without "." and "..".
std::string ResolvePath(const std::string& directory, const std::string& path);

// Turns the steps of one file into StepSpecs; reports problems and goes on.
class StepLoader {
 public:
  using Report = std::function<void(const Place&, const std::string&)>;

  // `directory` is that of the graph; `scope` its parameters.
  StepLoader(std::string directory, Scope scope, Report report)
      : directory_(std::move(directory)), scope_(std::move(scope)), report_(std::move(report)) {}

  // The step, or as many as its `repeat` says.
  std::vector<StepSpec> Load(const proto::Step& step, const PlaceFinder& places);

  // `text` with the parameters of the graph filled in.
  std::string ExpandText(const std::string& text, const Place& place,
                         Placeholders placeholders = Placeholders::kRefuse);

 private:
  StepSpec LoadOne(const proto::Step& step, const PlaceFinder& places);
  void LoadInputs(const proto::Step& step, const PlaceFinder& places, StepSpec* spec);
  InputSpec LoadInput(const proto::Input& input, const PlaceFinder& places);
  TreeInput LoadTree(const proto::Tree& tree, const PlaceFinder& places);
  void LoadOutputs(const proto::Step& step, const PlaceFinder& places, StepSpec* spec);
  void LoadBuiltin(const proto::Builtin& builtin, const PlaceFinder& places, StepSpec* spec);
  void LoadProcess(const proto::Process& process, const PlaceFinder& places, StepSpec* spec);
  void CheckProcess(const PlaceFinder& places, StepSpec* spec);
  void LoadWasm(const proto::Wasm& wasm, const PlaceFinder& places, StepSpec* spec);
  void LoadGrants(const proto::Grants& grants, const PlaceFinder& places, StepSpec* spec);
  void LoadUserParam(const proto::Param& param, const PlaceFinder& places, StepSpec* spec);
  // Calls `body` once, or with ${i} bound as often as `repeat` says.
  void Repeat(const std::string& repeat, const Place& place, const std::function<void()>& body);
  void Add(StepSpec* spec, const char* name, std::string value,
           ParamSpec::Meaning meaning = ParamSpec::Meaning::kResult);

  const std::string directory_;
  Scope scope_;
  const Report report_;
};

}  // namespace weft::dag_internal

#endif  // WEFT_DAG_INTERNAL_STEP_LOADER_H_

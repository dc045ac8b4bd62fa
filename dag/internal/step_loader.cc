#include "dag/internal/step_loader.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"

namespace weft::dag_internal {
namespace {

constexpr int64_t kMaxRepeat = 1'000'000;
constexpr char kIndexName[] = "i";

std::optional<int64_t> ParseCount(const std::string& text) {
  int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || number < 0 || number > kMaxRepeat) {
    return std::nullopt;
  }
  return number;
}

bool HasInput(const StepSpec& spec, const std::string& name) {
  return std::any_of(spec.inputs.begin(), spec.inputs.end(),
                     [&](const InputSpec& input) { return input.name == name; });
}

bool HasOutput(const StepSpec& spec, const std::string& name) {
  return std::find(spec.outputs.begin(), spec.outputs.end(), name) != spec.outputs.end();
}

std::string Quoted(const std::string& text) { return absl::StrCat("\"", text, "\""); }

}  // namespace

std::string ResolvePath(const std::string& directory, const std::string& path) {
  std::string resolved = (std::filesystem::path(directory) / path).lexically_normal().string();
  if (resolved.size() > 1 && resolved.back() == '/') resolved.pop_back();
  return resolved;
}

std::string StepLoader::ExpandText(const std::string& text, const Place& place,
                                   Placeholders placeholders) {
  absl::StatusOr<std::string> expanded = Expand(text, scope_, placeholders);
  if (expanded.ok()) return *std::move(expanded);
  report_(place, std::string(expanded.status().message()));
  return text;
}

void StepLoader::Repeat(const std::string& repeat, const Place& place,
                        const std::function<void()>& body) {
  if (repeat.empty()) return body();
  const std::string text = ExpandText(repeat, place);
  const std::optional<int64_t> count = ParseCount(text);
  if (!count.has_value()) {
    report_(place, absl::StrCat("repeat: expected a number from 0 to ", kMaxRepeat, ", found ",
                                Quoted(text)));
    return;
  }
  const auto outer = scope_.find(kIndexName);
  const std::optional<std::string> saved =
      outer == scope_.end() ? std::nullopt : std::optional<std::string>(outer->second);
  for (int64_t i = 0; i < *count; ++i) {
    scope_[kIndexName] = std::to_string(i);
    body();
  }
  if (saved.has_value()) {
    scope_[kIndexName] = *saved;
  } else {
    scope_.erase(kIndexName);
  }
}

std::vector<StepSpec> StepLoader::Load(const proto::Step& step, const PlaceFinder& places) {
  std::vector<StepSpec> specs;
  Repeat(step.repeat(), places.Of("repeat"), [&] { specs.push_back(LoadOne(step, places)); });
  return specs;
}

StepSpec StepLoader::LoadOne(const proto::Step& step, const PlaceFinder& places) {
  StepSpec spec;
  spec.place = places.place();
  spec.directory = directory_;
  spec.id = ExpandText(step.id(), places.Of("id"));
  if (step.pure() && step.uncacheable()) {
    report_(places.Of("uncacheable"), "a step cannot be both pure and uncacheable; keep one");
  }
  if (step.pure()) spec.caching = Caching::kPure;
  if (step.uncacheable()) spec.caching = Caching::kUncacheable;
  LoadInputs(step, places, &spec);
  LoadOutputs(step, places, &spec);
  switch (step.kind_case()) {
    case proto::Step::kBuiltin:
      LoadBuiltin(step.builtin(), places.Nested("builtin"), &spec);
      break;
    case proto::Step::kProcess:
      LoadProcess(step.process(), places.Nested("process"), &spec);
      break;
    case proto::Step::kWasm:
      LoadWasm(step.wasm(), places.Nested("wasm"), &spec);
      break;
    case proto::Step::KIND_NOT_SET:
      report_(spec.place, absl::StrCat("step ", Quoted(spec.id),
                                       " says not what it does; add one of builtin, process "
                                       "and wasm"));
      spec.function = "none";
      break;
  }
  return spec;
}

void StepLoader::LoadInputs(const proto::Step& step, const PlaceFinder& places, StepSpec* spec) {
  for (int k = 0; k < step.input_size(); ++k) {
    const PlaceFinder input_places = places.Nested("input", k);
    Repeat(step.input(k).repeat(), input_places.Of("repeat"),
           [&] { spec->inputs.push_back(LoadInput(step.input(k), input_places)); });
  }
}

InputSpec StepLoader::LoadInput(const proto::Input& input, const PlaceFinder& places) {
  InputSpec spec;
  spec.place = places.place();
  spec.name = ExpandText(input.name(), places.Of("name"));
  if (!spec.name.empty() && spec.name[0] == '@') {
    report_(places.Of("name"),
            absl::StrCat("input ", Quoted(spec.name), ": names that begin with '@' are reserved"));
  }
  if (!input.output().empty() && input.source_case() != proto::Input::kStep) {
    report_(places.Of("output"), "output: only an input with step: \"...\" names an output");
  }
  switch (input.source_case()) {
    case proto::Input::kLiteral:
      spec.source = LiteralInput{ExpandText(input.literal(), places.Of("literal"))};
      break;
    case proto::Input::kFile:
      spec.source = FileInput{ResolvePath(directory_, ExpandText(input.file(), places.Of("file")))};
      break;
    case proto::Input::kTree:
      spec.source = LoadTree(input.tree(), places.Nested("tree"));
      break;
    case proto::Input::kUrl:
      spec.source = UrlInput{ExpandText(input.url(), places.Of("url"))};
      break;
    case proto::Input::kStep:
      spec.source = OutputRef{ExpandText(input.step(), places.Of("step")),
                              ExpandText(input.output(), places.Of("output"))};
      break;
    case proto::Input::SOURCE_NOT_SET:
      report_(spec.place, absl::StrCat("input ", Quoted(spec.name),
                                       " has no source; add one of literal, file, tree, url and "
                                       "step"));
      break;
  }
  return spec;
}

TreeInput StepLoader::LoadTree(const proto::Tree& tree, const PlaceFinder& places) {
  TreeInput spec;
  spec.root = ResolvePath(directory_, ExpandText(tree.root(), places.Of("root")));
  for (int k = 0; k < tree.glob_size(); ++k) {
    spec.globs.push_back(ExpandText(tree.glob(k), places.Of("glob", k)));
  }
  for (int k = 0; k < tree.exclude_size(); ++k) {
    spec.exclude.push_back(ExpandText(tree.exclude(k), places.Of("exclude", k)));
  }
  if (tree.text_only()) spec.files = TreeFiles::kTextOnly;
  if (tree.symlinks() == proto::Tree::REFUSE) spec.symlinks = TreeSymlinks::kRefuse;
  return spec;
}

void StepLoader::LoadOutputs(const proto::Step& step, const PlaceFinder& places, StepSpec* spec) {
  for (int k = 0; k < step.output_size(); ++k) {
    const PlaceFinder output_places = places.Nested("output", k);
    Repeat(step.output(k).repeat(), output_places.Of("repeat"), [&] {
      spec->outputs.push_back(ExpandText(step.output(k).name(), output_places.Of("name")));
    });
  }
}

void StepLoader::Add(StepSpec* spec, const char* name, std::string value,
                     ParamSpec::Meaning meaning) {
  spec->params.push_back({name, std::move(value), meaning});
}

void StepLoader::LoadUserParam(const proto::Param& param, const PlaceFinder& places,
                               StepSpec* spec) {
  ParamSpec loaded;
  loaded.name = ExpandText(param.name(), places.Of("name"));
  loaded.value = ExpandText(param.value(), places.Of("value"));
  if (!IsFieldName(loaded.name)) {
    report_(places.place(),
            absl::StrCat("a parameter is named ", Quoted(loaded.name),
                         "; a name is 1 to 128 letters, digits, '_', '-', '/' or '.'"));
  }
  spec->params.push_back(std::move(loaded));
}

void StepLoader::LoadBuiltin(const proto::Builtin& builtin, const PlaceFinder& places,
                             StepSpec* spec) {
  spec->function = ExpandText(builtin.function(), places.Of("function"));
  if (spec->function == kProcessFunction || spec->function == kWasmFunction) {
    report_(places.Of("function"),
            absl::StrCat(Quoted(spec->function), " is no builtin; write ", spec->function,
                         " { ... } in place of builtin { ... }"));
  }
  for (int k = 0; k < builtin.param_size(); ++k) {
    LoadUserParam(builtin.param(k), places.Nested("param", k), spec);
  }
}

void StepLoader::LoadProcess(const proto::Process& process, const PlaceFinder& places,
                             StepSpec* spec) {
  spec->function = kProcessFunction;
  for (int k = 0; k < process.argv_size(); ++k) {
    Add(spec, kProcessArgv, ExpandText(process.argv(k), places.Of("argv", k), Placeholders::kKeep));
  }
  for (int k = 0; k < process.env_size(); ++k) {
    const PlaceFinder env_places = places.Nested("env", k);
    const std::string name = ExpandText(process.env(k).name(), env_places.Of("name"));
    if (name.empty() || name.find('=') != std::string::npos) {
      report_(env_places.place(), absl::StrCat("env: a variable cannot be named ", Quoted(name)));
    }
    Add(spec, kProcessEnv,
        absl::StrCat(
            name, "=",
            ExpandText(process.env(k).value(), env_places.Of("value"), Placeholders::kKeep)));
  }
  if (!process.dir().empty()) {
    const std::string dir = ExpandText(process.dir(), places.Of("dir"));
    Add(spec, kProcessDir, dir);
    spec->directory = ResolvePath(directory_, dir);
  }
  if (!process.stdin().empty()) {
    Add(spec, kProcessStdin, ExpandText(process.stdin(), places.Of("stdin")));
    if (!HasInput(*spec, spec->params.back().value)) {
      report_(places.Of("stdin"),
              absl::StrCat("stdin: the step has no input ", Quoted(spec->params.back().value)));
    }
  }
  if (!process.stdout().empty()) {
    Add(spec, kProcessStdout, ExpandText(process.stdout(), places.Of("stdout")));
    if (!HasOutput(*spec, spec->params.back().value)) {
      report_(places.Of("stdout"),
              absl::StrCat("stdout: the step has no output ", Quoted(spec->params.back().value)));
    }
  }
  CheckProcess(places, spec);
}

void StepLoader::CheckProcess(const PlaceFinder& places, StepSpec* spec) {
  std::vector<std::string> written;
  bool has_stdout = false, has_argv = false;
  for (const ParamSpec& param : spec->params) {
    has_argv |= param.name == kProcessArgv;
    if (param.name == kProcessStdout) {
      has_stdout = true;
      written.push_back(param.value);
    }
    if (param.name != kProcessArgv && param.name != kProcessEnv) continue;
    for (const std::string& name : FindPlaceholders(param.value)) {
      const std::string field = name.substr(name.find('.') + 1);
      const bool is_input = name.rfind("input.", 0) == 0;
      if (!is_input) written.push_back(field);
      if (is_input ? HasInput(*spec, field) : HasOutput(*spec, field)) continue;
      report_(places.place(), absl::StrCat("${", name, "}: the step has no ",
                                           is_input ? "input " : "output ", Quoted(field)));
    }
  }
  if (!has_argv) {
    report_(places.place(), "a process needs at least one argv: the program to run");
  }
  if (!has_stdout && spec->outputs.size() == 1 && written.empty()) {
    Add(spec, kProcessStdout, spec->outputs[0]);
    written.push_back(spec->outputs[0]);
  }
  for (const std::string& output : spec->outputs) {
    if (std::find(written.begin(), written.end(), output) != written.end()) continue;
    report_(places.place(),
            absl::StrCat("nothing writes output ", Quoted(output), "; add stdout: ", Quoted(output),
                         " or an argv with ${output.", output, "}"));
  }
}

void StepLoader::LoadWasm(const proto::Wasm& wasm, const PlaceFinder& places, StepSpec* spec) {
  spec->function = kWasmFunction;
  for (int k = 0; k < wasm.param_size(); ++k) {
    LoadUserParam(wasm.param(k), places.Nested("param", k), spec);
  }
  const std::string module =
      ResolvePath(directory_, ExpandText(wasm.module(), places.Of("module")));
  std::error_code error;
  if (wasm.module().empty()) {
    report_(places.place(), "a wasm step needs module: \"PATH\"");
  } else if (!std::filesystem::is_regular_file(module, error)) {
    report_(places.Of("module"), absl::StrCat("module ", module,
                                              " does not exist or is no file; build it, or "
                                              "correct the path (it counts from the graph)"));
  }
  spec->inputs.push_back({kWasmModule, FileInput{module}, places.Of("module")});
  Add(spec, kWasmModule, module, ParamSpec::Meaning::kExecution);
  LoadGrants(wasm.grants(), places.Nested("grants"), spec);
  const auto add_limit = [&](const char* name, uint64_t limit) {
    if (limit != 0) Add(spec, name, absl::StrCat(limit), ParamSpec::Meaning::kExecution);
  };
  add_limit(kWasmFuel, wasm.limits().fuel());
  add_limit(kWasmMemoryBytes, wasm.limits().memory_bytes());
  add_limit(kWasmWallMs, wasm.limits().wall_ms());
}

void StepLoader::LoadGrants(const proto::Grants& grants, const PlaceFinder& places,
                            StepSpec* spec) {
  if (!grants.fs_root().empty()) {
    spec->directory = ResolvePath(directory_, ExpandText(grants.fs_root(), places.Of("fs_root")));
  }
  for (int k = 0; k < grants.fs_read_size(); ++k) {
    Add(spec, kWasmFsRead, ExpandText(grants.fs_read(k), places.Of("fs_read", k)));
  }
  for (int k = 0; k < grants.http_fetch_size(); ++k) {
    Add(spec, kWasmHttpFetch, ExpandText(grants.http_fetch(k), places.Of("http_fetch", k)));
  }
  if (grants.clock()) Add(spec, kWasmClock, "true");
  if (grants.log()) Add(spec, kWasmLog, "true");
  for (int k = 0; k < grants.capability_size(); ++k) {
    Add(spec, kWasmCapability, ExpandText(grants.capability(k), places.Of("capability", k)));
  }
}

}  // namespace weft::dag_internal

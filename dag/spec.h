// dag/spec.h — what a user says about a graph: steps, their inputs and their outputs, as plain
// data.
//
// A StepSpec is independent of the text format (dag/load.h turns a file into StepSpecs) and of the
// compiled form (dag/graph.h turns StepSpecs into a Graph). Fill one by hand to build a graph in
// C++; README.md shows how.
#ifndef WEFT_DAG_SPEC_H_
#define WEFT_DAG_SPEC_H_

#include <string>
#include <variant>
#include <vector>

namespace weft {

// Where something was written, for messages. Lines and columns count from 1; 0 means unknown.
struct Place {
  std::string file;
  int line = 0;
  int column = 0;

  // "graph.textproto:3:7", or "graph.textproto" without a line, or "" when nothing is known.
  std::string ToString() const;
};

// Bytes that stand in the graph itself.
struct LiteralInput {
  std::string text;
};

// One file. The path is absolute or counts from the working directory of the process.
struct FileInput {
  std::string path;
};

// Which entries of a tree are taken, beside the globs.
enum class TreeFiles {
  kAll,       // Every regular file.
  kTextOnly,  // Files without a NUL byte in their first 8 KiB.
};

// What a walk does when it meets a symbolic link.
enum class TreeSymlinks {
  kSkip,    // The link is as if it were not there.
  kRefuse,  // The step fails and the message names the link.
};

// All files below a directory that match a glob and no exclusion. `*` and `?` stay within one
// segment of a path, `**` spans any number of segments. No glob means everything. The step sees a
// listing (dag/tree.h).
struct TreeInput {
  std::string root;
  std::vector<std::string> globs;
  std::vector<std::string> exclude;
  TreeFiles files = TreeFiles::kAll;
  TreeSymlinks symlinks = TreeSymlinks::kSkip;
};

// The body of an HTTP(S) answer. A step with such an input is fetched again at every run.
struct UrlInput {
  std::string url;
};

// A named output of another step.
struct OutputRef {
  std::string step;
  std::string output;
};

// One named input. A name that begins with '@' belongs to the kind of step, not to its user: the
// module of a wasm step is "@module".
struct InputSpec {
  std::string name;
  std::variant<LiteralInput, FileInput, TreeInput, UrlInput, OutputRef> source;
  Place place;
};

// One parameter. A name may stand more than once (the words of an argv): order is then kept.
struct ParamSpec {
  std::string name;
  std::string value;
  // A parameter that may change how a step runs but not what it computes (a time limit, a place on
  // this machine) and therefore does not count towards the key of its result.
  enum class Meaning { kResult, kExecution };
  Meaning meaning = Meaning::kResult;
};

// Whether a result may be taken from the store instead of running the step.
enum class Caching {
  kDefault,      // As the function says: processes and network reads are uncacheable.
  kPure,         // The user vouches that equal inputs give equal outputs.
  kUncacheable,  // Runs every time.
};

// One step.
struct StepSpec {
  std::string id;
  // Name in the FunctionRegistry (dag/function.h).
  std::string function;
  std::vector<ParamSpec> params;
  std::vector<InputSpec> inputs;
  std::vector<std::string> outputs;
  Caching caching = Caching::kDefault;
  // Directory from which the paths that the step reads on its own account are counted.
  std::string directory;
  Place place;
};

// What the loader passes to a step of kind "process": parameters kProcessArgv (once for each word),
// kProcessEnv ("NAME=VALUE"), kProcessDir, kProcessStdin and kProcessStdout (names).
inline constexpr char kProcessFunction[] = "process";
inline constexpr char kProcessArgv[] = "argv";
inline constexpr char kProcessEnv[] = "env";
inline constexpr char kProcessDir[] = "dir";
inline constexpr char kProcessStdin[] = "stdin";
inline constexpr char kProcessStdout[] = "stdout";

// What the loader passes to a step of kind "wasm", beside the guest's own parameters: the module is
// the input kWasmModule (last), its path the parameter of that name; grants and limits are
// parameters. StepSpec::directory is fs_root.
inline constexpr char kWasmFunction[] = "wasm";
inline constexpr char kWasmModule[] = "@module";
inline constexpr char kWasmFsRead[] = "@fs_read";
inline constexpr char kWasmHttpFetch[] = "@http_fetch";
inline constexpr char kWasmClock[] = "@clock";
inline constexpr char kWasmLog[] = "@log";
inline constexpr char kWasmCapability[] = "@capability";
inline constexpr char kWasmFuel[] = "@fuel";
inline constexpr char kWasmMemoryBytes[] = "@memory_bytes";
inline constexpr char kWasmWallMs[] = "@wall_ms";

// True if `name` may be the id of a step: letters, digits, '_', '-' and '/'; 1 to 128 of them.
bool IsStepId(const std::string& name);

// True if `name` may be the name of an input, an output or a parameter: as a step id, and '.'.
bool IsFieldName(const std::string& name);

}  // namespace weft

#endif  // WEFT_DAG_SPEC_H_
